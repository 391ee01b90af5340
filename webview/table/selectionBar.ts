/** What can be done with several rows that were chosen, beside how many they are. */
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { plural } from '../numbers/format';
import type { RowMenuItem } from './rowMenu';

export class SelectionBar {
  readonly element: HTMLElement;
  private readonly count = element('span', { class: 'selection-count', role: 'status' });
  private readonly actions = element('span', { class: 'selection-actions' });
  /** What the buttons are for. */
  private shown = '';

  /** @param clear takes the choice away */
  constructor(clear: () => void) {
    const close = button({
      ...{ label: 'Clear the selection', icon: 'close', appearance: 'icon', title: 'Clear the selection (Escape)' },
      onClick: clear,
    });
    this.element = element(
      'div',
      { class: 'selection-bar', role: 'group', 'aria-label': 'Selected rows', hidden: true },
      ...[this.count, this.actions, close],
    );
  }

  /**
   * @param layers how many layers and tensors the rows stand for
   * @param items asked when a button is pressed: layers may be known by then that were not
   */
  show(rows: number, layers: number, items: () => readonly RowMenuItem[]): void {
    const before = this.element.hidden;
    this.element.hidden = rows < 2;
    if (rows < 2) {
      this.count.textContent = '';
      this.shown = '';
      return;
    }
    const selected = `${plural(rows, 'row')} selected`;
    const text = rows === layers ? selected : `${selected}: ${plural(layers, 'tensor or layer', 'tensors and layers')}`;
    if (this.count.textContent !== text) this.count.textContent = text;
    const offered = items();
    const shown = offered.map(({ label }) => label).join('\n');
    if (shown === this.shown && !before) return;
    this.shown = shown;
    this.actions.replaceChildren(
      ...offered.map(({ label, icon }) =>
        button({
          label,
          icon,
          onClick: () =>
            items()
              .find((item) => item.label === label)
              ?.run(),
        }),
      ),
    );
  }
}
