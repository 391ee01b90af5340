/** The singular values of several layers on one logarithmic axis, each as a share of its own largest, or as they are. */
import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import { largestOf, smallestOf } from '../../extension/shared/extremes';
import { l10n } from '../../extension/shared/language/l10n';
import { checkbox } from '../controls/controls';
import { formatCount, formatNumber, formatPercent } from '../numbers/format';
import { drawAxes } from '../plots/axes';
import { curveClass } from '../plots/curveMarks';
import { PlotFrame } from '../plots/plotFrame';
import { sampleIndexes } from '../plots/sampleIndexes';
import { comparisonFinding, type Curve } from './curves';

/** Singular values below this share of the largest are noise; the axis ends there. */
const FLOOR = 1e-7;

const DRAWN = 1000;
const TWIN_ROWS = 200;

export class OverlaidSpectra {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private curves: readonly Curve[] = [];
  /** Each is drawn against its own largest singular value, and its own number of them. */
  private relative = true;

  constructor() {
    const asTheyAre = checkbox(l10n.t('Absolute'), false, (checked) => {
      this.relative = !checked;
      this.show(this.curves);
    });
    asTheyAre.title = l10n.t('σ against its rank, in place of shares of the largest σ and of the ranks');
    this.frame = new PlotFrame({
      title: l10n.t('Singular values'),
      height: 280,
      growth: { aspect: 0.5, most: 420 },
      margin: { top: 24, right: 14, bottom: 40, left: 52 },
      draw: () => this.draw(),
      twin: () => ({
        caption: l10n.t('Singular values of the layers that are compared'),
        columns: [this.xLabel, ...this.curves.map(({ layer }) => layer)],
        rows: sampleIndexes(this.longest, TWIN_ROWS).map((at) => [
          this.xText(at),
          ...this.curves.map((curve) => this.valueText(curve, at)),
        ]),
      }),
      fileName: () => 'compared-singular-values',
      readout: (at) => this.readout(at),
      controls: [asTheyAre],
    });
    this.element = this.frame.element;
  }

  /** @param curves those that are known, in the order of their colours */
  show(curves: readonly Curve[]): void {
    this.curves = curves;
    this.frame.setFinding(comparisonFinding(curves));
    this.frame.redraw();
  }

  private get longest(): number {
    return largestOf(
      this.curves.map(({ sigma }) => sigma.length),
      0,
    );
  }

  private get xLabel(): string {
    return this.relative ? l10n.t('share of the ranks') : l10n.t('rank');
  }

  private scales() {
    const shown = this.curves.flatMap((curve) => this.drawn(curve).map((at) => this.value(curve, at)));
    const [low, high] = shown.length > 0 ? [smallestOf(shown), largestOf(shown)] : [0.1, 1];
    const span: [number, number] = this.relative ? [0, 1] : [1, Math.max(2, this.longest)];
    return {
      x: scaleLinear().domain(span).range([0, this.frame.width]),
      y: scaleLog()
        .domain([low === high ? low / 2 : low, high * 1.2])
        .range([this.frame.height, 0]),
    };
  }

  /** Indexes of a curve's points that are above the noise. */
  private drawn({ sigma }: Curve): number[] {
    return sampleIndexes(sigma.length, DRAWN).filter((at) => sigma[at]! > FLOOR * sigma[0]!);
  }

  private value({ sigma }: Curve, at: number): number {
    return this.relative ? sigma[at]! / sigma[0]! : sigma[at]!;
  }

  private place({ sigma }: Curve, at: number): number {
    return this.relative ? at / Math.max(1, sigma.length - 1) : at + 1;
  }

  private draw(): void {
    const fit = this.frame.layer('fit');
    this.frame.layer('axes');
    if (this.curves.length === 0) return;
    const { x, y } = this.scales();
    drawAxes(this.frame, x, y, {
      x: this.xLabel,
      y: this.relative ? 'σ/σ₁' : 'σ',
      formatX: this.relative ? (value) => formatPercent(value) : formatCount,
      ...(!this.relative && { wholeX: true }),
    });
    for (const curve of this.curves) {
      const path = line<number>()
        .x((at) => x(this.place(curve, at)))
        .y((at) => y(this.value(curve, at)));
      fit
        .append('path')
        .attr('class', curveClass(curve.index))
        .attr('d', path(this.drawn(curve)));
    }
  }

  /** The place in a curve that stands at a row of the longest one. */
  private indexIn({ sigma }: Curve, at: number): number {
    if (!this.relative) return at;
    return Math.round((at / Math.max(1, this.longest - 1)) * (sigma.length - 1));
  }

  private xText(at: number): string {
    return this.relative ? formatPercent(at / Math.max(1, this.longest - 1)) : formatCount(at + 1);
  }

  private valueText(curve: Curve, at: number): string {
    const index = this.indexIn(curve, at);
    if (index >= curve.sigma.length) return '';
    return this.relative && !(curve.sigma[0]! > 0) ? '0' : formatNumber(this.value(curve, index), 3);
  }

  private readout(left: number): { x: number; lines: string[] } | null {
    if (this.curves.length === 0) return null;
    const { x } = this.scales();
    const at = this.relative ? Math.round(x.invert(left) * (this.longest - 1)) : Math.round(x.invert(left)) - 1;
    const row = Math.min(this.longest - 1, Math.max(0, at));
    const place = this.relative ? row / Math.max(1, this.longest - 1) : row + 1;
    const lines = this.curves.map((curve) => `${curve.layer} ${this.valueText(curve, row)}`.trim());
    return { x: x(place), lines: [`${this.xLabel} ${this.xText(row)}`, ...lines] };
  }
}
