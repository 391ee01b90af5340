/** Ranked singular values with the rank suggestions marked, and the part that a chosen rank keeps. */
import { scaleLinear, scaleLog } from 'd3-scale';
import { area } from 'd3-shape';
import { l10n } from '../../extension/shared/language/l10n';
import { formatCount, formatNumber, formatPercent } from '../numbers/format';
import type { RankCurve } from '../../extension/shared/ranks/rankCurve';
import { drawAxes } from './axes';
import { PlotFrame } from './plotFrame';
import { RankHandle } from './rankHandle';
import type { TwinTable } from './twin';
import { sampleIndexes } from './sampleIndexes';
import { rankWindow } from './zoom/rankWindow';

export interface RankMark {
  /** Short, for the plot. */
  label: string;
  /** Whole, for the table. */
  name: string;
  rank: number;
}

/** Singular values below this share of σ₁ are noise; the axis ends there. */
const FLOOR = 1e-7;

/** Rows of labels above the plot. */
const LABEL_ROWS = 3;
const LABEL_HEIGHT = 13;
const LABEL_GAP = 8;

/** So many ranks are shown at least. */
const LEAST_RANKS = 4;

const TWIN_ROWS = 200;

export class SingularValuesPlot {
  readonly element: HTMLElement;
  readonly frame: PlotFrame;
  private readonly handle: RankHandle;
  private rank = 1;
  private readonly x = scaleLinear();

  /**
   * @param onPick called with the rank a person points at
   * @param onLayout called with the pixels where rank 1 and full rank lie, for a slider that lines up
   */
  constructor(
    private readonly layer: string,
    private readonly curve: RankCurve,
    private marks: readonly RankMark[],
    private readonly onPick: (rank: number) => void,
    private readonly onLayout: (left: number, width: number) => void,
  ) {
    this.frame = new PlotFrame({
      title: l10n.t('Singular values'),
      height: 280,
      growth: { aspect: 0.5, most: 440 },
      margin: { top: 18 + LABEL_ROWS * LABEL_HEIGHT, right: 14, bottom: 40, left: 46 },
      draw: () => this.draw(),
      twin: () => this.twin(),
      fileName: () => `${layer}-singular-values`,
      readout: (x) => this.readout(x),
      pick: (x) => this.onPick(this.curve.bounded(this.x.invert(x))),
      zoom: { axes: 'x', least: LEAST_RANKS },
    });
    this.element = this.frame.element;
    this.handle = new RankHandle(this.frame, (x) => this.onPick(this.curve.bounded(this.x.invert(x))));
  }

  setMarks(marks: readonly RankMark[]): void {
    this.marks = marks;
    this.frame.redraw();
  }

  setRank(rank: number): void {
    this.rank = rank;
    const { curve } = this;
    this.frame.setFinding(
      l10n.t(
        'Rank {0} of {1} keeps {2} of the energy in {3} of the parameters; relative error {4}.',
        formatCount(rank),
        formatCount(curve.fullRank),
        formatPercent(curve.energy(rank)),
        formatPercent(curve.ratio(rank)),
        formatPercent(curve.error(rank)),
      ),
    );
    this.frame.redraw();
  }

  private draw(): void {
    const { frame, curve, x } = this;
    const { singularValues: sigma, fullRank } = curve;
    const largest = sigma[0] ?? 0;
    if (!(largest > 0)) return;
    x.domain([1, Math.max(2, fullRank)]).range([0, frame.width]);
    frame.narrow('x', x);
    const { first, end } = rankWindow(x.domain(), fullRank);
    const shown = sigma.subarray(first, end);
    const least = FLOOR * largest;
    const smallest = shown.findLast((value) => value > least) ?? least;
    const y = scaleLog()
      .domain([smallest / 1.3, Math.max(smallest, shown[0] ?? 0) * 1.2])
      .range([frame.height, 0]);
    drawAxes(frame, x, y, { x: l10n.t('rank'), y: l10n.t('singular value σ'), formatX: formatCount, wholeX: true });
    // One point for each pixel column: the values fall steadily, so nothing is lost between them.
    const indexes = sampleIndexes(end - first, Math.max(2, Math.round(frame.width))).map((i) => first + i);
    const shape = area<number>()
      .x((i) => x(i + 1))
      .y0(frame.height)
      .y1((i) => y(Math.max(sigma[i]!, smallest)));
    const bars = frame.layer('bars');
    const kept = indexes.filter((i) => i < this.rank);
    const rest = indexes.filter((i) => i >= this.rank);
    // The two parts meet at the rank.
    if (kept.length > 0 && kept.at(-1) !== this.rank - 1) kept.push(this.rank - 1);
    if (rest.length > 0) rest.unshift(this.rank - 1);
    bars.append('path').attr('class', 'area discarded').attr('d', shape(rest));
    bars.append('path').attr('class', 'area kept').attr('d', shape(kept));
    bars.append('path').attr('class', 'curve').attr('d', shape.lineY1()(indexes));
    this.drawMarks();
    this.handle.place(x(this.rank));
    this.onLayout(frame.margin.left, frame.width);
  }

  /** Labels go into the first row where they do not touch their neighbour; one that fits nowhere is in the list below. */
  private drawMarks(): void {
    const { frame, x } = this;
    const layer = frame.layer('marks');
    const ends = Array.from({ length: LABEL_ROWS }, () => -Infinity);
    const inSight = this.marks.filter(({ rank }) => x(rank) >= 0 && x(rank) <= frame.width);
    const byRank = inSight.sort((a, b) => a.rank - b.rank);
    for (const mark of byRank) {
      const at = x(mark.rank);
      const text = layer.append('text').attr('class', 'mark-label').text(mark.label);
      const width = text.node()!.getComputedTextLength();
      const left = Math.min(Math.max(at - width / 2, -frame.margin.left), frame.width + frame.margin.right - width);
      const row = ends.findIndex((end) => left >= end + LABEL_GAP);
      const lineTop = row < 0 ? 0 : -(row * LABEL_HEIGHT) - 3;
      if (row < 0) text.remove();
      else {
        ends[row] = left + width;
        text.attr('x', left).attr('y', lineTop - 3);
      }
      layer
        .insert('line', ':first-child')
        .attr('class', 'mark')
        .attr('x1', at)
        .attr('x2', at)
        .attr('y1', lineTop)
        .attr('y2', frame.height);
    }
  }

  private readout(at: number): { x: number; lines: string[] } | null {
    const { curve } = this;
    const rank = curve.bounded(this.x.invert(at));
    return {
      x: this.x(rank),
      lines: [
        l10n.t('rank {0}: σ {1}', formatCount(rank), formatNumber(curve.singularValues[rank - 1]!, 3)),
        l10n.t('error {0}', formatPercent(curve.error(rank))),
        l10n.t('{0} of parameters', formatPercent(curve.ratio(rank))),
      ],
    };
  }

  private twin(): TwinTable {
    const { curve } = this;
    return {
      caption: l10n.t('Singular values of {0} and what each rank keeps', this.layer),
      columns: [l10n.t('rank'), 'σ', l10n.t('energy kept'), l10n.t('error'), l10n.t('parameters')],
      rows: sampleIndexes(curve.fullRank, TWIN_ROWS).map((i) => [
        formatCount(i + 1),
        formatNumber(curve.singularValues[i]!, 5),
        formatPercent(curve.energy(i + 1), 4),
        formatPercent(curve.error(i + 1), 4),
        formatPercent(curve.ratio(i + 1), 4),
      ]),
    };
  }
}
