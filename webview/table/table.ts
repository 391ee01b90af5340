/**
 * The table of tensors: a treegrid whose rows exist only while they are in sight. Rows have one height, so that the
 * scroll bar is exact and 100 000 of them cost no more than a screenful.
 */
import { l10n } from '../../extension/shared/language/l10n';
import type { Column } from './columns';
import { element } from '../controls/elements';
import type { TreeNode } from '../model/moduleTree';
import { ROW_HEIGHT, type TableActions } from './tableActions';
import { RowSelection } from './rowSelection';
import { ScrollAnchor } from './scrollAnchor';
import { RowView, type RowContext } from './tableRow';
import { TableHeader, type TableSort } from './tableHeader';
import { handleTableKey } from './tableKeyboard';
import type { ShownRow } from './tableOrder';

/** Rows kept ready above and below the ones in sight, so that a quick scroll shows no gaps. */
const OVERSCAN = 8;

/** A pause in scrolling after which rows in sight are reported and put in reading order. */
const SETTLE_MS = 120;

/** Least width of the first column, in pixels, and its largest share of the table's part of the page, in percent. */
const LEAST_NAME_WIDTH = 180;
const NAME_SHARE = 34;

export class LayerTable {
  readonly element: HTMLElement;
  rows: readonly ShownRow[] = [];
  /** Index of the row the keyboard is on; −1 in an empty table. */
  active = -1;
  /** Layer shown in the layer's view. */
  selected: string | null = null;
  private readonly selection = new RowSelection();

  private readonly header: TableHeader;
  private readonly body: HTMLElement;
  private readonly empty: HTMLElement;
  private columns: readonly Column[] = [];
  private nameWidth = 0;
  private givenNameWidth: number | undefined;
  private lastWidth = 0;
  private pool: RowView[] = [];
  private frame = 0;
  private settleTimer = 0;
  /** The open layer's row was in sight when the table last came to rest. */
  private sawSelection = false;
  readonly anchor = new ScrollAnchor(this);

  constructor(
    private readonly actions: TableActions,
    private readonly context: RowContext,
  ) {
    this.header = new TableHeader(actions);
    this.body = element('div', { class: 'table-body', role: 'rowgroup' });
    this.empty = element('p', { class: 'table-empty', role: 'status' });
    this.element = element(
      'div',
      {
        class: 'table',
        role: 'treegrid',
        'aria-label': l10n.t('Tensors'),
        tabindex: 0,
        'aria-multiselectable': 'true',
      },
      this.header.element,
      this.body,
      this.empty,
    );
    const scrolled = (): void => {
      this.anchor.scrolled();
      this.moved();
    };
    this.element.addEventListener('scroll', scrolled, { passive: true });
    this.element.addEventListener('keydown', (event) => handleTableKey(event, this, this.actions));
    this.body.addEventListener('mousedown', (event) => {
      if (!event.shiftKey && !event.ctrlKey && !event.metaKey) return;
      // Chooses rows, not their text.
      event.preventDefault();
      this.element.focus();
    });
    this.body.addEventListener('click', (event) => this.onClick(event));
    this.body.addEventListener('contextmenu', (event) => this.onContextMenu(event));
    new ResizeObserver(() => {
      // Behind the plan of the model it has no width.
      if (this.width !== this.lastWidth && this.width > 0) {
        this.lastWidth = this.width;
        this.setTracks();
        this.actions.widthChanged();
      }
      this.anchor.keep();
      if (this.sawSelection) this.keepSelection();
      this.moved();
    }).observe(this.element);
  }

  /** Rows that fit in sight below the header. */
  get pageSize(): number {
    return Math.max(1, Math.floor((this.element.clientHeight - this.header.element.offsetHeight) / ROW_HEIGHT) - 1);
  }

  /**
   * @param columns with their widths, the name's first
   * @param nameWidth pixels that a person gave the name
   */
  setColumns(columns: readonly Column[], nameWidth: number | undefined): void {
    const same = columns.length === this.columns.length && columns.every(({ key }, i) => key === this.columns[i]!.key);
    this.columns = columns;
    this.givenNameWidth = nameWidth;
    this.setTracks();
    if (same) return;
    this.header.show(columns);
    this.element.setAttribute('aria-colcount', String(columns.length));
    this.pool.forEach((row) => row.element.remove());
    this.pool = [];
    this.moved();
    // At once: in the frame of a table that just got its width, there is no other.
    this.draw();
  }

  /** Other widths of the same columns. */
  setWidths(widthOf: (key: string) => number | undefined, nameWidth: number | undefined): void {
    this.columns = this.columns.map((column) => ({ ...column, width: widthOf(column.key) ?? column.width }));
    this.givenNameWidth = nameWidth;
    this.setTracks();
  }

  /** Width that the first column would like, in pixels: names in a list are longer than in the tree. */
  setNameWidth(width: number): void {
    if (width === this.nameWidth) return;
    this.nameWidth = width;
    this.setTracks();
    // What it takes, the numbers do not have.
    this.actions.widthChanged();
  }

  /** Pixels within the scroll bar. */
  get width(): number {
    return this.element.clientWidth;
  }

  /** Pixels that the first column takes at least. */
  get nameRoom(): number {
    const share = (NAME_SHARE / 100) * this.width;
    // Beside a layer's view the numbers have the first claim to the room.
    return this.givenNameWidth ?? Math.min(this.nameWidth, Math.max(LEAST_NAME_WIDTH, share));
  }

  private setTracks(): void {
    const [, ...others] = this.columns.map((column) => column.width);
    const name = `${this.nameRoom}px`;
    // What is scrolled to must not end up below the name, which stays where it is.
    this.element.style.setProperty('scroll-padding-inline-start', name);
    const first = this.givenNameWidth === undefined ? `minmax(${name}, 1fr)` : name;
    this.element.style.setProperty('--columns', [first, ...others.map((width) => `${width}px`)].join(' '));
    const width = others.reduce((sum, each) => sum + each, this.nameRoom);
    this.element.style.setProperty('--table-width', `${width}px`);
  }

  setSort(sort: TableSort | null): void {
    this.header.setSort(sort);
  }

  /** Shows other rows; the keyboard stays on the same node where it is still there. */
  setRows(rows: readonly ShownRow[], emptyMessage: string): void {
    const before = this.rows[this.active]?.node.key;
    this.rows = rows;
    const kept = before === undefined ? -1 : rows.findIndex((row) => row.node.key === before);
    this.active = kept >= 0 ? kept : Math.min(Math.max(this.active, 0), rows.length - 1);
    this.element.setAttribute('aria-rowcount', String(rows.length + 1));
    this.body.style.height = `${rows.length * ROW_HEIGHT}px`;
    this.empty.textContent = rows.length === 0 ? emptyMessage : '';
    this.empty.hidden = rows.length > 0;
    this.anchor.keep();
    this.moved();
  }

  /** Draws the rows in sight again: values or marks changed. */
  refresh(): void {
    this.schedule();
  }

  moveTo(index: number): void {
    if (this.rows.length === 0) return;
    this.active = Math.min(Math.max(index, 0), this.rows.length - 1);
    this.scrollIntoView(this.active);
    this.draw();
  }

  /** Puts the keyboard on a layer's row and brings it into sight. */
  reveal(layer: string): boolean {
    this.anchor.hold(null);
    const index = this.rows.findIndex((row) => row.node.layer === layer);
    if (index < 0) return false;
    this.bringToMiddle(index);
    this.moveTo(index);
    return true;
  }

  /** Brings the open layer's row back into sight, if it has one. */
  keepSelection(): void {
    const index = this.selectedIndex();
    if (index >= 0) this.bringToMiddle(index);
  }

  private selectedIndex(): number {
    const { selected } = this;
    return selected === null ? -1 : this.rows.findIndex((row) => row.node.layer === selected);
  }

  private bringToMiddle(index: number): void {
    if (!this.isInSight(index)) this.element.scrollTop = index * ROW_HEIGHT - this.element.clientHeight / 2;
  }

  private isInSight(index: number): boolean {
    const { clientHeight, scrollTop } = this.element;
    const top = index * ROW_HEIGHT;
    return top >= scrollTop && top + ROW_HEIGHT <= scrollTop + clientHeight - this.header.element.offsetHeight;
  }

  /** Marks the layer that is shown in the layer's view. */
  select(layer: string | null, key: string | undefined): void {
    this.selected = layer;
    if (key === undefined) this.selection.clear();
    else this.selection.only(key);
    this.chosenChanged();
  }

  /** Rows that are chosen together; one, or none, for a single layer. */
  get chosen(): readonly TreeNode[] {
    return this.selection.in(this.rows).map(({ node }) => node);
  }

  get menuNodes(): readonly TreeNode[] {
    const { node } = this.rows[this.active]!;
    const { chosen } = this;
    return chosen.length > 1 && chosen.includes(node) ? chosen : [node];
  }

  extendTo(index: number): void {
    const from = this.active;
    this.moveTo(index);
    this.selection.rangeTo(this.rows, from, this.active);
    this.chosenChanged();
  }

  toggleChosen(): void {
    const row = this.rows[this.active];
    if (row) this.selection.toggle(row.node.key);
    this.chosenChanged();
  }

  chooseAll(): void {
    this.selection.all(this.rows);
    this.chosenChanged();
  }

  forgetChosen(): boolean {
    if (this.selection.size < 2) return false;
    const open = this.rows[this.selectedIndex()];
    if (open) this.selection.only(open.node.key);
    else this.selection.clear();
    this.chosenChanged();
    return true;
  }

  private chosenChanged(): void {
    this.draw();
    this.actions.chosen();
  }

  scrollColumns(direction: -1 | 1): void {
    this.element.scrollBy({ left: direction * 96 });
  }

  private scrollIntoView(index: number): void {
    const head = this.header.element.offsetHeight;
    const top = index * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_HEIGHT + head > scrollTop + clientHeight) {
      this.element.scrollTop = top + ROW_HEIGHT + head - clientHeight;
    }
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** Other rows came into sight. New values alone do not count: with a stream of them it would never come to rest. */
  private moved(): void {
    this.schedule();
    window.clearTimeout(this.settleTimer);
    this.settleTimer = window.setTimeout(() => this.settle(), SETTLE_MS);
  }

  private range(overscan: number): { first: number; end: number } {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - overscan);
    const end = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + overscan);
    return { first: Math.min(first, end), end };
  }

  /** Row i is drawn by view i mod n: scrolling by one row redraws one row. */
  private draw(): void {
    if (this.columns.length === 0) return;
    const { first, end } = this.range(OVERSCAN);
    while (this.pool.length < end - first) {
      const row = new RowView(this.columns, this.context);
      this.pool.push(row);
      this.body.append(row.element);
    }
    const used = new Set<RowView>();
    for (let index = first; index < end; index++) {
      const view = this.pool[index % this.pool.length]!;
      used.add(view);
      const { node } = this.rows[index]!;
      const marks = {
        active: index === this.active,
        chosen: this.selection.has(node.key),
        open: this.selected !== null && this.selected === node.layer,
      };
      view.show(this.rows[index]!, index, marks);
    }
    for (const view of this.pool) if (!used.has(view)) view.hide();
    const active = this.pool[this.active % Math.max(1, this.pool.length)];
    if (this.active >= first && this.active < end && active) {
      this.element.setAttribute('aria-activedescendant', active.element.id);
    } else this.element.removeAttribute('aria-activedescendant');
  }

  /** Screen readers read in document order: put the rows back in it once the scrolling has come to rest. */
  private settle(): void {
    const shown = this.pool.filter((view) => view.index >= 0).sort((a, b) => a.index - b.index);
    const inOrder = shown.every((view, i) => i === 0 || follows(shown[i - 1]!.element, view.element));
    if (!inOrder) this.body.append(...shown.map((view) => view.element));
    const selected = this.selectedIndex();
    this.sawSelection = selected >= 0 && this.isInSight(selected);
    const { first, end } = this.range(0);
    this.actions.visible(this.rows.slice(first, end).map((row) => row.node));
  }

  private indexAt(event: Event): number {
    const target = event.target instanceof Element ? event.target.closest('[data-index]') : null;
    return target instanceof HTMLElement ? Number(target.dataset.index) : -1;
  }

  private onClick(event: MouseEvent): void {
    const index = this.indexAt(event);
    const row = this.rows[index];
    if (!row) return;
    if (event.shiftKey) {
      this.extendTo(index);
      return;
    }
    this.active = index;
    if (event.ctrlKey || event.metaKey) {
      this.toggleChosen();
      return;
    }
    this.draw();
    const target = event.target as Element;
    if (target.closest('.row-menu')) {
      const box = target.getBoundingClientRect();
      this.actions.menu(this.menuNodes, { x: box.left, y: box.bottom });
    } else if (row.node.children.length > 0 && (row.node.layer === undefined || target.closest('.twistie'))) {
      this.selection.startAt(row.node.key);
      this.actions.toggle(row.node, !this.context.isExpanded(row.node));
    } else this.actions.open(row.node, 'pointer');
  }

  private onContextMenu(event: MouseEvent): void {
    const index = this.indexAt(event);
    const row = this.rows[index];
    if (!row) return;
    event.preventDefault();
    this.moveTo(index);
    this.actions.menu(this.menuNodes, { x: event.clientX, y: event.clientY });
  }

  /** The place for a menu of the active row when it is opened by keyboard. */
  activePlace(): { x: number; y: number } {
    const view = this.pool.find((candidate) => candidate.index === this.active);
    const box = (view?.element ?? this.element).getBoundingClientRect();
    return { x: Math.max(box.left, 0) + 40, y: box.bottom };
  }
}

function follows(a: Element, b: Element): boolean {
  return (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
}
