/**
 * The matrix as a picture: a cell for each patch of rows and columns, coloured by what its elements are like. Zoomed in, it
 * ends with single elements, which have their own indices and values.
 */
import { scaleLinear } from 'd3-scale';
import { l10n } from '../../../extension/shared/language/l10n';
import type { HeatMap } from '../../../extension/shared/layers';
import { dropdown } from '../../controls/controls';
import { element } from '../../controls/elements';
import { formatCount, formatNumber } from '../../numbers/format';
import { drawAxes } from '../axes';
import { CellCursor, type CellBox } from '../cellCursor';
import {
  cellLines,
  heatFinding,
  heatQuantities,
  heatTwin,
  largestCell,
  vectorNames,
  type HeatQuantity,
} from './heatCells';
import {
  elementLines,
  elementsInSight,
  elementSpan,
  elementText,
  elementTwin,
  hasTexts,
  type CellRange,
  type ElementSource,
} from './elementCells';
import { drawHeatLegend } from './heatLegend';
import { HeatPicture } from './heatPicture';
import { heatScale, cssColour, type HeatScale } from './heatScale';
import { plotContext } from '../plotCanvas';
import { PlotFrame } from '../plotFrame';
import type { TwinTable } from '../twin';

export interface HeatMapOptions {
  title?: string;
  /** Called with the row and column of a cell's first element when a person wants to see its elements. */
  onElement?: (row: number, col: number) => void;
  /** Single elements, to be had in stored order. @param changed to be called when more are known */
  elements?: (changed: () => void) => ElementSource;
}

/** So many rows and columns are shown at least. */
const LEAST_SHOWN = 4;

/** Triplets by whose vectors rows and columns can be ordered. */
const ORDERS = 3;

export class HeatMapPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly cursor: CellCursor;
  private readonly reading = element('p', { class: 'cell-reading', 'aria-hidden': 'true' });
  private quantity: HeatQuantity = 'mean';
  private readonly elements = element(
    'button',
    { type: 'button', class: 'link', click: () => this.choose(this.cursor.place.row, this.cursor.place.col) },
    l10n.t('Show its elements (Enter)'),
  );
  private readonly onElement: ((row: number, col: number) => void) | undefined;
  private readonly x = scaleLinear();
  private readonly y = scaleLinear();
  private readonly picture = new HeatPicture();
  private readonly source: ElementSource | undefined;
  /** The elements in sight; null while cells are shown. */
  private inSight: CellRange | null = null;
  private isWaiting = false;

  /** @param onOrder called when a person wants another order; undefined where there are no vectors to order by */
  constructor(
    private map: HeatMap,
    onOrder: ((order: number) => void) | undefined,
    options: HeatMapOptions = {},
  ) {
    const { title = l10n.t('Heat map'), onElement } = options;
    this.source = options.elements?.(() => this.redrawSoon());
    const quantities = heatQuantities.map(({ key, label }) => ({ value: key, label }));
    const shown = dropdown(l10n.t('What the colours show'), quantities, this.quantity, (value) => {
      this.quantity = value;
      this.refresh();
    });
    const orders = Array.from({ length: ORDERS }, (_, i) => ({
      value: String(i + 1),
      label: l10n.t('by {0}', vectorNames(i + 1)),
    }));
    const stored = { value: '0', label: l10n.t('as stored') };
    const order = dropdown(l10n.t('Order of rows and columns'), [stored, ...orders], '0', (value) =>
      onOrder?.(Number(value)),
    );
    order.classList.add('order');
    order.title = l10n.t(
      'Rows by the elements of u, columns by those of v, the largest first: what belongs together comes together',
    );
    shown.classList.add('quantity');
    this.frame = new PlotFrame({
      title,
      height: 420,
      growth: { aspect: 0.8, most: 620 },
      margin: { top: 30, right: 14, bottom: 40, left: 54 },
      draw: () => this.draw(),
      twin: () => this.twin(),
      fileName: () => `${map.layer}-${title.toLowerCase().replaceAll(' ', '-')}`,
      readout: (x, y) => this.readout(x, y),
      ...(onElement && { pick: (x, y) => this.pick(x, y) }),
      zoom: { axes: 'xy', drag: 'move', least: LEAST_SHOWN, words: () => this.shownWords() },
      controls: [...(onOrder ? [order] : []), shown],
    });
    this.element = this.frame.element;
    this.element.classList.add('heat-map');
    this.element.append(element('div', { class: 'cell-line' }, this.reading, this.elements));
    this.elements.hidden = true;
    this.onElement = onElement;
    this.cursor = new CellCursor(this.frame, (row, col) => this.describe(row, col), {
      box: (row, col) => this.box(row, col),
      reveal: (row, col) => this.frame.zoom?.reveal(this.extent(row, col)),
      ...(onElement && { choose: (row, col) => this.choose(row, col) }),
    });
    this.show(map);
  }

  /** The same matrix in another order. */
  show(map: HeatMap): void {
    this.map = map;
    this.inSight = null;
    this.elements.hidden = !this.onElement || map.order > 0;
    const width = map.colStarts.length - 1;
    const largest = largestCell(map);
    this.cursor.reset(map.rowStarts.length - 1, width, Math.floor(largest / width), largest % width);
    this.refresh();
  }

  private refresh(): void {
    this.frame.setFinding(heatFinding(this.map));
    this.frame.redraw();
  }

  /** Several blocks of elements may come at a time. */
  private redrawSoon(): void {
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.frame.redraw();
      const { row, col } = this.cursor.place;
      this.cursor.move(row, col);
    });
  }

  private describe(row: number, col: number): string {
    const lines = this.lines(row, col);
    this.reading.textContent = lines.join(' · ');
    return lines.join(', ');
  }

  private lines(row: number, col: number): string[] {
    return this.inSight ? elementLines(this.source!, row, col) : cellLines(this.map, row, col);
  }

  private shownWords(): string {
    const ends = (axis: typeof this.x): [string, string] => {
      const [low, high] = axis.domain() as [number, number];
      return [formatCount(Math.round(low)), formatCount(Math.round(high))];
    };
    const shown = l10n.t('Shown: rows from {0} to {1}, columns from {2} to {3}.', ...ends(this.y), ...ends(this.x));
    return this.inSight ? `${shown} ${l10n.t('Each cell is an element.')}` : shown;
  }

  private twin(): TwinTable {
    const { map, inSight, source } = this;
    return inSight && source ? elementTwin(map.layer, source, inSight) : heatTwin(map, this.quantity);
  }

  private draw(): void {
    const { frame, map, x, y } = this;
    const { signed } = heatQuantities.find(({ key }) => key === this.quantity)!;
    x.domain([0, map.cols]).range([0, frame.width]);
    y.domain([0, map.rows]).range([0, frame.height]);
    const isNarrow = [frame.narrow('x', x), frame.narrow('y', y)].includes(true);
    this.look(isNarrow);
    const { inSight } = this;
    const cells = this.picture.of(map, this.quantity, signed);
    const scale = inSight ? heatScale(map.peak, signed, elementSpan(map)) : cells.scale;
    this.paint(cells.picture, scale, signed);
    const whole = (value: number): string => (Number.isInteger(value) ? formatCount(value) : '');
    const [xName, yName] =
      map.order > 0 ? [l10n.t('place of the column'), l10n.t('place of the row')] : [l10n.t('column'), l10n.t('row')];
    // An element's index stands in its middle.
    const [across, down] = [x, y].map((axis) => {
      const [low, high] = axis.domain() as [number, number];
      return inSight ? axis.copy().domain([low - 0.5, high - 0.5]) : axis;
    });
    drawAxes(frame, across!, down!, {
      ...{ x: xName, y: yName, formatX: whole, formatY: whole, wholeX: true, wholeY: true },
    });
    drawHeatLegend(frame, frame.layer('marks'), scale, (value) => (value === 0 ? '0' : formatNumber(value, 2)));
    this.keepInSight();
  }

  /** Decides between cells and single elements, and asks for those. */
  private look(isNarrow: boolean): void {
    const { frame, map, source, x, y, cursor } = this;
    const before = this.inSight;
    const ends = (axis: typeof x): [number, number] => axis.domain() as [number, number];
    this.inSight = source && isNarrow && map.order === 0 ? elementsInSight(map, ends(x), ends(y), frame) : null;
    if (this.inSight) source!.want(this.inSight);
    if ((before === null) === (this.inSight === null)) return;
    const { row, col } = cursor.place;
    if (this.inSight) {
      const [top, left] = [map.rowStarts[row] ?? 0, map.colStarts[col] ?? 0];
      cursor.reset(map.rows, map.cols, top, left);
    } else {
      cursor.reset(
        map.rowStarts.length - 1,
        map.colStarts.length - 1,
        cellOf(map.rowStarts, row),
        cellOf(map.colStarts, col),
      );
    }
  }

  /** The cell that is read out is one of those in sight. */
  private keepInSight(): void {
    const { cursor, inSight, map, x, y } = this;
    const { row, col } = cursor.place;
    const [left, right] = x.domain() as [number, number];
    const [top, bottom] = y.domain() as [number, number];
    const bounded = (at: number, starts: readonly number[], low: number, high: number): number =>
      Math.min(cellOf(starts, Math.ceil(high) - 1), Math.max(cellOf(starts, Math.floor(low)), at));
    const to = inSight
      ? {
          row: Math.min(inSight.row + inSight.rows - 1, Math.max(inSight.row, row)),
          col: Math.min(inSight.col + inSight.cols - 1, Math.max(inSight.col, col)),
        }
      : { row: bounded(row, map.rowStarts, top, bottom), col: bounded(col, map.colStarts, left, right) };
    if (to.row === row && to.col === col) cursor.draw();
    else cursor.move(to.row, to.col);
  }

  /** Cells stretched over the plot, and over them the elements that are known. */
  private paint(picture: HTMLCanvasElement, scale: HeatScale, signed: boolean): void {
    const { frame, map, x, y, inSight } = this;
    const context = plotContext(frame);
    const texts = frame.layer('points');
    if (!context) return;
    context.imageSmoothingEnabled = false;
    const [left, right] = x.domain().map((value) => (value / map.cols) * picture.width) as [number, number];
    const [top, bottom] = y.domain().map((value) => (value / map.rows) * picture.height) as [number, number];
    context.drawImage(picture, left, top, right - left, bottom - top, 0, 0, frame.width, frame.height);
    if (!inSight) return;
    const [width, height] = [x(1) - x(0), y(1) - y(0)];
    const isRoomy = hasTexts(width, height);
    for (let row = inSight.row; row < inSight.row + inSight.rows; row++) {
      for (let col = inSight.col; col < inSight.col + inSight.cols; col++) {
        const value = this.source!.at(row, col);
        if (value === undefined) continue;
        context.fillStyle = cssColour(scale.colour(signed ? value : Math.abs(value)));
        context.fillRect(x(col), y(row), width + 0.5, height + 0.5);
        const isWhole = x(col) >= -1 && x(col + 1) <= frame.width + 1 && y(row) >= -1 && y(row + 1) <= frame.height + 1;
        if (!isRoomy || !isWhole) continue;
        const text = texts.append('text').attr('class', 'mark-label').attr('text-anchor', 'middle');
        text
          .attr('x', x(col + 0.5))
          .attr('y', y(row + 0.5))
          .attr('dy', '0.34em')
          .text(elementText(value, 2));
      }
    }
  }

  /** Rows and columns of what the cursor may stand on. */
  private extent(row: number, col: number): { x: [number, number]; y: [number, number] } {
    if (this.inSight) return { x: [col, col + 1], y: [row, row + 1] };
    const { rowStarts, colStarts } = this.map;
    return { x: [colStarts[col]!, colStarts[col + 1]!], y: [rowStarts[row]!, rowStarts[row + 1]!] };
  }

  private box(row: number, col: number): CellBox {
    const { frame, map, x, y, inSight } = this;
    if (inSight) {
      // As much of the element as is in sight.
      const left = Math.max(0, x(col));
      const top = Math.max(0, y(row));
      const right = Math.min(frame.width, x(col + 1));
      return { left, top, width: right - left, height: Math.min(frame.height, y(row + 1)) - top };
    }
    // The picture has cells of one size.
    const [rows, cols] = [map.rowStarts.length - 1, map.colStarts.length - 1];
    const edge = (axis: typeof x, share: number, all: number): number => axis(share * all);
    const left = edge(x, col / cols, map.cols);
    const top = edge(y, row / rows, map.rows);
    if (frame.width <= 0) return { left: 0, top: 0, width: 0, height: 0 };
    return {
      ...{ left, width: edge(x, (col + 1) / cols, map.cols) - left },
      ...{ top, height: edge(y, (row + 1) / rows, map.rows) - top },
    };
  }

  /** The cell, or the element, at a place in the plot. */
  private cellAt(x: number, y: number): { row: number; col: number } {
    const { map, inSight } = this;
    const [down, across] = [this.y.invert(y), this.x.invert(x)];
    if (inSight) {
      return {
        row: Math.min(map.rows - 1, Math.max(0, Math.floor(down))),
        col: Math.min(map.cols - 1, Math.max(0, Math.floor(across))),
      };
    }
    const at = (starts: readonly number[], value: number): number =>
      Math.min(starts.length - 2, Math.max(0, Math.floor((value * (starts.length - 1)) / starts.at(-1)!)));
    return { row: at(map.rowStarts, down), col: at(map.colStarts, across) };
  }

  private pick(x: number, y: number): void {
    const { row, col } = this.cellAt(x, y);
    this.cursor.move(row, col);
  }

  private choose(row: number, col: number): void {
    const { map } = this;
    // Rows and columns by a vector's elements have no one place in the file.
    if (map.order > 0) return;
    const { x, y } = this.extent(row, col);
    this.onElement?.(y[0], x[0]);
  }

  private readout(x: number, y: number): { x: number; lines: string[] } {
    const { row, col } = this.cellAt(x, y);
    return { x, lines: this.lines(row, col) };
  }
}

/** The cell that holds a row or a column. */
function cellOf(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length - 2];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (starts[middle]! <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
