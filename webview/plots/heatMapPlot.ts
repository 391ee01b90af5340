/** The matrix as a picture: a cell for each patch of rows and columns, coloured by what its elements are like. */
import { scaleLinear } from 'd3-scale';
import type { HeatMap } from '../../extension/shared/layers';
import { dropdown } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount, formatNumber } from '../numbers/format';
import { drawAxes } from './axes';
import { CellCursor } from './cellCursor';
import {
  cellLines,
  heatFinding,
  heatQuantities,
  heatTwin,
  largestCell,
  vectorNames,
  type HeatQuantity,
} from './heatCells';
import { drawHeatLegend } from './heatLegend';
import { heatScale, type HeatScale } from './heatScale';
import { plotContext } from './plotCanvas';
import { PlotFrame } from './plotFrame';

export interface HeatMapOptions {
  title?: string;
  /** Called with the row and column of a cell's first element when a person wants to see its elements. */
  onElement?: (row: number, col: number) => void;
}

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
    'Show its elements (Enter)',
  );
  private readonly onElement: ((row: number, col: number) => void) | undefined;
  private readonly x = scaleLinear();
  private readonly y = scaleLinear();

  /** @param onOrder called when a person wants another order; undefined where there are no vectors to order by */
  constructor(
    private map: HeatMap,
    onOrder: ((order: number) => void) | undefined,
    options: HeatMapOptions = {},
  ) {
    const { title = 'Heat map', onElement } = options;
    const quantities = heatQuantities.map(({ key, label }) => ({ value: key, label }));
    const shown = dropdown('What the colours show', quantities, this.quantity, (value) => {
      this.quantity = value;
      this.refresh();
    });
    const orders = Array.from({ length: ORDERS }, (_, i) => ({
      value: String(i + 1),
      label: `by ${vectorNames(i + 1)}`,
    }));
    const stored = { value: '0', label: 'as stored' };
    const order = dropdown('Order of rows and columns', [stored, ...orders], '0', (value) => onOrder?.(Number(value)));
    order.classList.add('order');
    order.title =
      'Rows by the elements of u, columns by those of v, the largest first: what belongs together comes together';
    shown.classList.add('quantity');
    this.frame = new PlotFrame({
      title,
      height: 420,
      growth: { aspect: 0.8, most: 620 },
      margin: { top: 30, right: 14, bottom: 40, left: 54 },
      draw: () => this.draw(),
      twin: () => heatTwin(this.map, this.quantity),
      fileName: () => `${map.layer}-${title.toLowerCase().replaceAll(' ', '-')}`,
      readout: (x, y) => this.readout(x, y),
      ...(onElement && { pick: (x, y) => this.pick(x, y) }),
      controls: [...(onOrder ? [order] : []), shown],
    });
    this.element = this.frame.element;
    this.element.classList.add('heat-map');
    this.element.append(element('div', { class: 'cell-line' }, this.reading, this.elements));
    this.elements.hidden = true;
    this.onElement = onElement;
    this.cursor = new CellCursor(this.frame, (row, col) => this.describe(row, col), {
      ...(onElement && { choose: (row, col) => this.choose(row, col) }),
    });
    this.show(map);
  }

  /** The same matrix in another order. */
  show(map: HeatMap): void {
    this.map = map;
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

  private describe(row: number, col: number): string {
    const lines = cellLines(this.map, row, col);
    this.reading.textContent = lines.join(' · ');
    return lines.join(', ');
  }

  private draw(): void {
    const { frame, map, x, y } = this;
    const { signed } = heatQuantities.find(({ key }) => key === this.quantity)!;
    const scale = heatScale(map[this.quantity], signed);
    this.paint(scale);
    x.domain([0, map.cols]).range([0, frame.width]);
    y.domain([0, map.rows]).range([0, frame.height]);
    const whole = (value: number): string => (Number.isInteger(value) ? formatCount(value) : '');
    const place = map.order > 0 ? 'place of the ' : '';
    drawAxes(frame, x, y, { x: `${place}column`, y: `${place}row`, formatX: whole, formatY: whole });
    drawHeatLegend(frame, frame.layer('marks'), scale, (value) => (value === 0 ? '0' : formatNumber(value, 2)));
    this.cursor.draw();
  }

  /** One pixel a cell, stretched over the plot. */
  private paint(scale: HeatScale): void {
    const { frame, map } = this;
    const context = plotContext(frame);
    const width = map.colStarts.length - 1;
    const height = map.rowStarts.length - 1;
    const cells = new ImageData(width, height);
    map[this.quantity].forEach((value, cell) => {
      const [red, green, blue] = scale.colour(value);
      cells.data.set([red, green, blue, 255], 4 * cell);
    });
    const small = document.createElement('canvas');
    small.width = width;
    small.height = height;
    small.getContext('2d')?.putImageData(cells, 0, 0);
    if (!context) return;
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, frame.width, frame.height);
  }

  /** The cell at a place in the plot. */
  private cellAt(x: number, y: number): { row: number; col: number } {
    const { map } = this;
    const at = (starts: readonly number[], value: number): number =>
      Math.min(starts.length - 2, Math.max(0, Math.floor((value * (starts.length - 1)) / starts.at(-1)!)));
    return { row: at(map.rowStarts, this.y.invert(y)), col: at(map.colStarts, this.x.invert(x)) };
  }

  private pick(x: number, y: number): void {
    const { row, col } = this.cellAt(x, y);
    this.cursor.move(row, col);
  }

  private choose(row: number, col: number): void {
    const { map } = this;
    // Rows and columns by a vector's elements have no one place in the file.
    if (map.order === 0) this.onElement?.(map.rowStarts[row]!, map.colStarts[col]!);
  }

  private readout(x: number, y: number): { x: number; lines: string[] } {
    const { row, col } = this.cellAt(x, y);
    return { x, lines: cellLines(this.map, row, col) };
  }
}
