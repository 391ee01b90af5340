/**
 * The plan's table of layers: a grid whose rows exist only while they are in sight, sorted by its headers. A row is chosen
 * to be edited beside the table, so that nothing that a person types scrolls away.
 */
import { l10n } from '../../extension/shared/language/l10n';
import { element } from '../controls/elements';
import { icon } from '../controls/icons';
import { roving } from '../controls/roving';
import { ROW_HEIGHT } from '../table/tableActions';
import { columnWidths, planColumns, sortedRows, type LayerRow, type RowOrder } from './planRows';

/** Rows kept ready above and below the ones in sight. */
const OVERSCAN = 6;

/** Least width of the first column, in pixels; more for longer names if the table is wide. */
const NAME_WIDTH = 220;
const LONG_NAME_WIDTH = 340;

/** Of a character, on the average, in pixels, and of what stands around a name. */
const CHARACTER_WIDTH = 7;
const NAME_PADDING = 36;

export interface PlanTableActions {
  /** The row a person wants to edit. */
  choose(layer: string): void;
  /** Takes back what was set by hand. */
  reset(layer: string): void;
  order(order: RowOrder | null): void;
}

export class PlanTable {
  readonly element: HTMLElement;
  private readonly head: HTMLElement;
  private readonly body = element('div', { class: 'table-body', role: 'rowgroup' });
  private readonly empty = element('p', { class: 'table-empty', role: 'status' });
  private readonly pool: HTMLElement[] = [];
  private rows: readonly LayerRow[] = [];
  private shown: readonly LayerRow[] = [];
  private active = 0;
  private chosen: string | null = null;
  private frame = 0;

  constructor(
    private readonly actions: PlanTableActions,
    private order: RowOrder | null,
  ) {
    const cells = planColumns.map(({ key, label, description, align }, index) =>
      element(
        'div',
        {
          ...{ class: `cell ${align}`, role: 'columnheader', 'aria-colindex': index + 1, 'data-column': key },
          ...{ 'aria-sort': 'none', title: description },
        },
        element(
          'button',
          { class: 'sort-button', type: 'button', click: () => this.sortBy(key) },
          element('span', { class: 'sort-label' }, label),
          icon('arrow-up'),
        ),
      ),
    );
    this.head = element(
      'div',
      { class: 'table-head', role: 'rowgroup' },
      element('div', { class: 'table-row', role: 'row', 'aria-rowindex': 1 }, ...cells),
    );
    roving(this.head, '.sort-button', ['ArrowLeft', 'ArrowRight'])();
    this.element = element(
      'div',
      {
        ...{ class: 'table plan-table', role: 'grid', 'aria-label': l10n.t('Layers of the plan'), tabindex: 0 },
        ...{ 'aria-colcount': planColumns.length, 'aria-readonly': 'true' },
      },
      this.head,
      this.body,
      this.empty,
    );
    this.element.addEventListener('scroll', () => this.schedule(), { passive: true });
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    this.body.addEventListener('click', ({ target }) => {
      const row = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
      if (row) this.choose(Number(row.dataset.index));
    });
    new ResizeObserver(() => {
      this.setWidths();
      this.schedule();
    }).observe(this.element);
    this.showOrder();
  }

  /** @param nothing what is said if there are no rows */
  show(rows: readonly LayerRow[], nothing: string): void {
    this.rows = rows;
    this.empty.textContent = nothing;
    this.empty.hidden = rows.length > 0;
    this.setWidths();
    this.arrange();
  }

  /** Marks the row that is edited; null marks none. */
  mark(layer: string | null): void {
    this.chosen = layer;
    this.schedule();
  }

  focus(): void {
    this.element.focus();
  }

  /** The first column has room for the longest name, but no more than two fifths of the table. */
  private setWidths(): void {
    const longest = this.rows.reduce((most, { name }) => Math.max(most, name.length), 0);
    const wanted = Math.min(LONG_NAME_WIDTH, longest * CHARACTER_WIDTH + NAME_PADDING);
    const name = Math.round(Math.max(NAME_WIDTH, Math.min(wanted, 0.4 * this.element.clientWidth)));
    const widths = columnWidths(this.rows);
    this.element.style.setProperty('--columns', `minmax(${name}px, 1fr) ${widths.map((w) => `${w}px`).join(' ')}`);
    this.element.style.setProperty('--table-width', `${widths.reduce((sum, width) => sum + width, name)}px`);
  }

  private arrange(): void {
    const before = this.shown[this.active]?.name;
    this.shown = sortedRows(this.rows, this.order);
    const kept = this.shown.findIndex(({ name }) => name === before);
    this.active = Math.max(0, kept >= 0 ? kept : Math.min(this.active, this.shown.length - 1));
    this.element.setAttribute('aria-rowcount', String(this.shown.length + 1));
    this.body.style.height = `${this.shown.length * ROW_HEIGHT}px`;
    this.schedule();
  }

  /** A third press goes back to the checkpoint's order. */
  private sortBy(column: string): void {
    const descendingFirst = planColumns.find(({ key }) => key === column)?.align === 'end';
    if (this.order?.column !== column) this.order = { column, descending: descendingFirst };
    else if (this.order.descending === descendingFirst) this.order = { column, descending: !descendingFirst };
    else this.order = null;
    this.showOrder();
    this.arrange();
    this.actions.order(this.order);
  }

  private showOrder(): void {
    for (const cell of this.head.querySelectorAll<HTMLElement>('[role=columnheader]')) {
      const sorted = cell.dataset.column === this.order?.column;
      cell.setAttribute('aria-sort', sorted ? (this.order!.descending ? 'descending' : 'ascending') : 'none');
    }
  }

  private onKey(event: KeyboardEvent): void {
    // Keys in the header's buttons are theirs.
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((this.element.clientHeight - this.head.offsetHeight) / ROW_HEIGHT) - 1);
    const to = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: this.shown.length - 1,
    }[event.key];
    const row = this.shown[this.active];
    if (to !== undefined) this.moveTo(to);
    else if (event.key === 'Enter' || event.key === 'F2' || event.key === ' ') this.choose(this.active);
    else if (event.key === 'Delete' && row?.pinned === true) this.actions.reset(row.name);
    else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      this.element.scrollBy({ left: event.key === 'ArrowLeft' ? -96 : 96 });
    } else return;
    event.preventDefault();
  }

  private choose(index: number): void {
    const row = this.shown[index];
    if (!row) return;
    this.moveTo(index);
    this.actions.choose(row.name);
  }

  private moveTo(index: number): void {
    if (this.shown.length === 0) return;
    this.active = Math.min(Math.max(index, 0), this.shown.length - 1);
    const top = this.active * ROW_HEIGHT;
    const room = this.element.clientHeight - this.head.offsetHeight;
    const { scrollTop } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + room) this.element.scrollTop = top + ROW_HEIGHT - room;
    this.draw();
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - OVERSCAN);
    const end = Math.min(this.shown.length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + OVERSCAN);
    const count = Math.max(0, end - first);
    while (this.pool.length < count) {
      const made = planColumns.map(({ align }, i) =>
        element('div', {
          class: `cell ${align}${i === 0 ? ' name whole-name' : ''}`,
          role: i === 0 ? 'rowheader' : 'gridcell',
          'aria-colindex': i + 1,
        }),
      );
      const row = element('div', { class: 'table-row', role: 'row', id: `plan-row-${this.pool.length}` }, ...made);
      this.pool.push(row);
      this.body.append(row);
    }
    // In the order of the rows: a screen reader reads them as they stand in the document.
    this.pool.forEach((view, at) => {
      view.hidden = at >= count;
      if (at < count) this.fill(view, first + at);
    });
    const active = this.pool[this.active - first];
    if (active && !active.hidden) this.element.setAttribute('aria-activedescendant', active.id);
    else this.element.removeAttribute('aria-activedescendant');
  }

  private fill(view: HTMLElement, index: number): void {
    const row = this.shown[index]!;
    view.dataset.index = String(index);
    view.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
    view.setAttribute('aria-rowindex', String(index + 2));
    view.setAttribute('aria-selected', String(row.name === this.chosen));
    view.classList.toggle('active', index === this.active);
    view.classList.toggle('dense', 'keep' in row.plan);
    view.classList.toggle('edited', row.pinned);
    planColumns.forEach((column, i) => {
      const cell = view.children[i] as HTMLElement;
      const text = column.text(row);
      // Names differ at their ends: one that is too long loses its beginning.
      if (i === 0 && cell.textContent !== text) cell.replaceChildren(element('bdi', { dir: 'ltr' }, text));
      else if (cell.textContent !== text) cell.textContent = text;
      const title = column.title?.(row) ?? '';
      if (cell.title !== title) cell.title = title;
    });
  }
}
