/** What an ESD is drawn with: bars or points, the fitted tail's line, the edge of the random bulk. */
import type { ScaleLogarithmic } from 'd3-scale';
import { l10n } from '../../extension/shared/language/l10n';
import type { PlotFrame } from './plotFrame';
import type { BulkLaw } from './bulkLaw';
import type { Tail } from './esdInput';
import { drawPoints } from './points';
import { shuffledBins, type SpectralDensity } from './spectralDensity';
import { sampleIndexes } from './sampleIndexes';
import type { SpectrumWindow } from './spectrumWindow';

type Log = ScaleLogarithmic<number, number>;

/** Room that the label of the bulk's edge takes. */
const EDGE_LABEL_WIDTH = 64;
/** It stands at the top, where bars near the edge of the bulk do not reach. */
const EDGE_LABEL_TOP = 10;

/** Points of a CCDF: so many largest values one by one, and so many of the rest. */
const SINGLE_POINTS = 4000;
const SAMPLED_POINTS = 4000;

/** The histogram, in one colour below xmin and another from it on; all in the first without a tail. */
export function drawBars(frame: PlotFrame, x: Log, y: Log, histogram: SpectralDensity, xmin: number | null): void {
  frame.layer('points');
  frame.canvas.hidden = true;
  const layer = frame.layer('bars');
  const split = xmin === null ? Infinity : x(xmin);
  const bulk: string[] = [];
  const tail: string[] = [];
  histogram.density.forEach((value, i) => {
    if (value === 0) return;
    const left = x(histogram.edges[i]!);
    const right = x(histogram.edges[i + 1]!);
    const bar = (from: number, to: number): string => `M${from},${frame.height}V${y(value)}H${to}V${frame.height}Z`;
    // The bar in which the tail starts is of both colours.
    if (left < split) bulk.push(bar(left, Math.min(right, split)));
    if (right > split) tail.push(bar(Math.max(left, split), right));
  });
  layer.append('path').attr('class', 'bar bulk').attr('d', bulk.join(''));
  layer.append('path').attr('class', 'bar tail').attr('d', tail.join(''));
}

export function drawCcdf(
  frame: PlotFrame,
  x: Log,
  y: Log,
  eigenvalues: Float64Array,
  { first, end }: SpectrumWindow,
): void {
  frame.layer('bars');
  const count = eigenvalues.length;
  // Each of the largest values counts; further down neighbours share a pixel.
  const single = Math.max(first, end - SINGLE_POINTS);
  const sampled = sampleIndexes(single - first, SAMPLED_POINTS).map((i) => first + i);
  const shown = [...sampled, ...Array.from({ length: end - single }, (_, i) => single + i)];
  const xs = Float64Array.from(shown, (i) => x(eigenvalues[i]!));
  const ys = Float64Array.from(shown, (i) => y((count - i) / count));
  drawPoints(frame, xs, ys, '--es-series');
}

/** The power law from xmin to λ₁, a straight line on log axes, cut off where it leaves the plot below. */
export function drawTailLine(
  frame: PlotFrame,
  x: Log,
  y: Log,
  eigenvalues: Float64Array,
  tail: Tail | null,
  cumulative: boolean,
): void {
  const layer = frame.layer('fit');
  if (!tail || !Number.isFinite(tail.alpha)) return;
  const { start, alpha } = tail;
  const xmin = eigenvalues[start]!;
  const share = (eigenvalues.length - start) / eigenvalues.length;
  const exponent = cumulative ? 1 - alpha : -alpha;
  const atXmin = cumulative ? share : (share * (alpha - 1)) / xmin;
  const [floor] = y.domain();
  const leaves = xmin * (floor! / atXmin) ** (1 / exponent);
  const end = Math.min(eigenvalues.at(-1)!, leaves);
  if (!(end > xmin)) return;
  layer
    .append('line')
    .attr('class', 'fit-line')
    .attr('x1', x(xmin))
    .attr('y1', y(atXmin))
    .attr('x2', x(end))
    .attr('y2', y(atXmin * (end / xmin) ** exponent));
}

/** Points of the line of a law. */
const LAW_POINTS = 240;

/** The Marchenko–Pastur law over the bulk; nothing is drawn without one. */
export function drawLaw(frame: PlotFrame, x: Log, y: Log, law: BulkLaw | null, cumulative: boolean): void {
  if (!law) return;
  const [low, high] = x.domain() as [number, number];
  const [floor, ceiling] = y.domain() as [number, number];
  const parts: string[] = [];
  let drawing = false;
  for (const lambda of law.places(low, high, LAW_POINTS)) {
    const value = cumulative ? law.above(lambda) : law.density(lambda);
    // The line ends where the plot does.
    const isInside = value >= floor && value <= ceiling;
    if (isInside) parts.push(`${drawing ? 'L' : 'M'}${x(lambda).toFixed(1)},${y(value).toFixed(1)}`);
    drawing = isInside;
  }
  frame.layer('marks', false).append('path').attr('class', 'bulk-law').attr('d', parts.join(''));
}

/** Outline of the spectrum of shuffled entries: over the same bins, or as a share above λ. */
export function drawShuffled(
  frame: PlotFrame,
  x: Log,
  y: Log,
  shuffled: Float64Array | null,
  edges: Float64Array,
  cumulative: boolean,
): void {
  if (!shuffled) return;
  const count = shuffled.length;
  const floor = frame.height;
  const top = (value: number): number => (value > 0 ? Math.min(floor, Math.max(0, y(value))) : floor);
  const parts: string[] = [];
  if (cumulative) {
    for (const i of sampleIndexes(count, SAMPLED_POINTS)) {
      const at = x(shuffled[i]!);
      if (at >= 0 && at <= frame.width) parts.push(`${at.toFixed(1)},${top((count - i) / count).toFixed(1)}`);
    }
  } else {
    for (const { left, right, density } of edges.length > 0 ? shuffledBins(shuffled, edges) : []) {
      const height = top(density).toFixed(1);
      parts.push(`${x(left).toFixed(1)},${height}`, `${x(right).toFixed(1)},${height}`);
    }
  }
  const path = parts.length > 0 ? `M${parts.join('L')}` : '';
  frame.layer('marks', false).append('path').attr('class', 'shuffled').attr('d', path);
}

/** In place of a plot that would have nothing on it. */
export function drawNothing(frame: PlotFrame, text: string): void {
  for (const name of ['axes', 'bars', 'points', 'fit'] as const) frame.layer(name);
  frame
    .layer('marks')
    .append('text')
    .attr('class', 'plot-empty')
    .attr('x', frame.width / 2)
    .attr('y', frame.height / 2)
    .attr('text-anchor', 'middle')
    .text(text);
}

/** @param edge λ₊; nothing is drawn without it */
export function drawEdge(frame: PlotFrame, x: Log, edge: number | null, xmin: number | null): void {
  const layer = frame.layer('marks');
  if (edge === null || !(edge > 0)) return;
  const at = x(edge);
  if (at < 0 || at > frame.width) return; // beside the part that is shown
  layer.append('line').attr('class', 'edge').attr('x1', at).attr('x2', at).attr('y1', 0).attr('y2', frame.height);
  // On the side where neither the plot's end nor the line of xmin is in its way; short where both are.
  const handle = xmin === null ? -Infinity : x(xmin);
  const roomRight = Math.min(frame.width, handle > at ? handle : Infinity) - at;
  const roomLeft = at - Math.max(0, handle < at ? handle : 0);
  const toLeft = roomRight < EDGE_LABEL_WIDTH && roomLeft > roomRight;
  layer
    .append('text')
    .attr('class', 'edge-label')
    .attr('x', at + (toLeft ? -5 : 5))
    .attr('y', EDGE_LABEL_TOP)
    .attr('text-anchor', toLeft ? 'end' : 'start')
    .text(Math.max(roomLeft, roomRight) < EDGE_LABEL_WIDTH ? 'λ₊' : l10n.t('λ₊ bulk'));
}
