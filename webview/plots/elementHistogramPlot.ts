/** How the elements of the weight are distributed. Counts on a log axis: the tails are what matters. */
import { scaleLinear, scaleLog } from 'd3-scale';
import type { LayerSpectrum } from '../../extension/shared/layers';
import { lowerBound } from '../../extension/spectral/tail/bounds';
import { formatCompact, formatCount, formatNumber } from '../numbers/format';
import { drawAxes } from './axes';
import { PlotFrame } from './plotFrame';
import type { TwinTable } from './twin';
import { largestOf } from '../../extension/shared/extremes';
import { l10n } from '../../extension/shared/language/l10n';

export function elementHistogramPlot(layer: string, histogram: LayerSpectrum['histogram']): HTMLElement {
  const { edges, counts } = histogram;
  const x = scaleLinear();
  const range = (bin: number): string =>
    l10n.t('{0} to {1}', formatNumber(edges[bin]!, 3), formatNumber(edges[bin + 1]!, 3));
  const twin = (): TwinTable => ({
    caption: l10n.t('Elements of {0}', layer),
    columns: [l10n.t('value'), l10n.t('elements')],
    rows: [...counts].map((count, bin) => [range(bin), formatCount(count)]),
  });
  const draw = (): void => {
    const [low, high] = [edges[0]!, edges.at(-1)!];
    x.domain(high > low ? [low, high] : [low - 1, high + 1]).range([0, frame.width]);
    frame.narrow('x', x);
    const [from, to] = x.domain() as [number, number];
    const seen = [...counts].filter((_, bin) => edges[bin + 1]! > from && edges[bin]! < to);
    const y = scaleLog()
      .domain([0.7, largestOf(seen, 2) * 1.4])
      .range([frame.height, 0]);
    drawAxes(frame, x, y, { x: l10n.t('element value'), y: l10n.t('elements') });
    const bars = [...counts].map((count, bin) =>
      count > 0 ? `M${x(edges[bin]!)},${frame.height}V${y(count)}H${x(edges[bin + 1]!)}V${frame.height}Z` : '',
    );
    frame.layer('bars').append('path').attr('class', 'bar tail').attr('d', bars.join(''));
  };
  const frame = new PlotFrame({
    title: l10n.t('Elements'),
    height: 260,
    growth: { aspect: 0.5, most: 420 },
    margin: { top: 24, right: 14, bottom: 40, left: 46 },
    draw,
    twin,
    fileName: () => `${layer}-elements`,
    zoom: { axes: 'x' },
    readout: (at) => {
      const value = x.invert(at);
      if (value < edges[0]! || value > edges.at(-1)!) return null;
      const bin = Math.min(counts.length - 1, Math.max(0, lowerBound(edges, value) - 1));
      return { x: at, lines: [range(bin), l10n.t('{0} elements', formatCount(counts[bin]!))] };
    },
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  const fullest = counts.indexOf(largestOf(counts));
  frame.setFinding(
    l10n.t(
      '{0} finite elements from {1} to {2}, most often near {3}.',
      formatCompact(total),
      formatNumber(edges[0]!, 3),
      formatNumber(edges.at(-1)!, 3),
      formatNumber((edges[fullest]! + edges[fullest + 1]!) / 2, 2),
    ),
  );
  return frame.element;
}
