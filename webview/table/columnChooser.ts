/** The panel in which a person chooses the table's columns. */
import type { Column } from './columns';
import { checkbox } from '../controls/controls';
import { element } from '../controls/elements';
import { openPopup } from '../controls/popup';

/**
 * Opens below its button; every tick takes effect at once.
 *
 * @param onChange hears the keys of all columns chosen
 */
export function chooseColumns(
  columns: readonly Column[],
  chosen: Set<string>,
  owner: HTMLElement,
  onChange: (chosen: string[]) => void,
): void {
  const boxes = columns.map(({ key, label, description }) => {
    const box = checkbox(label, chosen.has(key), (checked) => {
      if (checked) chosen.add(key);
      else chosen.delete(key);
      onChange([...chosen]);
    });
    box.title = description;
    return box;
  });
  const panel = element('div', { class: 'popup column-chooser', role: 'dialog', 'aria-label': 'Columns' }, ...boxes);
  const { right, bottom } = owner.getBoundingClientRect();
  openPopup(panel, { x: right, y: bottom }, owner);
  boxes[0]?.focus();
}
