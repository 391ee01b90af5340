/**
 * Choosing a method and its options. Both come from the method table, so that a method that is added there has its
 * controls. A method that lacks statistics is shown with what it lacks, and cannot be chosen.
 */
import {
  DEFAULT_OPTIONS,
  methodOptions,
  type OptionName,
  type OptionRow,
  type QuantiserName,
} from '../../extension/shared/compression/methodOptions';
import { layerMethod, layerMethods, type MethodName } from '../../extension/shared/compression/methodTable';
import { acts } from '../../extension/shared/compression/quantisers';
import { l10n } from '../../extension/shared/language/l10n';
import { dropdown } from '../controls/controls';
import { element } from '../controls/elements';
import { field, numberInput } from '../controls/fields';
import type { MethodChoice } from './choiceAtShare';
import type { Lacking } from './neededStatistics';

export class MethodField {
  readonly element = element('div', { class: 'method-field' });
  private shown = '';

  /**
   * @param lacking what a method cannot do without, in words; undefined if it can run
   * @param name of the group, for screen readers
   */
  constructor(
    private readonly name: string,
    private readonly lacking: Lacking,
    private readonly onChange: (choice: MethodChoice) => void,
  ) {
    this.element.setAttribute('role', 'group');
    this.element.setAttribute('aria-label', name);
  }

  /** Shows a choice. Controls are made anew only where something is different: one of them may have the focus. */
  show(choice: MethodChoice): void {
    const lacks = layerMethods.map(({ name }) => this.lacking(name) ?? '');
    const state = JSON.stringify([choice, lacks]);
    if (state === this.shown) return;
    this.shown = state;
    const focused = this.element.contains(document.activeElement) ? document.activeElement?.id : undefined;
    const { method } = choice;
    const row = layerMethod(method);
    const options = row.options.filter((option) => acts(option, quantiserOf(choice)));
    const methods = layerMethods.map(({ name, label }) => {
      const lack = this.lacking(name);
      return { value: name, label: lack === undefined ? label : `${label} (${lack})`, disabled: lack !== undefined };
    });
    const select = dropdown<MethodName>(l10n.t('Method'), methods, method, (chosen) => this.choose({ method: chosen }));
    select.id = `${this.idPrefix}-method`;
    const lack = this.lacking(method);
    this.element.replaceChildren(
      field(l10n.t('Method'), select),
      element('p', { class: 'muted description' }, row.description),
      ...(lack === undefined ? [] : [element('p', { class: 'problem' }, `${row.label} ${lack}.`)]),
      ...(options.length > 0
        ? [element('div', { class: 'options' }, ...options.map((option) => this.optionControl(choice, option)))]
        : []),
    );
    if (focused) document.getElementById(focused)?.focus();
  }

  private get idPrefix(): string {
    return this.name.toLowerCase().replace(/\W+/g, '-');
  }

  private choose(choice: MethodChoice): void {
    this.show(choice);
    this.onChange(choice);
  }

  private optionControl(choice: MethodChoice, name: OptionName): HTMLElement {
    const option = methodOptions.find((each) => each.name === name)!;
    const value = choice[name] ?? DEFAULT_OPTIONS[name];
    const set = (chosen: string | number): void => {
      const { [name]: _, ...others } = choice;
      // What is the default is not written into plans.
      this.choose(withoutIdle(chosen === DEFAULT_OPTIONS[name] ? others : { ...others, [name]: chosen }));
    };
    const [control, unit] = optionInput(option, value, set);
    control.id = `${this.idPrefix}-${name}`;
    const made = field(option.label, control, unit);
    made.title = option.description;
    return made;
  }
}

function quantiserOf({ quantiser = DEFAULT_OPTIONS.quantiser }: MethodChoice): QuantiserName {
  return quantiser;
}

/** What another quantiser leaves without effect is not written into plans either. */
function withoutIdle(choice: MethodChoice): MethodChoice {
  const quantiser = quantiserOf(choice);
  const idle = methodOptions.filter(({ name }) => !acts(name, quantiser)).map(({ name }) => name);
  return Object.fromEntries(
    Object.entries(choice).filter(([key]) => !(idle as readonly string[]).includes(key)),
  ) as unknown as MethodChoice;
}

function optionInput(
  option: OptionRow,
  value: string | number,
  set: (value: string | number) => void,
): [HTMLElement, string?] {
  switch (option.kind) {
    case 'choice': {
      const choices = option.choices.map((each) => ({ value: each, label: each }));
      return [dropdown(option.label, choices, String(value), set)];
    }
    case 'integer': {
      const { least, most } = option;
      const input = numberInput({ min: least, max: most, step: 1 }, (typed) =>
        set(Math.min(most, Math.max(least, Math.round(typed)))),
      );
      input.value = String(value);
      return [input];
    }
    case 'share': {
      const input = numberInput({ min: 0, max: 100, step: 'any' }, (typed) =>
        set(Math.min(1, Math.max(0, typed / 100))),
      );
      input.value = String(Math.round(Number(value) * 1e6) / 1e4);
      return [input, '%'];
    }
  }
}
