/** The panel in which a person chooses the table's columns. */
import { isUsual, USUAL_LAYOUT, type ColumnLayout } from '../../extension/shared/columnLayout';
import { l10n } from '../../extension/shared/language/l10n';
import { button, checkbox, setChecked } from '../controls/controls';
import { element } from '../controls/elements';
import { openPopup } from '../controls/popup';
import { COLUMN_GROUPS, type ColumnGroup } from '../numbers/columnGroups';
import { chosenColumns } from './columnLayout';

/** A column as the panel lists it. */
export interface OfferedColumn {
  readonly key: string;
  readonly label: string;
  readonly description: string;
  readonly group: ColumnGroup;
}

export interface ChooserState {
  readonly layout: ColumnLayout;
  /** Keys of chosen columns that the table has no room for. */
  readonly left: ReadonlySet<string>;
}

/**
 * Opens below its button; every tick takes effect at once.
 *
 * @param state asked again after every change
 * @param addOwn asks for a file of more columns; absent if there is nobody to ask
 */
export function chooseColumns(
  columns: readonly OfferedColumn[],
  state: () => ChooserState,
  owner: HTMLElement,
  onChange: (layout: ColumnLayout) => void,
  addOwn?: () => void,
): void {
  const change = (next: Partial<ColumnLayout>): void => {
    onChange({ ...state().layout, ...next });
    show();
  };
  const boxes = columns.map((column) => {
    const box = checkbox(column.label, false, (checked) => {
      const chosen = new Set(chosenColumns(state().layout));
      if (checked) chosen.add(column.key);
      else chosen.delete(column.key);
      change({ chosen: [...chosen] });
    });
    return { ...column, box };
  });
  const fit = checkbox(l10n.t('Only columns that fit'), true, (checked) => change({ fit: checked }));
  fit.title = l10n.t('Leaves out what the table has no room for; else it scrolls sideways');
  const reset = button({
    label: l10n.t('Reset'),
    icon: 'discard',
    title: l10n.t('The usual columns, in their usual order and width'),
    onClick: () => {
      change(USUAL_LAYOUT);
      fit.focus();
    },
  });
  const add =
    addOwn &&
    button({
      label: l10n.t('Add Columns from File…'),
      icon: 'add',
      onClick: () => {
        close();
        addOwn();
      },
    });
  const groups = Object.entries(COLUMN_GROUPS).flatMap(([group, title]) => {
    const members = boxes.filter((each) => each.group === group).map(({ box }) => box);
    return members.length === 0 ? [] : [element('fieldset', {}, element('legend', {}, title), ...members)];
  });
  const show = (): void => {
    const { layout, left } = state();
    const chosen = chosenColumns(layout);
    setChecked(fit, layout.fit);
    reset.disabled = isUsual(layout);
    for (const { key, box, label, description } of boxes) {
      setChecked(box, chosen.has(key));
      const isLeft = left.has(key);
      box.classList.toggle('left-out', isLeft);
      box.title = isLeft ? `${description} ${l10n.t('Chosen, but there is no room for it.')}` : description;
      box.replaceChildren(label, ...(isLeft ? [element('span', { class: 'muted' }, ` (${l10n.t('no room')})`)] : []));
    }
  };
  const panel = element(
    'div',
    { class: 'popup column-chooser', role: 'dialog', 'aria-label': l10n.t('Columns') },
    element('div', { class: 'chooser-head' }, fit, reset, add),
    element('div', { class: 'chooser-scroll' }, element('div', { class: 'chooser-groups' }, ...groups)),
    element(
      'p',
      { class: 'muted' },
      l10n.t(
        'Drag the edge of a column’s title to change its width, and the title to move it. By keyboard: Shift or Ctrl with ← →.',
      ),
    ),
  );
  show();
  const { right, bottom } = owner.getBoundingClientRect();
  const close = openPopup(panel, { x: right, y: bottom }, owner);
  fit.focus();
}
