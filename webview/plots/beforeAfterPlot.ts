/** The singular values of a layer before and after compression, ranked, on one logarithmic axis. */
import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';
import { largestOf, smallestOf } from '../../extension/shared/extremes';
import { l10n } from '../../extension/shared/language/l10n';
import { formatCount, formatNumber } from '../numbers/format';
import { drawAxes } from './axes';
import { PlotFrame } from './plotFrame';
import { sampleIndexes } from './sampleIndexes';
import { rankWindow } from './zoom/rankWindow';

/** Singular values below this share of σ₁ are noise; the axis ends there. */
const FLOOR = 1e-7;

/** So many ranks are shown at least. */
const LEAST_RANKS = 4;

const DRAWN = 1000;
const TWIN_ROWS = 200;

/** @param before λ = σ², ascending, as `after` */
export function beforeAfterPlot(layer: string, label: string, before: Float64Array, after: Float64Array): HTMLElement {
  const series = [ranked(before), ranked(after)] as const;
  const count = Math.max(before.length, after.length);
  const largest = Math.max(series[0][0] ?? 0, series[1][0] ?? 0);
  const kept = series[1].filter((sigma) => sigma > FLOOR * largest).length;
  const scales = (frame: PlotFrame) => {
    const x = scaleLinear()
      .domain([1, Math.max(2, count)])
      .range([0, frame.width]);
    const y = scaleLog()
      .domain([FLOOR * largest, largest * 1.2])
      .range([frame.height, 0])
      .clamp(true);
    if (frame.narrow('x', x)) y.domain(shownSigma(series, x.domain(), FLOOR * largest));
    return { x, y };
  };
  const frame = new PlotFrame({
    title: l10n.t('Spectrum before and after'),
    height: 240,
    margin: { top: 24, right: 14, bottom: 40, left: 46 },
    draw: () => {
      for (const name of ['fit', 'axes'] as const) frame.layer(name);
      if (!(largest > 0)) return;
      const { x, y } = scales(frame);
      drawAxes(frame, x, y, { x: 'rank', y: 'σ', wholeX: true, formatX: formatCount });
      const fit = frame.layer('fit');
      series.forEach((values, i) => {
        const { first, end } = rankWindow(x.domain(), values.length);
        const points = sampleIndexes(end - first, DRAWN)
          .map((at) => first + at)
          .filter((at) => values[at]! > FLOOR * largest);
        const path = line<number>()
          .x((at) => x(at + 1))
          .y((at) => y(values[at]!));
        fit.append('path').attr('class', `error-curve curve-colour-${i} curve-dash-${i}`).attr('d', path(points));
      });
    },
    twin: () => ({
      caption: l10n.t('Singular values before and after {0}', label),
      columns: [l10n.t('rank'), l10n.t('before'), l10n.t('after')],
      rows: sampleIndexes(count, TWIN_ROWS).map((at) => [
        formatCount(at + 1),
        ...series.map((values) => formatNumber(values[at] ?? 0, 4)),
      ]),
    }),
    fileName: () => `${layer}-before-and-after`,
    zoom: { axes: 'x', least: LEAST_RANKS },
    readout: (at) => {
      if (!(largest > 0)) return null;
      const { x } = scales(frame);
      const rank = Math.min(count, Math.max(1, Math.round(x.invert(at))));
      const [was, is] = series.map((values) => formatNumber(values[rank - 1] ?? 0, 3));
      return {
        x: x(rank),
        lines: [l10n.t('rank {0}', formatCount(rank)), l10n.t('before {0}', was!), l10n.t('after {0}', is!)],
      };
    },
  });
  frame.setFinding(
    largest > 0
      ? l10n.t(
          '{0} of {1} singular values stay above the noise; solid before, dashed after.',
          formatCount(kept),
          formatCount(count),
        )
      : l10n.t('Every singular value is zero.'),
  );
  return frame.element;
}

/** The values of σ that an axis shows beside those ranks. @param least below which nothing is drawn */
function shownSigma(series: readonly Float64Array[], ranks: number[], least: number): [number, number] {
  const shown = series.flatMap((values) => {
    const { first, end } = rankWindow(ranks, values.length);
    return [...values.subarray(first, end)].filter((sigma) => sigma > least);
  });
  return shown.length === 0 ? [least, least * 10] : [smallestOf(shown) / 1.2, largestOf(shown) * 1.2];
}

/** σ, the largest first. */
function ranked(eigenvalues: Float64Array): Float64Array {
  return eigenvalues.map(Math.sqrt).reverse();
}
