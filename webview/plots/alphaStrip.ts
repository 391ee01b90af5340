/** FARMS's alpha of a layer on a line with those of other layers: a mark each, and a band that holds the middle half. */
import { axisBottom } from 'd3-axis';
import { scaleLinear } from 'd3-scale';
import { largestOf, smallestOf } from '../../extension/shared/extremes';
import { l10n } from '../../extension/shared/language/l10n';
import { referenceFinding, type FarmsReference } from '../layer/farmsReference';
import { formatNumber } from '../numbers/format';
import { PlotFrame } from './plotFrame';

const ROW = 22;
const ROWS = 2;
const BAND = 14;
const TICK_SPACING = 56;

/** Names of roles longer than this are cut; the finding has them whole. */
const LONGEST_LABEL = 11;

export class AlphaStrip {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly x = scaleLinear();

  constructor(
    layer: string,
    private reference: FarmsReference,
  ) {
    this.frame = new PlotFrame({
      title: l10n.t('FARMS α beside other layers'),
      height: 12 + ROWS * ROW + 24,
      margin: { top: 12, right: 14, bottom: 24, left: 74 },
      draw: () => this.draw(),
      twin: () => ({
        caption: l10n.t('FARMS α of other layers, the smallest first'),
        columns: [l10n.t('layer'), 'FARMS α'],
        rows: this.reference.groups[0]!.others.map((other) => [other.layer, formatNumber(other.alpha, 4)]),
      }),
      fileName: () => `${layer}-FARMS-alpha`,
      readout: (x, y) => this.readout(x, y),
      zoom: { axes: 'x' },
    });
    this.element = this.frame.element;
    this.element.classList.add('alpha-strip');
    this.show(reference);
  }

  /** More layers may be known. */
  show(reference: FarmsReference): void {
    this.reference = reference;
    this.frame.setFinding(referenceFinding(reference));
    this.frame.redraw();
  }

  private draw(): void {
    const { frame, x } = this;
    const { alpha, groups } = this.reference;
    const all = [alpha, ...groups[0]!.others.map((other) => other.alpha)];
    const [low, high] = [smallestOf(all), largestOf(all)];
    const room = Math.max(0.05, 0.03 * (high - low));
    x.domain([low - room, high + room]).range([0, frame.width]);
    frame.narrow('x', x);
    frame.zoom?.caption('x', 'FARMS α');
    const axes = frame.layer('axes');
    const ticks = x.ticks(Math.max(2, Math.floor(frame.width / TICK_SPACING)));
    axes
      .append('g')
      .attr('class', 'axis')
      .attr('transform', `translate(0,${frame.height})`)
      .call(
        axisBottom<number>(x)
          .tickValues(ticks)
          .tickFormat((value) => formatNumber(value, 2))
          .tickSize(4)
          .tickSizeOuter(0),
      );
    const bars = frame.layer('bars');
    groups.forEach(({ label, others, middle }, i) => {
      const top = i * ROW + (ROW - BAND) / 2;
      axes
        .append('g')
        .attr('class', 'axis')
        .append('text')
        .attr('x', -8)
        .attr('y', top + BAND - 3)
        .attr('text-anchor', 'end')
        .text(label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1)}…` : label);
      if (middle) {
        bars
          .append('rect')
          .attr('class', 'reference-band')
          .attr('x', x(middle[0]))
          .attr('y', top)
          .attr('width', Math.max(1, x(middle[1]) - x(middle[0])))
          .attr('height', BAND);
      }
      const path = others.map((other) => `M${x(other.alpha).toFixed(1)},${top + 3}v${BAND - 6}`);
      bars.append('path').attr('class', 'reference-layers').attr('d', path.join(''));
    });
    frame
      .layer('fit')
      .append('line')
      .attr('class', 'rank-line')
      .attr('x1', x(alpha))
      .attr('x2', x(alpha))
      .attr('y1', 0)
      .attr('y2', groups.length * ROW);
  }

  private readout(at: number, y: number): { x: number; lines: string[] } | null {
    const group = this.reference.groups[Math.min(this.reference.groups.length - 1, Math.floor(y / ROW))];
    if (!group) return null;
    const away = ({ alpha }: { alpha: number }): number => Math.abs(this.x(alpha) - at);
    const nearest = group.others.reduce((best, other) => (away(other) < away(best) ? other : best));
    return { x: this.x(nearest.alpha), lines: [nearest.layer, l10n.t('FARMS α {0}', formatNumber(nearest.alpha, 4))] };
  }
}
