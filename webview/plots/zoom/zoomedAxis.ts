/** The arithmetic of zooming one axis, in pixels, so that linear and logarithmic ones are alike. Pure. */
import type { ScaleContinuousNumeric } from 'd3-scale';
import { largestOf, smallestOf } from '../../../extension/shared/extremes';
import type { Span } from './zoomView';

export type Continuous = ScaleContinuousNumeric<number, number>;

/** An axis is not drawn more than so many times as large. */
const MOST_ZOOM = 5000;

/**
 * The part of an axis that is kept of a part that was chosen before.
 *
 * @param home all of the axis, low before high
 * @returns undefined if that is all of it, or nothing
 */
export function partWithin(span: Span | undefined, [low, high]: Span): Span | undefined {
  if (!span) return undefined;
  const part: Span = [Math.max(low, span[0]), Math.min(high, span[1])];
  return part[0] < part[1] && (part[0] > low || part[1] < high) ? part : undefined;
}

/**
 * The part of an axis that lies between two places of the plot. It is moved back to where the axis is, and widened if
 * it is too small to be drawn.
 *
 * @param scale as it is drawn now
 * @param home all of the axis, low before high
 * @param from pixels, as `to`; may lie outside the plot
 * @param least narrowest part, in numbers of a linear axis
 * @returns undefined for all of the axis
 */
export function partBetween(scale: Continuous, home: Span, from: number, to: number, least = 0): Span | undefined {
  const ends = home.map((value) => scale(value));
  const [start, end] = [smallestOf(ends), largestOf(ends)];
  const whole = end - start;
  const narrowest = Math.max(whole / MOST_ZOOM, (whole * least) / (home[1] - home[0]));
  const width = Math.max(to - from, narrowest);
  if (width >= whole * (1 - 1e-9)) return undefined;
  const left = Math.min(Math.max((from + to - width) / 2, start), end - width);
  const [a, b] = [scale.invert(left), scale.invert(left + width)];
  return [Math.max(home[0], Math.min(a, b)), Math.min(home[1], Math.max(a, b))];
}
