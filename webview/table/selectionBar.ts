/** What can be done with several rows that were chosen, beside how many they are. */
import { l10n } from '../../extension/shared/language/l10n';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount } from '../numbers/format';
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
      ...{
        label: l10n.t('Clear the selection'),
        icon: 'close',
        appearance: 'icon',
        title: l10n.t('Clear the selection (Escape)'),
      },
      onClick: clear,
    });
    this.element = element(
      'div',
      { class: 'selection-bar', role: 'group', 'aria-label': l10n.t('Selected rows'), hidden: true },
      ...[this.count, close, this.actions],
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
    const selected = l10n.many(rows, '1 row selected', '{0} rows selected', formatCount(rows));
    const text =
      rows === layers
        ? selected
        : l10n.many(layers, '{0}: 1 tensor or layer', '{0}: {1} tensors and layers', selected, formatCount(layers));
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
