/** A grid of elements that shows what is in sight of any number of them, with a cursor, a selection and true indices. */
import { indicesOf, type ElementRange, type ElementTable } from '../../../extension/shared/elements';
import { l10n } from '../../../extension/shared/language/l10n';
import { element } from '../../controls/elements';
import { formatCount, formatNumber } from '../../numbers/format';
import { ScrolledAxis } from './scrolledAxis';

const ROW_HEIGHT = 22;
const COLUMN_WIDTH = 88;
const HEAD_HEIGHT = 24;

/** Width of a letter of an index, and what stands around it. */
const LETTER = 7;
const HEAD_PADDING = 18;

/** Digits shown; the reading of a cell has all of them. */
const DIGITS = 5;

export interface GridActions {
  /** Undefined while it is not known. */
  value(row: number, col: number): number | undefined;
  /** These are in sight. */
  visible(range: ElementRange): void;
  /** The cursor or the selection moved. */
  moved(): void;
  copy(): void;
}

interface Place {
  row: number;
  col: number;
}

export class ValuesGrid {
  readonly element: HTMLElement;
  private readonly space = element('div', { class: 'values-space', 'aria-hidden': 'true' });
  private readonly view = element('div', { class: 'values-view', role: 'presentation' });
  private readonly rows: ScrolledAxis;
  private readonly cols: ScrolledAxis;
  private readonly headWidth: number;
  private cursor: Place = { row: 0, col: 0 };
  private anchor: Place = { row: 0, col: 0 };
  private frame = 0;

  constructor(
    private readonly table: ElementTable,
    private readonly actions: GridActions,
  ) {
    this.rows = new ScrolledAxis(table.rows, ROW_HEIGHT);
    this.cols = new ScrolledAxis(table.cols, COLUMN_WIDTH);
    const longest = rowLabel(table, Math.max(0, table.rows - 1)).length;
    this.headWidth = HEAD_PADDING + LETTER * Math.max(2, longest);
    this.element = element(
      'div',
      {
        ...{ class: 'values-grid', role: 'grid', tabindex: 0, 'aria-label': l10n.t('Elements of {0}', table.layer) },
        ...{ 'aria-rowcount': table.rows + 1, 'aria-colcount': table.cols + 1, 'aria-multiselectable': 'true' },
        keydown: (event) => this.onKey(event as KeyboardEvent),
      },
      this.view,
      this.space,
    );
    this.space.style.height = `${this.rows.pixels + HEAD_HEIGHT}px`;
    this.space.style.width = `${this.cols.pixels + this.headWidth}px`;
    this.element.addEventListener('scroll', () => this.onScroll());
    this.element.addEventListener('wheel', (event) => this.onWheel(event), { passive: false });
    this.element.addEventListener('pointerdown', (event) => this.onPointer(event));
    this.element.addEventListener('pointermove', (event) => {
      if ((event.buttons & 1) !== 0 && this.element.hasPointerCapture(event.pointerId)) this.select(event);
    });
    new ResizeObserver(() => this.drawSoon()).observe(this.element);
  }

  /** What is selected: the cell of the cursor at least. */
  get selection(): ElementRange {
    const { cursor, anchor } = this;
    const [row, col] = [Math.min(cursor.row, anchor.row), Math.min(cursor.col, anchor.col)];
    return { row, col, rows: Math.abs(cursor.row - anchor.row) + 1, cols: Math.abs(cursor.col - anchor.col) + 1 };
  }

  get place(): Place {
    return this.cursor;
  }

  /** @param extend keeps the other end of the selection */
  moveTo(row: number, col: number, extend = false): void {
    const bounded = (value: number, count: number): number => Math.min(Math.max(0, count - 1), Math.max(0, value));
    this.cursor = { row: bounded(row, this.table.rows), col: bounded(col, this.table.cols) };
    if (!extend) this.anchor = this.cursor;
    this.rows.reveal(this.cursor.row, this.shownHeight);
    this.cols.reveal(this.cursor.col, this.shownWidth);
    this.syncBars();
    this.draw();
    this.actions.moved();
  }

  selectAll(): void {
    this.anchor = { row: 0, col: 0 };
    this.cursor = { row: this.table.rows - 1, col: this.table.cols - 1 };
    this.draw();
    this.actions.moved();
  }

  /** More is known. */
  drawSoon(): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  private get shownHeight(): number {
    return Math.max(ROW_HEIGHT, this.element.clientHeight - HEAD_HEIGHT);
  }

  private get shownWidth(): number {
    return Math.max(COLUMN_WIDTH, this.element.clientWidth - this.headWidth);
  }

  private syncBars(): void {
    this.element.scrollTop = this.rows.position(this.shownHeight);
    this.element.scrollLeft = this.cols.position(this.shownWidth);
  }

  private onScroll(): void {
    this.rows.scrolledTo(this.element.scrollTop, this.shownHeight);
    this.cols.scrolledTo(this.element.scrollLeft, this.shownWidth);
    this.drawSoon();
  }

  /** A step of a wheel is a few rows, however long the table. */
  private onWheel(event: WheelEvent): void {
    if (event.ctrlKey || event.deltaY === 0 || event.shiftKey || !this.rows.isScaled) return;
    event.preventDefault();
    if (this.rows.moveTo(this.rows.before + event.deltaY, this.shownHeight)) this.syncBars();
    this.drawSoon();
  }

  private placeAt(event: PointerEvent): Place {
    const box = this.element.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - this.headWidth, event.clientY - box.top - HEAD_HEIGHT];
    return {
      row: Math.floor((y + this.rows.before) / ROW_HEIGHT),
      col: Math.floor((x + this.cols.before) / COLUMN_WIDTH),
    };
  }

  private onPointer(event: PointerEvent): void {
    const box = this.element.getBoundingClientRect();
    const onBars =
      event.clientX - box.left >= this.element.clientWidth || event.clientY - box.top >= this.element.clientHeight;
    if (event.button !== 0 || onBars) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const { row, col } = this.placeAt(event);
    this.moveTo(row, col, event.shiftKey);
  }

  private select(event: PointerEvent): void {
    const { row, col } = this.placeAt(event);
    if (row !== this.cursor.row || col !== this.cursor.col) this.moveTo(row, col, true);
  }

  private onKey(event: KeyboardEvent): void {
    const all = event.ctrlKey || event.metaKey;
    if (all && event.key.toLowerCase() === 'c') {
      event.preventDefault();
      this.actions.copy();
      return;
    }
    if (all && event.key.toLowerCase() === 'a') {
      event.preventDefault();
      this.selectAll();
      return;
    }
    const page = Math.max(1, Math.floor(this.shownHeight / ROW_HEIGHT) - 1);
    const { row, col } = this.cursor;
    const steps: Readonly<Record<string, Place>> = {
      ArrowUp: { row: all ? 0 : row - 1, col },
      ArrowDown: { row: all ? Infinity : row + 1, col },
      ArrowLeft: { row, col: all ? 0 : col - 1 },
      ArrowRight: { row, col: all ? Infinity : col + 1 },
      PageUp: { row: row - page, col },
      PageDown: { row: row + page, col },
      Home: { row: all ? 0 : row, col: 0 },
      End: { row: all ? Infinity : row, col: Infinity },
    };
    const to = steps[event.key];
    if (!to) return;
    event.preventDefault();
    this.moveTo(to.row, to.col, event.shiftKey);
  }

  private draw(): void {
    const { rows, cols, view, table, headWidth } = this;
    if (this.element.clientWidth === 0) return;
    view.style.width = `${this.element.clientWidth}px`;
    view.style.height = `${this.element.clientHeight}px`;
    const down = rows.lines(this.shownHeight);
    const across = cols.lines(this.shownWidth);
    if (down.end > down.first && across.end > across.first) {
      const range = {
        row: down.first,
        col: across.first,
        rows: down.end - down.first,
        cols: across.end - across.first,
      };
      this.actions.visible(range);
    }
    const { selection } = this;
    const left = (col: number): string => `${headWidth + col * COLUMN_WIDTH - cols.before}px`;
    const drawn: HTMLElement[] = [];
    for (let row = down.first; row < down.end; row++) {
      const line = element('div', { class: 'values-row', role: 'row', 'aria-rowindex': row + 2 });
      line.style.top = `${HEAD_HEIGHT + row * ROW_HEIGHT - rows.before}px`;
      for (let col = across.first; col < across.end; col++) {
        const cell = this.cell(row, col, selection);
        cell.style.left = left(col);
        line.append(cell);
      }
      const head = element(
        'div',
        { class: 'values-head', role: 'rowheader', 'aria-colindex': 1 },
        rowLabel(table, row),
      );
      head.style.width = `${headWidth}px`;
      line.prepend(head);
      drawn.push(line);
    }
    const top = element('div', { class: 'values-row values-top', role: 'row', 'aria-rowindex': 1 });
    const corner = element('div', { class: 'values-head', role: 'columnheader', 'aria-colindex': 1 }, '');
    corner.setAttribute('aria-label', l10n.t('row'));
    corner.style.width = `${headWidth}px`;
    top.append(corner);
    for (let col = across.first; col < across.end; col++) {
      const text = columnLabel(table, col);
      const head = element(
        'div',
        { class: 'values-cell', role: 'columnheader', 'aria-colindex': col + 2, title: text },
        text,
      );
      head.style.left = left(col);
      top.append(head);
    }
    view.replaceChildren(top, ...drawn);
    this.element.setAttribute('aria-activedescendant', cellId(this.cursor.row, this.cursor.col));
  }

  private cell(row: number, col: number, { row: top, rows, col: first, cols }: ElementRange): HTMLElement {
    const value = this.actions.value(row, col);
    const isCursor = row === this.cursor.row && col === this.cursor.col;
    const selected = row >= top && row < top + rows && col >= first && col < first + cols;
    const text = value === undefined ? '…' : formatNumber(value, DIGITS);
    const places = l10n.t('row {0}, column {1}', rowLabel(this.table, row), columnLabel(this.table, col));
    return element(
      'div',
      {
        ...{ id: cellId(row, col), role: 'gridcell', 'aria-colindex': col + 2, 'aria-selected': String(selected) },
        class: `values-cell${selected ? ' selected' : ''}${isCursor ? ' cursor' : ''}${value === 0 ? ' zero' : ''}`,
        'aria-label': `${text}, ${places}`,
      },
      text,
    );
  }
}

function cellId(row: number, col: number): string {
  return `value-${row}-${col}`;
}

/** The tensor's first indices, which a row of the table shares. */
export function rowLabel(table: ElementTable, row: number): string {
  return indicesOf(table, row, 0).slice(0, leadingAxes(table)).map(formatCount).join(' · ');
}

/** The tensor's other indices. */
export function columnLabel(table: ElementTable, col: number): string {
  const labels = indicesOf({ ...table, offset: 0 }, 0, col).slice(leadingAxes(table));
  return labels.length === 0 ? '' : labels.map(formatCount).join(' · ');
}

/** How many axes of the tensor the rows of the table stand for. */
function leadingAxes({ shape, cols }: ElementTable): number {
  let product = 1;
  let axis = shape.length;
  while (axis > 0 && product * shape[axis - 1]! <= cols) {
    if (product === cols && axis < shape.length) break;
    axis -= 1;
    product *= shape[axis]!;
  }
  return axis;
}
