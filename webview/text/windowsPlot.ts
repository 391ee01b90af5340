/** An evaluation window by window: one line a model, and the same numbers as a table. */
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import type { DecoderEvaluation, EvaluatedWindow } from '../../extension/shared/decoderRuns';
import { largestOf, smallestOf } from '../../extension/shared/extremes';
import { l10n } from '../../extension/shared/language/l10n';
import { dropdown } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount, formatNumber, formatPercent } from '../numbers/format';
import { drawAxes } from '../plots/axes';
import { PlotFrame } from '../plots/plotFrame';
import { curveClass, curveSwatch } from '../plots/curveMarks';

type Quantity = keyof EvaluatedWindow;

const LABELS: Record<Quantity, string> = {
  nll: l10n.t('−ln p of a token (nats)'),
  kl: l10n.t('KL divergence (nats)'),
  top1_agreement: l10n.t('same top token'),
};

export class WindowsPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly legend: HTMLElement;
  private quantity: Quantity = 'nll';

  /** @param names of the models, in their order */
  constructor(
    private readonly evaluation: DecoderEvaluation,
    private readonly names: readonly string[],
    fileName: string,
  ) {
    const { models } = evaluation;
    const quantities = models.length > 1 ? (['nll', 'kl', 'top1_agreement'] as const) : (['nll'] as const);
    const choices = quantities.map((value) => ({ value, label: LABELS[value] }));
    const choose = dropdown<Quantity>(l10n.t('Number'), choices, this.quantity, (value) => {
      this.quantity = value;
      this.show();
    });
    this.frame = new PlotFrame({
      title: l10n.t('Window by window'),
      height: 240,
      growth: { aspect: 0.3, most: 340 },
      margin: { top: 24, right: 14, bottom: 40, left: 56 },
      draw: () => this.draw(),
      twin: () => ({
        caption: l10n.t('{0}, window by window', LABELS[this.quantity]),
        columns: [l10n.t('window'), ...this.shown.map(({ name }) => name)],
        rows: Array.from({ length: evaluation.windows }, (_, at) => [
          formatCount(at + 1),
          ...this.shown.map(({ values }) => this.format(values[at]!)),
        ]),
      }),
      fileName: () => `${fileName}-windows`,
      readout: (left) => this.readout(left),
      controls: models.length > 1 ? [choose] : [],
      zoom: { axes: 'xy' },
    });
    this.legend = element('ul', { class: 'curve-legend', 'aria-hidden': 'true' });
    this.element = this.frame.element;
    this.element.append(this.legend);
    this.show();
  }

  /** Models that have the number: the first one is compared with none. */
  private get shown(): { name: string; index: number; values: number[] }[] {
    return this.evaluation.models.flatMap(({ windows }, index) => {
      const values = windows.map((window) => window[this.quantity]);
      const isKnown = (all: (number | null)[]): all is number[] => !all.includes(null);
      return isKnown(values) ? [{ name: this.names[index]!, index, values }] : [];
    });
  }

  private format(value: number): string {
    return this.quantity === 'top1_agreement' ? formatPercent(value, 3) : formatNumber(value, 4);
  }

  private show(): void {
    const { shown } = this;
    this.legend.replaceChildren(...shown.map(({ name, index }) => element('li', {}, curveSwatch(index), name)));
    this.frame.setFinding(this.finding());
    this.frame.redraw();
  }

  private finding(): string {
    const [last] = this.shown.slice(-1);
    if (!last) return '';
    const [low, high] = [smallestOf(last.values), largestOf(last.values)];
    return l10n.t(
      '{0} of {1}: from {2} to {3} over {4} windows.',
      LABELS[this.quantity],
      last.name,
      this.format(low),
      this.format(high),
      formatCount(last.values.length),
    );
  }

  private scales() {
    const all = this.shown.flatMap(({ values }) => values);
    const [low, high] = [smallestOf(all), largestOf(all)];
    const room = (high - low) * 0.08 || Math.abs(high) * 0.05 || 0.05;
    const x = scaleLinear()
      .domain([1, Math.max(2, this.evaluation.windows)])
      .range([0, this.frame.width]);
    const y = scaleLinear()
      .domain([low - room, high + room])
      .range([this.frame.height, 0]);
    this.frame.narrow('x', x);
    this.frame.narrow('y', y);
    return { x, y };
  }

  private draw(): void {
    const { x, y } = this.scales();
    drawAxes(this.frame, x, y, {
      x: l10n.t('window'),
      y: LABELS[this.quantity],
      formatX: formatCount,
      wholeX: true,
      ...(this.quantity === 'top1_agreement' && { formatY: (value) => formatPercent(value, 3) }),
    });
    const path = line<number>()
      .x((_, at) => x(at + 1))
      .y((value) => y(value));
    const fit = this.frame.layer('fit');
    for (const { index, values } of this.shown) {
      fit.append('path').attr('class', curveClass(index)).attr('d', path(values));
      // A single point is no line.
      if (values.length > 1) continue;
      fit.append('circle').attr('class', curveClass(index)).attr('cx', x(1)).attr('cy', y(values[0]!)).attr('r', 3);
    }
  }

  private readout(left: number): { x: number; lines: string[] } | null {
    const { x } = this.scales();
    const at = Math.min(this.evaluation.windows, Math.max(1, Math.round(x.invert(left)))) - 1;
    const lines = this.shown.map(({ name, values }) => `${name} ${this.format(values[at]!)}`);
    return { x: x(at + 1), lines: [l10n.t('window {0}', formatCount(at + 1)), ...lines] };
  }
}
