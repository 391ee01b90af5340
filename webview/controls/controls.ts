/**
 * The form controls of the view. The only file that imports `@vscode/webview-ui-toolkit`, whose upstream is archived:
 * replacing it means rewriting this file and no other.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodePanels,
  vsCodePanelTab,
  vsCodePanelView,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import type { Button, Checkbox, Dropdown, Panels, TextField } from '@vscode/webview-ui-toolkit';
import { element } from './elements';
import { icon, type IconName } from './icons';

export type { Button, Checkbox, Dropdown, Panels, TextField };

export function registerControls(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodePanels(),
    vsCodePanelTab(),
    vsCodePanelView(),
    vsCodeTextField(),
  );
}

declare global {
  interface HTMLElementTagNameMap {
    'vscode-button': Button;
    'vscode-checkbox': Checkbox;
    'vscode-dropdown': Dropdown;
    'vscode-option': HTMLElement;
    'vscode-panels': Panels;
    'vscode-panel-tab': HTMLElement;
    'vscode-panel-view': HTMLElement;
    'vscode-text-field': TextField;
  }
}

export interface ButtonOptions {
  label: string;
  /** In an `icon` button it stands alone and the label is its tooltip and accessible name. */
  icon?: IconName;
  appearance?: 'primary' | 'secondary' | 'icon';
  title?: string;
  /** In a narrow page its icon stands alone, as in an `icon` button. */
  shrinks?: boolean;
  onClick: () => void;
}

export function button(options: ButtonOptions): Button {
  const { label, appearance = 'secondary', title, shrinks = false } = options;
  const onlyIcon = appearance === 'icon';
  const named = onlyIcon || shrinks;
  const made = element('vscode-button', {
    appearance,
    class: shrinks ? 'shrinks' : undefined,
    title: title ?? (named ? label : undefined),
    'aria-label': named ? label : undefined,
    click: () => options.onClick(),
  });
  if (options.icon !== undefined) {
    const picture = icon(options.icon);
    if (!onlyIcon) picture.slot = 'start';
    made.append(picture);
  }
  if (!onlyIcon) made.append(label);
  return made;
}

/** Checkboxes that the page is setting: the toolkit says `change` then, too, as if a person had. */
const beingSet = new WeakSet<Checkbox>();

/** @param onChange when a person checks or unchecks it; `setChecked` does not call it */
export function checkbox(label: string, checked: boolean, onChange: (checked: boolean) => void): Checkbox {
  const made = element(
    'vscode-checkbox',
    {
      change: () => {
        if (!beingSet.has(made)) onChange(made.checked);
      },
    },
    label,
  );
  setChecked(made, checked);
  return made;
}

export function setChecked(box: Checkbox, checked: boolean): void {
  beingSet.add(box);
  box.checked = checked;
  beingSet.delete(box);
}

export interface Choice<V extends string> {
  value: V;
  label: string;
  /** It is shown and cannot be chosen; the label says why. */
  disabled?: boolean;
}

export function dropdown<V extends string>(
  label: string,
  choices: readonly Choice<V>[],
  value: V,
  onChange: (value: V) => void,
): Dropdown {
  const options = choices.map((choice) =>
    element(
      'vscode-option',
      { value: choice.value, selected: choice.value === value, disabled: choice.disabled === true },
      choice.label,
    ),
  );
  const made = element('vscode-dropdown', { 'aria-label': label, change: () => onChange(made.value as V) }, ...options);
  return made;
}

export interface TextFieldOptions {
  label: string;
  placeholder?: string;
  value?: string;
  /** At the start of the field. */
  icon?: IconName;
  onInput: (value: string) => void;
}

export function textField(options: TextFieldOptions): TextField {
  const made = element('vscode-text-field', {
    placeholder: options.placeholder,
    input: () => options.onInput(made.value),
  });
  made.value = options.value ?? '';
  // Once it is in the page the toolkit calls every field "Text field".
  requestAnimationFrame(() => made.setAttribute('aria-label', options.label));
  if (options.icon !== undefined) {
    const picture = icon(options.icon);
    picture.slot = 'start';
    made.append(picture);
  }
  return made;
}

export interface Panel {
  id: string;
  label: string;
  content: HTMLElement;
}

/** Tabs; `onChange` hears the id of the panel a person turns to. */
export function panels(label: string, list: readonly Panel[], active: string, onChange: (id: string) => void): Panels {
  const tabs = list.map((panel) => element('vscode-panel-tab', { id: `tab-${panel.id}` }, panel.label));
  const views = list.map((panel) => element('vscode-panel-view', { id: `view-${panel.id}` }, panel.content));
  const made = element(
    'vscode-panels',
    {
      'aria-label': label,
      activeid: `tab-${active}`,
      change: (event) => {
        // Dropdowns and inputs inside a panel send `change` events too.
        if (event.target === made) onChange(made.activeid.replace(/^tab-/, ''));
      },
    },
    ...tabs,
    ...views,
  );
  return made;
}
