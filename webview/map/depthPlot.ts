/** A number against depth, one line a role: alpha of whole matrices and of FARMS side by side. */
import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import { largestOf, smallestOf } from '../../extension/shared/extremes';
import { l10n } from '../../extension/shared/language/l10n';
import { CellCursor, type CellBox } from '../plots/cellCursor';
import { element } from '../controls/elements';
import { PlotFrame, type Layer } from '../plots/plotFrame';
import type { ZoomView } from '../plots/zoom/zoomView';
import { drawBlockAxis } from './blockAxis';
import { BlockWindow, LEAST_BLOCKS } from './blockWindow';
import { depthFinding, depthLines, depthTwin, middleHalf, numbersOf, type DepthLine } from './depthLines';
import { shownBlocks, type KnownNumbers, type MapGrid } from './mapGrid';
import { shownWith, type MapQuantity } from './mapQuantities';

const MARGIN = { top: 22, right: 74, bottom: 24, left: 40 };
const HEIGHT = 176;

/** Between two panels, with room for the scale of the second. */
const PANEL_GAP = 40;

/** Colours of lines (`.series-…` of the style sheet); further roles have them again, dashed. */
const COLOURS = 6;

/** Least pixels between names of lines, and between numbers of the scale. */
const NAME_SPACING = 11;
const TICK_SPACING = 26;

/** From this ratio of the ends on, the scale is logarithmic. */
const LOGARITHMIC = 20;

/** A narrower panel has no room to name its band beside its number. */
const NAMED_BAND = 130;

/** Roles that the read-out under the pointer lists. */
const MOST_READ = 10;

type Scale = ReturnType<typeof scaleLinear<number, number>> | ReturnType<typeof scaleLog<number, number>>;

export class DepthPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly cursor: CellCursor;
  private readonly reading = element('p', { class: 'cell-reading', 'aria-hidden': 'true' });
  private panels: readonly MapQuantity[];
  private lines: readonly DepthLine[];
  /** Within a panel. */
  private readonly blocks = new BlockWindow();

  /** @param open called with the layer of a point that was chosen */
  constructor(
    private readonly grid: MapGrid,
    quantity: MapQuantity,
    open: (layer: string) => void,
  ) {
    this.panels = shownWith(quantity);
    this.lines = depthLines(grid, { results: new Map(), looks: new Map() }, this.panels);
    const choose = (row: number, col: number): void => {
      const layer = this.lines[row]?.layers[col];
      if (layer === undefined) return;
      this.cursor.move(row, col);
      open(layer);
    };
    this.frame = new PlotFrame({
      title: l10n.t('Against depth'),
      height: HEIGHT,
      margin: MARGIN,
      draw: () => this.draw(),
      twin: () => depthTwin(this.grid, this.lines, this.panels),
      fileName: () => `depth-${this.panels.map(({ key }) => key).join('-')}`,
      readout: (x) => this.readout(x),
      pick: (x, y) => {
        const at = this.nearest(x, y);
        if (at) choose(at.row, at.col);
      },
      zoom: {
        axes: 'x',
        least: LEAST_BLOCKS,
        panelAt: (x) => ({ left: this.left(this.panelAt(x).panel), width: this.panelWidth }),
        words: () => shownBlocks(this.grid, this.blocks.first, this.blocks.end),
      },
    });
    this.element = this.frame.element;
    this.element.classList.add('depth');
    this.element.append(this.reading);
    this.cursor = new CellCursor(this.frame, (row, col) => this.describe(row, col), {
      label: l10n.t('Point of the plot against depth, Enter opens its layer'),
      box: (row, col) => this.box(row, col),
      reveal: (_, col) => this.frame.zoom?.reveal({ x: [col, col + 1] }),
      choose,
    });
    this.cursor.reset(Math.max(1, this.lines.length), this.depth, 0, 0);
  }

  /** The part of the model that is shown, for plots with the same blocks. */
  get view(): ZoomView {
    return this.frame.zoom!.view;
  }

  show(known: KnownNumbers, quantity: MapQuantity): void {
    this.panels = shownWith(quantity);
    this.lines = depthLines(this.grid, known, this.panels);
    this.frame.setFinding(depthFinding(this.lines, this.panels));
    const { row, col } = this.cursor.place;
    this.cursor.move(row, col);
    this.frame.redraw();
  }

  /** Points of a line; at least one, as a scale needs. */
  private get depth(): number {
    return Math.max(1, this.lines[0]?.cells.length ?? 1);
  }

  private describe(row: number, col: number): string {
    const words = this.words(row, col);
    this.reading.textContent = words.join(' · ');
    return words.join(', ');
  }

  private words(row: number, col: number): string[] {
    const shown = this.lines[row];
    const place = shown?.cells[col]?.place;
    if (!shown || place === undefined) return [l10n.t('No layer has a spectrum')];
    const numbers = this.panels.map(({ label }, i) => {
      const value = shown.values[i]![col] ?? null;
      return value === null ? l10n.t('no {0}', label) : `${label} ${shown.texts[i]![col]!}`;
    });
    return [place, ...numbers];
  }

  private get panelWidth(): number {
    const { length } = this.panels;
    return Math.max(1, (this.frame.width - (length - 1) * PANEL_GAP) / length);
  }

  private left(panel: number): number {
    return panel * (this.panelWidth + PANEL_GAP);
  }

  /** Middle of a block, within its panel. */
  private x(col: number): number {
    return this.blocks.scale(col + 0.5);
  }

  /** One scale for all panels: side by side they are to be compared. */
  private scale(): Scale {
    const bands = this.panels.flatMap(({ band }) => (band ? [band.low, band.high] : []));
    const seen = this.panels.flatMap((_, i) => this.lines.flatMap(({ values }) => this.blocks.inSight(values[i]!)));
    const values = [...seen.filter((value) => value !== null), ...bands];
    const [low, high] = values.length > 0 ? [smallestOf(values), largestOf(values)] : [0, 1];
    const range = [this.frame.height, 0];
    if (low > 0 && high / low >= LOGARITHMIC) return scaleLog().domain([low, high]).range(range);
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return scaleLinear()
      .domain([low - room, high + room])
      .range(range);
  }

  private box(row: number, col: number): CellBox {
    const values = this.lines[row]?.values ?? [];
    const panel = Math.max(
      0,
      values.findIndex((line) => (line[col] ?? null) !== null),
    );
    const value = values[panel]?.[col] ?? null;
    const top = value === null ? this.frame.height : this.scale()(value);
    return { left: this.left(panel) + this.x(col) - 4, top: top - 4, width: 8, height: 8 };
  }

  private draw(): void {
    const { frame, lines, panels } = this;
    this.blocks.measure(frame, this.depth, this.panelWidth);
    const y = this.scale();
    const axes = frame.layer('axes');
    const bands = frame.layer('bars');
    const fit = frame.layer('fit');
    const marks = frame.layer('marks');
    panels.forEach((panel, i) => {
      const left = this.left(i);
      this.drawScale(axes, y, left, panel);
      this.drawBand(bands, marks, y, i);
      lines.forEach((shown, row) => this.drawLine(fit, shown, row, y, i));
    });
    this.nameLines(marks, y);
    const { row, col } = this.cursor.place;
    const bounded = this.blocks.bounded(col);
    // The point that is read out is in sight.
    if (bounded === col) this.cursor.draw();
    else this.cursor.move(row, bounded);
  }

  private drawScale(axes: Layer, y: Scale, left: number, panel: MapQuantity): void {
    const { frame, grid } = this;
    const group = axes.append('g').attr('class', 'axis').attr('transform', `translate(${left},0)`);
    const grids = axes.append('g').attr('class', 'grid').attr('transform', `translate(${left},0)`);
    let last = Infinity;
    for (const value of y.ticks(Math.max(2, Math.floor(frame.height / TICK_SPACING)))) {
      const top = y(value);
      if (last - top < TICK_SPACING / 2) continue;
      last = top;
      grids.append('line').attr('x2', this.panelWidth).attr('y1', top).attr('y2', top);
      group
        .append('text')
        .attr('x', -6)
        .attr('y', top)
        .attr('dy', '0.34em')
        .attr('text-anchor', 'end')
        .text(panel.format(value));
    }
    group.append('text').attr('class', 'axis-caption').attr('x', 0).attr('y', -8).text(panel.label);
    const { left: from, width } = this.blocks.extent;
    const at = { left: left + from, width, top: frame.height };
    if (grid.map.blocks.length > 0) drawBlockAxis(axes, this.blocks.inSight(grid.map.blocks), at);
  }

  /** The reference's range, else the middle half of this model's own numbers. */
  private drawBand(bands: Layer, marks: Layer, y: Scale, panel: number): void {
    const { band } = this.panels[panel]!;
    const half = middleHalf(numbersOf(this.lines, panel));
    const [low, high] = band ? [band.low, band.high] : (half ?? []);
    if (low === undefined || high === undefined) return;
    const left = this.left(panel);
    bands
      .append('rect')
      .attr('class', band ? 'band' : 'band own')
      .attr('x', left)
      .attr('y', y(high))
      .attr('width', this.panelWidth)
      .attr('height', Math.max(1, y(low) - y(high)));
    if (this.panelWidth < NAMED_BAND) return;
    marks
      .append('text')
      .attr('class', 'mark-label')
      .attr('x', left + this.panelWidth)
      .attr('y', -8)
      .attr('text-anchor', 'end')
      .text(band ? l10n.t('band {0}', band.label) : l10n.t('middle half'));
  }

  private drawLine(fit: Layer, shown: DepthLine, row: number, y: Scale, panel: number): void {
    const left = this.left(panel);
    const { first } = this.blocks;
    const points = this.blocks
      .inSight(shown.values[panel]!)
      .map((value, i) => ({ value, x: left + this.x(first + i) }));
    const path = line<(typeof points)[number]>()
      .defined(({ value }) => value !== null)
      .x(({ x }) => x)
      .y(({ value }) => y(value!));
    const series = `series-${row % COLOURS}${row >= COLOURS ? ' again' : ''}`;
    // Roles that only some blocks have would otherwise be invisible: a line needs two points.
    const joined = shown.role === '' ? '' : (path(points) ?? '');
    fit.append('path').attr('class', `depth-line ${series}`).attr('d', joined);
    const dots = points.flatMap(({ value, x }) =>
      value === null ? [] : [`M${x.toFixed(1)},${y(value).toFixed(1)}h0`],
    );
    fit.append('path').attr('class', `depth-dots ${series}`).attr('d', dots.join(''));
  }

  /** At the right end, moved apart where they would touch; those without room are in the table and the reading. */
  private nameLines(marks: Layer, y: Scale): void {
    const { frame, lines, panels } = this;
    const last = panels.length - 1;
    const names = lines.flatMap(({ role, values }, row) => {
      const seen = [...this.blocks.inSight(values[last]!), ...this.blocks.inSight(values[0]!)];
      const value = seen.findLast((each) => each !== null) ?? null;
      return role === '' || value === null ? [] : [{ role, row, top: Math.min(frame.height, Math.max(0, y(value))) }];
    });
    const shown = names.slice(0, Math.floor(frame.height / NAME_SPACING) + 1).sort((a, b) => a.top - b.top);
    shown.forEach((name, i) => {
      const above = shown[i - 1];
      if (above) name.top = Math.max(name.top, above.top + NAME_SPACING);
    });
    let floor = frame.height;
    for (const name of [...shown].reverse()) {
      name.top = Math.min(name.top, floor);
      floor = name.top - NAME_SPACING;
    }
    const left = frame.width + 6;
    for (const { role, row, top } of shown) {
      const series = `series-${row % COLOURS}${row >= COLOURS ? ' again' : ''}`;
      marks.append('path').attr('class', `depth-line ${series}`).attr('d', `M${left},${top}h12`);
      marks
        .append('text')
        .attr('class', 'mark-label')
        .attr('x', left + 15)
        .attr('y', top)
        .attr('dy', '0.34em')
        .text(role.length > 9 ? `${role.slice(0, 8)}…` : role);
    }
  }

  private panelAt(x: number): { panel: number; col: number } {
    const panel = Math.min(this.panels.length - 1, Math.max(0, Math.floor(x / (this.panelWidth + PANEL_GAP))));
    const col = Math.floor(this.blocks.scale.invert(x - this.left(panel)));
    return { panel, col: this.blocks.bounded(col) };
  }

  private nearest(x: number, y: number): { row: number; col: number } | null {
    const { panel, col } = this.panelAt(x);
    const scale = this.scale();
    let best: { row: number; distance: number } | null = null;
    for (const [row, { values }] of this.lines.entries()) {
      const value = values[panel]![col] ?? null;
      if (value === null) continue;
      const distance = Math.abs(scale(value) - y);
      if (!best || distance < best.distance) best = { row, distance };
    }
    return best && { row: best.row, col };
  }

  private readout(x: number): { x: number; lines: string[] } | null {
    const { panel, col } = this.panelAt(x);
    const { label } = this.panels[panel]!;
    const block = this.grid.map.blocks[col];
    const numbers = this.lines.flatMap(({ role, values, texts, cells }) => {
      const value = values[panel]![col] ?? null;
      return value === null ? [] : [`${role === '' ? (cells[col]?.place ?? '') : role} ${texts[panel]![col]!}`];
    });
    if (numbers.length === 0) return null;
    const head = block ? l10n.t('block {0}: {1}', block.label, label) : label;
    const more = numbers.length - MOST_READ;
    const shown = more > 0 ? [...numbers.slice(0, MOST_READ), l10n.t('and {0} more', more)] : numbers;
    return { x: this.left(panel) + this.x(col), lines: [head, ...shown] };
  }
}
