/** One curve for the whole model: how many parameters stay at what mean error. */
import { scaleLinear } from 'd3-scale';
import { curveMonotoneX, line } from 'd3-shape';
import { formatPercent, formatShare, counted } from '../numbers/format';
import type { Savings, SavingsPoint } from '../numbers/savings';
import { drawAxes } from './axes';
import { PlotFrame } from './plotFrame';
import { largestOf, smallestOf } from '../../extension/shared/extremes';
import { l10n } from '../../extension/shared/language/l10n';
import { LEAST_SAVING, PROPOSED_ENERGIES } from '../../extension/shared/ranks/worthFactoring';

/** Room that a point's label takes, and its distance from the point. The curve falls: to the right of a point it is lower. */
const LABEL_WIDTH = 32;
const LABEL_OFFSET = 7;

export class SavingsPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  savings: Savings = { points: [], layers: 0, parameters: 0 };

  /**
   * @param nothing what is said while no layer is known
   * @param controls beside the title
   * @param choose called with a point that was clicked, or chosen by keyboard
   */
  constructor(
    private readonly nothing: string,
    controls: HTMLElement[] = [],
    private readonly choose: (point: SavingsPoint) => void = () => undefined,
  ) {
    this.frame = new PlotFrame({
      title: l10n.t('Possible savings'),
      height: 132,
      margin: { top: 22, right: LABEL_OFFSET + LABEL_WIDTH, bottom: 38, left: 46 },
      draw: () => this.draw(),
      twin: () => ({
        caption: l10n.t('Low-rank factors for the whole model, same energy in every layer'),
        columns: [l10n.t('energy kept'), l10n.t('parameters kept'), l10n.t('mean relative error')],
        rows: this.savings.points.map(({ energy, kept, error }) => [energy, kept, error].map((v) => formatPercent(v))),
      }),
      fileName: () => 'possible-savings',
      readout: (x) => this.readout(x),
      zoom: { axes: 'xy' },
      controls,
    });
    this.element = this.frame.element;
    this.element.classList.add('savings');
  }

  show(savings: Savings): void {
    this.savings = savings;
    const smallest = savings.points.at(-1);
    // A curve that never leaves the whole model is no curve.
    this.element.classList.toggle('waiting', smallest === undefined || smallest.kept === 1);
    this.frame.setFinding(this.finding());
    this.frame.redraw();
  }

  private finding(): string {
    const { points, layers } = this.savings;
    if (layers === 0) return this.nothing;
    // The largest share of the energy that saves anything.
    const best = PROPOSED_ENERGIES.map((share) => points.find(({ energy }) => energy === share)).find(
      (at) => at && at.kept < 1,
    );
    const ofLayers = counted('layers', layers);
    if (!best) {
      const [least, saving] = [smallestOf(PROPOSED_ENERGIES), LEAST_SAVING].map((share) => formatPercent(share));
      return l10n.t(
        'No saving by low rank alone: factors that keep {0} of the energy save less than {1} ({2}).',
        least!,
        saving!,
        ofLayers,
      );
    }
    return l10n.t(
      'Keeping {0} of the energy leaves {1} of the parameters at {2} error ({3}).',
      formatPercent(best.energy),
      formatShare(best.kept),
      formatShare(best.error),
      ofLayers,
    );
  }

  private scales(): {
    x: ReturnType<typeof scaleLinear<number, number>>;
    y: ReturnType<typeof scaleLinear<number, number>>;
  } {
    const { points } = this.savings;
    const least = smallestOf(points.map((point) => point.kept));
    const worst = largestOf(
      points.map((point) => point.error),
      0.05,
    );
    const x = scaleLinear()
      .domain([Math.max(0, Math.floor(least * 10 - 1) / 10), 1])
      .range([0, this.frame.width]);
    const y = scaleLinear()
      .domain([0, worst * 1.1])
      .range([this.frame.height, 0]);
    this.frame.narrow('x', x);
    this.frame.narrow('y', y);
    return { x, y };
  }

  private draw(): void {
    const { frame } = this;
    const { points, layers } = this.savings;
    if (layers === 0) {
      for (const name of ['axes', 'fit', 'marks'] as const) frame.layer(name);
      return;
    }
    const { x, y } = this.scales();
    const percent = (value: number): string => formatPercent(value, 2);
    drawAxes(frame, x, y, {
      x: l10n.t('parameters kept'),
      y: l10n.t('mean error'),
      formatX: percent,
      formatY: percent,
    });
    const path = line<SavingsPoint>()
      .x((point) => x(point.kept))
      .y((point) => y(point.error))
      .curve(curveMonotoneX);
    frame.layer('fit').append('path').attr('class', 'curve').attr('d', path(points));
    const marks = frame.layer('marks');
    let labelled = -Infinity;
    // From the lowest point up: where two labels would touch, the one of the larger saving is kept.
    for (const point of points.slice(1).reverse()) {
      const [left, top] = [x(point.kept), y(point.error)];
      if (!this.isShown(left, top)) continue;
      if (left - labelled < LABEL_WIDTH) continue;
      labelled = left;
      const text = marks.append('text').attr('class', 'mark-label').text(formatPercent(point.energy, 2));
      text.attr('x', left + LABEL_OFFSET).attr('y', top - 5);
    }
    this.drawPoints(x, y);
  }

  private isShown(left: number, top: number): boolean {
    const { width, height } = this.frame;
    return left >= 0 && left <= width && top >= 0 && top <= height;
  }

  /** Each leads to a plan that keeps as much. One stop in the tab order, with the arrow keys from point to point. */
  private drawPoints(x: (value: number) => number, y: (value: number) => number): void {
    const points = this.savings.points.slice(1).filter(({ kept, error }) => this.isShown(x(kept), y(error)));
    const before = this.frame.layer('handle', false).selectAll<SVGGElement, unknown>('.savings-point').nodes();
    const focused = before.findIndex((node) => node === document.activeElement);
    const layer = this.frame.layer('handle');
    const stop = Math.max(0, focused);
    const nodes = points.map((point, i) => {
      const words = readoutOf(point).join(', ');
      const group = layer
        .append('g')
        .attr('class', 'savings-point')
        .attr('role', 'button')
        .attr('tabindex', i === stop ? 0 : -1)
        .attr('aria-label', l10n.t('Plan with {0}', words))
        .attr('transform', `translate(${x(point.kept)},${y(point.error)})`)
        .on('click', () => this.choose(point))
        .on('keydown', (event: KeyboardEvent) => {
          const to = { ArrowLeft: i + 1, ArrowRight: i - 1, Home: 0, End: points.length - 1 }[event.key];
          if (to === undefined && event.key !== 'Enter' && event.key !== ' ') return;
          event.preventDefault();
          if (to === undefined) this.choose(point);
          else this.focusPoint(nodes, to);
        });
      group.append('circle').attr('class', 'reach').attr('r', 11);
      group.append('circle').attr('class', 'dot').attr('r', 4);
      return group.node()!;
    });
    if (focused >= 0) nodes[focused]?.focus();
  }

  private focusPoint(nodes: readonly SVGGElement[], to: number): void {
    const next = nodes[to];
    if (!next) return;
    for (const node of nodes) node.setAttribute('tabindex', node === next ? '0' : '-1');
    next.focus();
  }

  private readout(at: number): { x: number; lines: string[] } | null {
    if (this.savings.layers === 0) return null;
    const { x } = this.scales();
    const inSight = this.savings.points.filter(({ kept }) => x(kept) >= 0 && x(kept) <= this.frame.width);
    const [nearest] = inSight.sort((a, b) => Math.abs(x(a.kept) - at) - Math.abs(x(b.kept) - at));
    if (!nearest) return null;
    return {
      x: x(nearest.kept),
      lines: readoutOf(nearest),
    };
  }
}

function readoutOf({ energy, kept, error }: SavingsPoint): string[] {
  return [
    l10n.t('{0} of the energy', formatPercent(energy)),
    l10n.t('{0} of the parameters', formatPercent(kept)),
    l10n.t('mean error {0}', formatPercent(error)),
  ];
}
