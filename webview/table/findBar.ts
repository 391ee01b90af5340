/** The line of controls that finds names in the table without hiding the other rows, as Ctrl+F does in an editor. */
import { l10n } from '../../extension/shared/language/l10n';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount } from '../numbers/format';
import type { TreeNode } from '../model/moduleTree';
import { findInRows } from './findInRows';
import type { ShownRow } from './tableOrder';

export interface FindActions {
  /** All rows that there are, those in folded modules too, in the order of the table. */
  rows(): readonly ShownRow[];
  /** The row the keyboard is on. */
  active(): TreeNode | undefined;
  /** Unfolds what is around a row, puts the keyboard on it and brings it into sight. */
  goTo(node: TreeNode): void;
  /** Marks what is found in the rows in sight. */
  redraw(): void;
  /** After closing. */
  focusTable(): void;
}

export class FindBar {
  readonly element: HTMLElement;
  /** What is marked in the rows, in lower case; empty while nothing is looked for. */
  wanted = '';
  private readonly field: HTMLInputElement;
  private readonly count = element('span', { class: 'muted find-count', role: 'status' });
  private found: readonly TreeNode[] = [];
  private at = -1;

  constructor(private readonly actions: FindActions) {
    this.field = element('input', {
      ...{ class: 'text', type: 'text', spellcheck: 'false', 'aria-label': l10n.t('Find in the table') },
      placeholder: l10n.t('Find'),
      input: () => this.look(),
    });
    const previous = button({
      ...{
        label: l10n.t('Previous match'),
        icon: 'arrow-up',
        appearance: 'icon',
        title: l10n.t('Previous match (Shift+Enter)'),
      },
      onClick: () => this.step(-1),
    });
    const next = button({
      ...{ label: l10n.t('Next match'), icon: 'arrow-down', appearance: 'icon', title: l10n.t('Next match (Enter)') },
      onClick: () => this.step(1),
    });
    const close = button({
      ...{ label: l10n.t('Close'), icon: 'close', appearance: 'icon', title: l10n.t('Close (Escape)') },
      onClick: () => this.close(),
    });
    this.element = element(
      'div',
      { class: 'find-bar', role: 'search', 'aria-label': l10n.t('Find in the table'), hidden: true },
      ...[this.field, this.count, previous, next, close],
    );
    this.element.addEventListener('keydown', (event) => this.onKey(event));
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** Opens, or goes back to the field; what stood in it is found again. */
  open(): void {
    if (!this.isOpen) {
      this.element.hidden = false;
      if (this.field.value !== '') this.look();
    }
    this.field.focus();
    this.field.select();
  }

  close(): void {
    this.element.hidden = true;
    this.wanted = '';
    this.actions.redraw();
    this.actions.focusTable();
  }

  /** Other rows are there: places are counted anew, and the table stays where it is. */
  rowsChanged(): void {
    if (!this.isOpen || this.wanted === '') return;
    const current = this.found[this.at];
    this.found = findInRows(this.actions.rows(), this.wanted);
    this.at = current ? this.found.indexOf(current) : -1;
    this.showCount();
  }

  /** The next or the previous place; after the last comes the first. */
  step(direction: -1 | 1): void {
    const { length } = this.found;
    if (length === 0) return;
    const from = this.at < 0 && direction < 0 ? 0 : this.at;
    this.go((from + direction + length) % length);
  }

  private look(): void {
    this.wanted = this.field.value.trim().toLowerCase();
    const rows = this.actions.rows();
    this.found = findInRows(rows, this.wanted);
    this.at = -1;
    this.actions.redraw();
    // As in an editor, it begins at the row the keyboard is on.
    const active = this.actions.active();
    const start = rows.findIndex(({ node }) => node === active);
    const behind = new Set(rows.slice(Math.max(0, start)).map(({ node }) => node));
    const first = this.found.findIndex((node) => behind.has(node));
    if (this.found.length > 0) this.go(Math.max(0, first));
    else this.showCount();
  }

  private go(at: number): void {
    this.at = at;
    this.actions.goTo(this.found[at]!);
    this.showCount();
  }

  private showCount(): void {
    const { length } = this.found;
    const place =
      this.at < 0 ? plainCount(length) : l10n.t('{0} of {1}', formatCount(this.at + 1), formatCount(length));
    const current = this.found[this.at];
    // For those who do not see which row it is.
    const name = current && element('span', { class: 'hidden' }, `: ${current.name}`);
    this.count.replaceChildren(this.wanted === '' ? '' : place, ...(name ? [name] : []));
    this.element.classList.toggle('nothing', this.wanted !== '' && length === 0);
  }

  private onKey(event: KeyboardEvent): void {
    const { key, shiftKey } = event;
    if (key === 'Escape') this.close();
    else if (key === 'F3' || (key === 'Enter' && event.target === this.field)) this.step(shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function plainCount(found: number): string {
  return found === 0 ? l10n.t('No match') : l10n.t('{0} found', formatCount(found));
}

export function isFindKey({ key, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent): boolean {
  return key.toLowerCase() === 'f' && ctrlKey !== metaKey && !shiftKey && !altKey;
}
