/**
 * One visible row of the table. The element is reused for whatever row scrolls into its place. Only what changed is
 * written to the page, and texts into nodes that are there: elements that are thrown away add up to a pause for garbage
 * collection while 100 000 rows scroll.
 */
import { l10n } from '../../extension/shared/language/l10n';
import type { Column } from './columns';
import { element } from '../controls/elements';
import { icon, setIcon, type IconName } from '../controls/icons';
import type { TreeNode } from '../model/moduleTree';
import type { RowStatus } from './rowStatus';
import { ROW_HEIGHT } from './tableActions';
import { foundMarks, isWhole } from './findInRows';
import { CellView, setText } from './tableCell';
import type { ShownRow } from './tableOrder';

/** Pixels a row is indented for each level of the tree. */
export const INDENT = 14;

const STATUS_ICONS: Record<RowStatus['kind'], IconName | null> = {
  none: null,
  running: 'sync',
  failed: 'error',
  warning: 'warning',
};

export interface RowContext {
  isExpanded(node: TreeNode): boolean;
  status(node: TreeNode): RowStatus;
  /** What is looked for in the names, in lower case; empty for nothing. */
  wanted(): string;
}

let nextId = 0;

export class RowView {
  readonly element: HTMLElement;
  /** Row shown now; −1 while out of use. */
  index = -1;

  private readonly twistie = element('span', { class: 'twistie icon', 'aria-hidden': 'true' });
  private readonly label = element('span', { class: 'row-label' });
  private readonly status = element('span', { class: 'row-status icon', role: 'img' });
  private readonly bar = element('span', { class: 'row-progress', 'aria-hidden': 'true' });
  private readonly name: HTMLElement;
  private readonly cells: CellView[];
  /** The name while no letter of it is marked. */
  private readonly plainText = document.createTextNode('');
  private readonly plain = element('bdi', { dir: 'ltr' }, this.plainText);
  private depth = -1;
  private shownStatus: RowStatus | null = null;

  constructor(
    columns: readonly Column[],
    private readonly context: RowContext,
  ) {
    this.name = element(
      'div',
      { class: 'cell name', role: 'rowheader', 'aria-colindex': 1 },
      this.twistie,
      this.label,
      // Reached by the context-menu key as well, so it is no stop of its own in the tab order.
      element('span', { class: 'row-menu', 'aria-hidden': 'true', title: l10n.t('Actions') }, icon('ellipsis')),
      this.status,
      this.bar,
    );
    this.cells = columns.slice(1).map((column, i) => new CellView(column, i + 2));
    const cells = this.cells.map((cell) => cell.element);
    this.element = element('div', { class: 'table-row', role: 'row', id: `row-${nextId++}` }, this.name, ...cells);
  }

  show(row: ShownRow, index: number, marks: { active: boolean; chosen: boolean; open: boolean }): void {
    const { node } = row;
    const target = this.element;
    if (this.index !== index) {
      this.index = index;
      target.dataset.index = String(index);
      target.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
      target.setAttribute('aria-rowindex', String(index + 2));
      target.hidden = false;
    }
    target.setAttribute('aria-level', String(row.depth + 1));
    target.setAttribute('aria-selected', String(marks.chosen));
    if (marks.open) target.setAttribute('aria-current', 'true');
    else target.removeAttribute('aria-current');
    target.classList.toggle('active', marks.active);
    target.classList.toggle('current-match', marks.active && this.context.wanted() !== '');
    target.classList.toggle('group', node.layer === undefined);
    this.showName(row);
    this.showStatus(node);
    for (const cell of this.cells) cell.show(node);
  }

  hide(): void {
    if (this.index < 0) return;
    this.index = -1;
    this.element.hidden = true;
  }

  private showName(row: ShownRow): void {
    const { node, matches, found } = row;
    const opens = node.children.length > 0;
    const expanded = opens && this.context.isExpanded(node);
    setIcon(this.twistie, opens ? (expanded ? 'chevron-down' : 'chevron-right') : null);
    if (opens) this.element.setAttribute('aria-expanded', String(expanded));
    else this.element.removeAttribute('aria-expanded');
    if (this.depth !== row.depth) {
      this.depth = row.depth;
      this.name.style.paddingInlineStart = `${4 + row.depth * INDENT}px`;
    }
    // In the tree a row says what it adds to its parent; in a flat list, its whole name.
    const whole = isWhole(row);
    const text = whole ? (found ?? node.name) : node.label;
    const wanted = this.context.wanted();
    // Whole names differ at their ends: one that is too long loses its beginning.
    this.label.classList.toggle('whole-name', whole);
    const marks = wanted === '' ? matches : foundMarks(row, wanted);
    if (marks && marks.size > 0) {
      this.label.replaceChildren(element('bdi', { dir: 'ltr' }, ...highlighted(text, marks)));
    } else {
      setText(this.plainText, text);
      if (this.plain.parentNode !== this.label) this.label.replaceChildren(this.plain);
    }
    const title = rowTitle(node);
    if (this.name.title !== title) this.name.title = title;
  }

  private showStatus(node: TreeNode): void {
    const status = this.context.status(node);
    const { kind, fraction, words } = status;
    const before = this.shownStatus;
    if (before && kind === before.kind && fraction === before.fraction && words === before.words) return;
    this.shownStatus = status;
    this.status.className = `row-status icon ${kind}`;
    setIcon(this.status, STATUS_ICONS[kind]);
    this.status.hidden = kind === 'none';
    this.status.title = words;
    if (kind === 'none') this.status.removeAttribute('aria-label');
    else this.status.setAttribute('aria-label', words);
    this.bar.hidden = kind !== 'running';
    this.bar.style.transform = `scaleX(${fraction})`;
  }
}

function rowTitle({ name, tensor }: TreeNode): string {
  const alias = tensor?.alias === undefined ? '' : `\n${tensor.alias}`;
  return tensor?.sharedWith ? l10n.t('{0} (tied with {1})', name, tensor.sharedWith) + alias : name + alias;
}

/** The text with its matched letters in <mark>s, neighbours joined. */
function highlighted(text: string, matches: ReadonlySet<number>): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let start = 0;
  for (let i = 1; i <= text.length; i++) {
    if (i < text.length && matches.has(i) === matches.has(start)) continue;
    const piece = text.slice(start, i);
    parts.push(matches.has(start) ? element('mark', {}, piece) : piece);
    start = i;
  }
  return parts;
}
