/** Two numbers of each layer against each other: a point a layer, which leads to it. */
import { scaleLinear, scaleLog, type ScaleContinuousNumeric } from 'd3-scale';
import { largestOf, smallestOf } from '../../extension/shared/extremes';
import { l10n } from '../../extension/shared/language/l10n';
import { formatCount, formatNumber, counted } from '../numbers/format';
import { LEAST_PAIRS, rankCorrelation } from '../numbers/rankCorrelation';
import { drawAxes } from '../plots/axes';
import { CellCursor } from '../plots/cellCursor';
import { PlotFrame } from '../plots/plotFrame';
import { element } from '../controls/elements';

export interface ScatterPoint {
  readonly layer: string;
  readonly x: number;
  readonly y: number;
}

export interface Scattered {
  readonly points: readonly ScatterPoint[];
  readonly xLabel: string;
  readonly yLabel: string;
}

const RADIUS = 3.5;

/** A pointer this near to a point means it. */
const REACH = 12;

/** Positive numbers that differ by more than this factor are drawn on a logarithmic axis. */
const WIDE = 100;

export class ScatterPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly cursor: CellCursor;
  private readonly reading = element('p', { class: 'cell-reading', 'aria-hidden': 'true' });
  private shown: Scattered = { points: [], xLabel: '', yLabel: '' };

  /** @param controls beside the title */
  constructor(controls: HTMLElement[], open: (layer: string) => void) {
    this.frame = new PlotFrame({
      title: l10n.t('Scatter plot'),
      height: 260,
      margin: { top: 24, right: 16, bottom: 40, left: 56 },
      draw: () => this.draw(),
      twin: () => ({
        caption: l10n.t('{0} against {1}', this.shown.yLabel, this.shown.xLabel),
        columns: ['layer', this.shown.xLabel, this.shown.yLabel],
        rows: this.shown.points.map(({ layer, x, y }) => [layer, formatNumber(x), formatNumber(y)]),
      }),
      fileName: () => `${this.shown.yLabel}-against-${this.shown.xLabel}`,
      readout: (x, y) => {
        const at = this.nearest(x, y);
        return at < 0 ? null : { x: this.scales().x(this.shown.points[at]!.x), lines: this.lines(at) };
      },
      pick: (x, y) => {
        const at = this.nearest(x, y);
        if (at < 0) return;
        this.cursor.move(0, at);
        open(this.shown.points[at]!.layer);
      },
      zoom: { axes: 'xy' },
      controls,
    });
    this.element = this.frame.element;
    this.element.classList.add('scatter');
    this.element.append(this.reading);
    this.cursor = new CellCursor(this.frame, (_, at) => this.describe(at), {
      label: l10n.t('Layer in the plot, Enter opens it'),
      columns: () => Math.max(1, this.shown.points.length),
      box: (_, at) => this.box(at),
      reveal: (_, at) => {
        const point = this.shown.points[at];
        if (point) this.frame.zoom?.reveal({ x: [point.x, point.x], y: [point.y, point.y] });
      },
      choose: (_, at) => {
        const point = this.shown.points[at];
        if (point) open(point.layer);
      },
    });
    this.cursor.reset(1, 1, 0, 0);
  }

  show({ points, xLabel, yLabel }: Scattered): void {
    // The arrow keys go from left to right.
    this.shown = { points: [...points].sort((a, b) => a.x - b.x || a.y - b.y), xLabel, yLabel };
    this.frame.setFinding(scatterFinding(this.shown));
    this.frame.redraw();
    this.cursor.reset(1, Math.max(1, points.length), 0, this.cursor.place.col);
  }

  private scales(): Record<'x' | 'y', ScaleContinuousNumeric<number, number>> {
    const { points } = this.shown;
    const x = scaleOf(
      points.map(({ x }) => x),
      [0, this.frame.width],
    );
    const y = scaleOf(
      points.map(({ y }) => y),
      [this.frame.height, 0],
    );
    this.frame.narrow('x', x);
    this.frame.narrow('y', y);
    return { x, y };
  }

  private draw(): void {
    const { points, xLabel, yLabel } = this.shown;
    const { x, y } = this.scales();
    drawAxes(this.frame, x, y, { x: xLabel, y: yLabel });
    const layer = this.frame.layer('points');
    for (const point of points) {
      layer.append('circle').attr('class', 'point').attr('cx', x(point.x)).attr('cy', y(point.y)).attr('r', RADIUS);
    }
    this.keepInSight();
    this.cursor.draw();
  }

  /** The point that is read out is one of those in sight, if there are any. */
  private keepInSight(): void {
    const { points } = this.shown;
    const { col } = this.cursor.place;
    const isInSight = this.inSight();
    if (!points[col] || isInSight(points[col])) return;
    const next = [...points.keys()].filter((at) => isInSight(points[at]!));
    const nearest = next.sort((a, b) => Math.abs(a - col) - Math.abs(b - col))[0];
    if (nearest !== undefined) this.cursor.move(0, nearest);
  }

  private inSight(): (point: ScatterPoint) => boolean {
    const { x, y } = this.scales();
    const { width, height } = this.frame;
    return (point) => {
      const [left, top] = [x(point.x), y(point.y)];
      return left >= 0 && left <= width && top >= 0 && top <= height;
    };
  }

  private box(at: number): { left: number; top: number; width: number; height: number } {
    const point = this.shown.points[at];
    if (!point) return { left: 0, top: 0, width: 0, height: 0 };
    const { x, y } = this.scales();
    const side = 2 * RADIUS + 4;
    return { left: x(point.x) - side / 2, top: y(point.y) - side / 2, width: side, height: side };
  }

  private nearest(left: number, top: number): number {
    const { x, y } = this.scales();
    let [found, least] = [-1, REACH];
    this.shown.points.forEach((point, at) => {
      const distance = Math.hypot(x(point.x) - left, y(point.y) - top);
      if (distance < least) [found, least] = [at, distance];
    });
    return found;
  }

  private describe(at: number): string {
    const lines = this.lines(at);
    this.reading.textContent = lines.join(' · ');
    return lines.join(', ');
  }

  private lines(at: number): string[] {
    const point = this.shown.points[at];
    if (!point) return [l10n.t('No layer has both numbers')];
    const { xLabel, yLabel } = this.shown;
    return [point.layer, `${xLabel} ${formatNumber(point.x)}`, `${yLabel} ${formatNumber(point.y)}`];
  }
}

function scaleOf(values: readonly number[], range: [number, number]): ScaleContinuousNumeric<number, number> {
  const [low, high] = [smallestOf(values), largestOf(values)];
  if (values.length === 0) return scaleLinear<number, number>().domain([0, 1]).range(range);
  if (low > 0 && high / low > WIDE) {
    const margin = (high / low) ** 0.03;
    return scaleLog<number, number>()
      .domain([low / margin, high * margin])
      .range(range);
  }
  const margin = 0.05 * (high - low) || Math.abs(high) * 0.05 || 1;
  return scaleLinear<number, number>()
    .domain([low - margin, high + margin])
    .range(range);
}

export function scatterFinding({ points, xLabel, yLabel }: Scattered): string {
  if (points.length === 0) return l10n.t('No layer has both {0} and {1} yet.', xLabel, yLabel);
  const found = rankCorrelation(
    points.map(({ x }) => x),
    points.map(({ y }) => y),
  );
  const of = counted('layers', points.length);
  if (!found) {
    return points.length < LEAST_PAIRS
      ? l10n.t('{0}: at least {1} are needed for a rank correlation.', of, formatCount(LEAST_PAIRS))
      : l10n.t('{0}: {1} or {2} is the same for all, so they have no rank correlation.', of, xLabel, yLabel);
  }
  const { rho, low, high } = found;
  const two = (value: number): string => value.toFixed(2).replace('-', '−');
  const said =
    low > 0
      ? l10n.t('{0} tends to rise with {1}', yLabel, xLabel)
      : high < 0
        ? l10n.t('{0} tends to fall as {1} rises', yLabel, xLabel)
        : l10n.t('no clear order of {0} by {1}', yLabel, xLabel);
  return l10n.t(
    'Rank correlation {0} (95% interval {1} to {2}) over {3}: {4}.',
    two(rho),
    two(low),
    two(high),
    of,
    said,
  );
}
