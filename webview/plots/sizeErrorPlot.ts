/** Size against error: one line an allocation of the whole model, or a method of one layer, and the present choice. */
import { l10n } from '../../extension/shared/language/l10n';
import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import type { CurvePoint } from '../../extension/compression/plan/planRequest';
import { largestOf } from '../../extension/shared/extremes';
import { element } from '../controls/elements';
import { formatPercent } from '../numbers/format';
import { drawAxes } from './axes';
import { curveClass, curveSwatch } from './curveMarks';
import { PlotFrame } from './plotFrame';

export interface ErrorCurve {
  readonly name: string;
  readonly label: string;
  /** Smallest share first. */
  readonly points: readonly CurvePoint[];
}

export class SizeErrorPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly legend = element('ul', { class: 'curve-legend', 'aria-hidden': 'true' });
  private curves: readonly ErrorCurve[] = [];
  private current: CurvePoint | null = null;
  private chosen = '';
  /** What the shares are shares of. */
  private counted: 'size' | 'parameters' = 'size';

  /** @param what a line is of, in the reader's language: `allocation`, `method` */
  constructor(title: string, what: string) {
    this.frame = new PlotFrame({
      title,
      height: 220,
      margin: { top: 24, right: 16, bottom: 40, left: 48 },
      draw: () => this.draw(),
      twin: () => ({
        caption: l10n.t('{0}, for each {1}', title, what),
        columns: [what, this.isSize ? l10n.t('size') : l10n.t('parameters'), l10n.t('error')],
        rows: this.curves.flatMap(({ label, points }) =>
          points.map(({ share, error }) => [label, formatPercent(share), formatPercent(error)]),
        ),
      }),
      fileName: () => title.toLowerCase().replaceAll(' ', '-'),
      readout: (x) => this.readout(x),
      zoom: { axes: 'xy' },
    });
    this.element = this.frame.element;
    this.element.append(this.legend);
  }

  /**
   * @param curves those that are known so far
   * @param current the plan as it is; null if its error is not known
   * @param chosen name of the allocation in use
   * @param counted what the shares are shares of
   */
  show(
    curves: readonly ErrorCurve[],
    current: CurvePoint | null,
    chosen: string,
    counted: 'size' | 'parameters',
    finding: string,
  ): void {
    this.counted = counted;
    this.curves = curves;
    this.current = current;
    this.chosen = chosen;
    const items = curves.map(({ name, label }, i) =>
      element('li', { class: name === chosen ? 'chosen' : '' }, curveSwatch(i), label),
    );
    this.legend.replaceChildren(...items);
    this.frame.setFinding(finding);
    this.frame.redraw();
  }

  private scales(): Record<'x' | 'y', ScaleLinear<number, number>> {
    const all = [...this.curves.flatMap(({ points }) => points), ...(this.current ? [this.current] : [])];
    const worst = largestOf(
      all.map(({ error }) => error),
      0.02,
    );
    const largest = largestOf(
      all.map(({ share }) => share),
      1,
    );
    const x = scaleLinear().domain([0, largest]).range([0, this.frame.width]);
    const y = scaleLinear()
      .domain([0, worst * 1.05])
      .range([this.frame.height, 0]);
    this.frame.narrow('x', x);
    this.frame.narrow('y', y);
    return { x, y };
  }

  private get isSize(): boolean {
    return this.counted === 'size';
  }

  private draw(): void {
    const { frame } = this;
    const { x, y } = this.scales();
    const percent = (value: number): string => formatPercent(value, 2);
    drawAxes(frame, x, y, {
      x: this.isSize ? l10n.t('size that stays') : l10n.t('parameters that stay'),
      y: l10n.t('error'),
      formatX: percent,
      formatY: percent,
    });
    const path = line<CurvePoint>()
      .x(({ share }) => x(share))
      .y(({ error }) => y(error));
    const fit = frame.layer('fit');
    this.curves.forEach(({ name, points }, i) => {
      const classes = `${curveClass(i)}${name === this.chosen ? ' chosen' : ''}`;
      fit.append('path').attr('class', classes).attr('d', path(points));
      // A single point is no line.
      if (points.length > 1) return;
      for (const { share, error } of points) {
        fit.append('circle').attr('class', classes).attr('cx', x(share)).attr('cy', y(error)).attr('r', 3.5);
      }
    });
    if (!this.current) return;
    const [left, top] = [x(this.current.share), y(this.current.error)];
    fit.append('line').attr('class', 'mark').attr('x1', left).attr('x2', left).attr('y1', top).attr('y2', frame.height);
    fit.append('line').attr('class', 'mark').attr('x1', 0).attr('x2', left).attr('y1', top).attr('y2', top);
    fit.append('circle').attr('class', 'chosen-point').attr('cx', left).attr('cy', top).attr('r', 5);
  }

  private readout(at: number): { x: number; lines: string[] } | null {
    const { x } = this.scales();
    const share = x.invert(at);
    const lines = this.curves.flatMap(({ label, points }) => {
      const error = errorAt(points, share);
      return error === null ? [] : [`${label}: ${formatPercent(error)}`];
    });
    const head = this.isSize
      ? l10n.t('{0} of the size', formatPercent(share))
      : l10n.t('{0} of the parameters', formatPercent(share));
    return lines.length === 0 ? null : { x: at, lines: [head, ...lines] };
  }
}

/** Between two points, as the line is drawn; null beyond its ends. */
export function errorAt(points: readonly CurvePoint[], share: number): number | null {
  const after = points.findIndex((point) => point.share >= share);
  if (after < 0) return null;
  const [a, b] = [points[after - 1], points[after]!];
  if (!a) return b.share === share ? b.error : null;
  const way = b.share > a.share ? (share - a.share) / (b.share - a.share) : 1;
  return a.error + way * (b.error - a.error);
}
