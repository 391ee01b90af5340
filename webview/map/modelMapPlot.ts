/** The model as a picture: a cell for each block and role, coloured by a number that a person chooses. */
import { verdictName } from '../../extension/shared/verdict';
import { l10n } from '../../extension/shared/language/l10n';
import { layerVerdict } from '../../extension/shared/layerFindings';
import { themeColour } from '../controls/theme';
import { CellCursor, type CellBox } from '../plots/cellCursor';
import { drawHeatLegend } from '../plots/heat/heatLegend';
import { cssColour, heatScale, type HeatScale } from '../plots/heat/heatScale';
import { plotContext } from '../plots/plotCanvas';
import { PlotFrame } from '../plots/plotFrame';
import type { ZoomView } from '../plots/zoom/zoomView';
import { element } from '../controls/elements';
import { formatCount } from '../numbers/format';
import { drawBlockAxis } from './blockAxis';
import { BlockWindow, LEAST_BLOCKS } from './blockWindow';
import {
  cellValue,
  layerOf,
  mapFinding,
  mapTwin,
  numberText,
  valueWords,
  type CellValue,
  type KnownNumbers,
  type MapGrid,
} from './mapGrid';
import type { MapQuantity } from './mapQuantities';

/** Height of a row: less for a model of many roles, more for layers in order. */
const ROW = { most: 18, mostInOrder: 40, least: 8, all: 176 };

/** Between rows of roles and the layers in no block. */
const GAP = 6;

const MARGIN = { top: 30, right: 14, bottom: 24, left: 66 };

/** A cell this large has room for its number, and one of this size for the layer's name too. */
const LABELLED = { width: 30, height: 12 };
const NAMED = { width: 56, height: 28 };

/** Side of the corner that an estimate lacks. */
const NOTCH = 4;

/** Pixels of a letter in a cell. */
const LETTER = 6;

/** Longer names of roles are cut; the reading has them whole. */
const LONGEST_ROLE = 10;

export class ModelMapPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly cursor: CellCursor;
  private readonly reading = element('p', { class: 'cell-reading', 'aria-hidden': 'true' });
  private readonly rowHeight: number;
  private known: KnownNumbers = { results: new Map(), looks: new Map() };
  private values: CellValue[][] = [];
  /** Over blocks; over the columns of layers in order. */
  private readonly blocks = new BlockWindow();

  /**
   * @param controls beside the title
   * @param view zoomed with another plot over the same blocks, which tells what is shown
   * @param open called with the layer of a cell that was chosen
   */
  constructor(
    private readonly grid: MapGrid,
    private quantity: MapQuantity,
    controls: HTMLElement[],
    view: ZoomView | undefined,
    open: (layer: string) => void,
  ) {
    const rows = Math.max(1, grid.rows.length);
    const most = grid.roles > 0 ? ROW.most : ROW.mostInOrder;
    this.rowHeight = Math.min(most, Math.max(ROW.least, Math.floor(ROW.all / rows)));
    const gap = grid.roles > 0 && grid.rows.length > grid.roles ? GAP : 0;
    this.frame = new PlotFrame({
      title: grid.roles > 0 ? l10n.t('Blocks and roles') : l10n.t('Layers in order'),
      height: rows * this.rowHeight + gap + MARGIN.top + MARGIN.bottom,
      margin: MARGIN,
      draw: () => this.draw(),
      twin: () => mapTwin(this.grid, this.known, this.quantity),
      fileName: () => `map-${this.quantity.key}`,
      readout: (x, y) => this.readout(x, y),
      pick: (x, y) => {
        const at = this.cellAt(x, y);
        if (at) choose(at.row, at.col);
      },
      controls,
      zoom: {
        axes: 'x',
        least: LEAST_BLOCKS,
        ...(view && { view }),
        words: () =>
          l10n.t('Shown: columns from {0} to {1}.', formatCount(this.blocks.first + 1), formatCount(this.blocks.end)),
      },
    });
    const choose = (row: number, col: number): void => {
      const cell = this.grid.rows[row]?.cells[col];
      const layer = cell && layerOf(cell, this.valueAt(row, col));
      if (layer === undefined) return;
      this.cursor.move(row, col);
      open(layer);
    };
    this.element = this.frame.element;
    this.element.classList.add('model-map');
    this.element.append(this.reading);
    this.cursor = new CellCursor(this.frame, (row, col) => this.describe(row, col), {
      label: l10n.t('Cell of the map, Enter opens its layer'),
      columns: (row) => this.grid.rows[row]?.cells.length ?? 1,
      box: (row, col) => this.box(row, col),
      reveal: (row, col) => {
        if (this.isZoomable(row)) this.frame.zoom?.reveal({ x: [col, col + 1] });
      },
      choose,
    });
    this.cursor.reset(rows, grid.columns, 0, 0);
  }

  show(known: KnownNumbers, quantity: MapQuantity): void {
    this.known = known;
    this.quantity = quantity;
    this.values = this.grid.rows.map(({ cells }) => cells.map((cell) => cellValue(cell, known, quantity)));
    this.frame.setFinding(mapFinding(this.grid, known, quantity));
    const { row, col } = this.cursor.place;
    this.cursor.move(row, col);
    this.frame.redraw();
  }

  private valueAt(row: number, col: number): CellValue {
    return this.values[row]?.[col] ?? { state: 'waiting' };
  }

  private describe(row: number, col: number): string {
    const lines = this.lines(row, col);
    this.reading.textContent = lines.join(' · ');
    return lines.join(', ');
  }

  private lines(row: number, col: number): string[] {
    const cell = this.grid.rows[row]?.cells[col];
    if (!cell) return [l10n.t('No layer has a spectrum')];
    const found = this.valueAt(row, col);
    return [cell.place, valueWords(found, this.quantity), ...this.verdictOn(found)];
  }

  /** A colour is no verdict: what alpha says of a layer's training needs evidence. */
  private verdictOn(found: CellValue): string[] {
    if (this.quantity.key !== 'alpha' || found.state !== 'number' || found.count > 1) return [];
    const result = this.known.results.get(found.layer);
    const verdict = result && layerVerdict(result)?.verdict;
    return verdict === undefined ? [] : [verdictName(verdict)];
  }

  /** Layers in no block lie below the blocks, not among them: they are shown whole. */
  private isZoomable(row: number): boolean {
    return row < this.grid.roles || this.grid.roles === 0;
  }

  /** As much of a cell as is in sight. */
  private box(row: number, col: number): CellBox {
    const { grid, frame, rowHeight: height, blocks } = this;
    if (!this.isZoomable(row)) {
      const width = frame.width / grid.columns;
      return { left: col * width, top: row * height + GAP, width, height };
    }
    const [left, right] = [Math.max(0, blocks.scale(col)), Math.min(frame.width, blocks.scale(col + 1))];
    return { left, top: row * height, width: Math.max(0, right - left), height };
  }

  private cellAt(x: number, y: number): { row: number; col: number } | null {
    const { grid, frame, rowHeight, blocks } = this;
    let row = Math.floor(y / rowHeight);
    if (row >= grid.roles && grid.roles > 0) row = Math.floor((y - GAP) / rowHeight);
    const col = Math.floor(this.isZoomable(row) ? blocks.scale.invert(x) : (x / frame.width) * grid.columns);
    return grid.rows[row]?.cells[col] ? { row, col } : null;
  }

  private readout(x: number, y: number): { x: number; lines: string[] } | null {
    const at = this.cellAt(x, y);
    if (!at) return null;
    const { left, width } = this.box(at.row, at.col);
    return { x: left + width / 2, lines: this.lines(at.row, at.col) };
  }

  private draw(): void {
    const { frame, grid, quantity, blocks: window } = this;
    window.measure(frame, this.acrossCount, frame.width);
    const centre = quantity.centre ?? 0;
    const numbers = this.values.flat().flatMap((found) => (found.state === 'number' ? [found.value - centre] : []));
    const scale = heatScale(Float64Array.from(numbers), quantity.signed, quantity.span);
    this.paint(scale, centre);
    const marks = frame.layer('marks');
    if (numbers.length > 0) drawHeatLegend(frame, marks, scale, (value) => quantity.format(value + centre));
    const axes = frame.layer('axes');
    const labels = axes.append('g').attr('class', 'axis');
    grid.rows.forEach(({ label }, row) => {
      const isStrip = row === grid.roles;
      const text = isStrip && grid.roles > 0 ? l10n.t('others') : label;
      if (text === '' || (this.rowHeight < 10 && row % 2 === 1)) return;
      const { top, height } = this.box(row, 0);
      labels
        .append('text')
        .attr('x', -6)
        .attr('y', top + height / 2)
        .attr('dy', '0.34em')
        .attr('text-anchor', 'end')
        .text(text.length > LONGEST_ROLE ? `${text.slice(0, LONGEST_ROLE - 1)}…` : text);
    });
    const { blocks } = grid.map;
    if (blocks.length > 0) drawBlockAxis(axes, window.inSight(blocks), { ...window.extent, top: frame.height });
    this.keepInSight();
  }

  private get acrossCount(): number {
    const { grid } = this;
    return Math.max(1, grid.roles > 0 ? grid.map.blocks.length : grid.columns);
  }

  /** The cell that is read out is in sight. */
  private keepInSight(): void {
    const { row, col } = this.cursor.place;
    const bounded = this.isZoomable(row) ? this.blocks.bounded(col) : col;
    if (bounded === col) this.cursor.draw();
    else this.cursor.move(row, bounded);
  }

  private paint(scale: HeatScale, centre: number): void {
    const { frame, grid, quantity } = this;
    const context = plotContext(frame);
    if (!context) return;
    const faint = themeColour('--es-border');
    const muted = themeColour('--es-muted');
    context.font = `10px ${getComputedStyle(document.body).fontFamily}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    grid.rows.forEach(({ cells }, row) => {
      for (let col = 0; col < cells.length; col++) {
        const found = this.valueAt(row, col);
        if (found.state === 'none') continue;
        const { left, top, width, height } = this.box(row, col);
        if (width === 0) continue;
        const [inner, tall] = [Math.max(1, width - 1), Math.max(1, height - 1)];
        const isNamed = row >= grid.roles && width >= NAMED.width && height >= NAMED.height;
        const name = isNamed ? shortName(cells[col]!.place, Math.floor(inner / LETTER)) : '';
        const middle = top + tall / 2 + (isNamed ? tall / 5 : 0);
        if (found.state === 'number') {
          const colour = scale.colour(found.value - centre);
          context.fillStyle = cssColour(colour);
          context.fillRect(left, top, inner, tall);
          // A corner is missing: the number is not exact.
          if (found.estimated) context.clearRect(left + inner - NOTCH, top, NOTCH, NOTCH);
          if (width < LABELLED.width || height < LABELLED.height) continue;
          context.fillStyle = isLight(colour) ? '#000000' : '#ffffff';
          context.fillText(numberText(found, quantity.format), left + inner / 2, middle, inner - 2);
          context.fillText(name, left + inner / 2, top + tall / 4, inner - 2);
        } else {
          context.strokeStyle = faint;
          context.strokeRect(left + 0.5, top + 0.5, Math.max(1, inner - 1), Math.max(1, tall - 1));
          context.fillStyle = muted;
          context.fillText(name, left + inner / 2, top + tall / 4, inner - 2);
          if (found.state === 'missing') context.fillText('–', left + inner / 2, middle);
        }
      }
    });
  }
}

/** The end of a layer's name: beginnings are alike. */
function shortName(name: string, most: number): string {
  const plain = name.replace(/[./](weight|kernel|kernel:0)$/, '');
  return plain.length > most ? `…${plain.slice(plain.length - most + 1)}` : plain;
}

/** Black stands out from it more than white does. @see WCAG 2.2, relative luminance */
function isLight([red, green, blue]: readonly [number, number, number]): boolean {
  const [r, g, b] = [red, green, blue].map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! > 0.179;
}
