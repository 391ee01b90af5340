/** The part of a spectrum that is drawn: all of it, without dust, the tail with a little of what comes before, or any. Pure. */
import { lowerBound, upperBound } from '../../extension/spectral/tail/bounds';
import { spectralDensity, type SpectralDensity } from './spectralDensity';
import type { Span } from './zoom/zoomView';

export interface SpectrumWindow {
  /** Index of the first eigenvalue that is drawn: those before are left of the axis, or numerical zeros. */
  first: number;
  /** Index after the last one that is drawn. */
  end: number;
  histogram: SpectralDensity;
}

/** Factor by which the axis reaches beyond the eigenvalues. */
export const AXIS_MARGIN = 1.15;

/** Share of the tail's decades that is shown of what comes before it, and the least factor of that. */
const CONTEXT = 0.5;
const LEAST_CONTEXT = 1.5;

/** Share of the eigenvalues above zero that may be dust, and the least share of the axis that it must take to be left out. */
const DUST_SHARE = 0.02;
const DUST_AXIS = 0.1;

/**
 * Bulk and tail, without dust: the smallest eigenvalues reach down many decades and are few. All of the spectrum if there
 * is no such dust.
 *
 * @param ascending eigenvalues λ
 * @param start index of the tail's first eigenvalue, which is never dust
 */
export function mainSpectrum(ascending: Float64Array, start = ascending.length): SpectrumWindow {
  const whole = wholeSpectrum(ascending);
  const { first } = whole;
  const least = Math.min(start, first + Math.floor(DUST_SHARE * (ascending.length - first)));
  const [low, cut, high] = [ascending[first], ascending[least], ascending.at(-1)];
  if (low === undefined || cut === undefined || high === undefined) return whole;
  if (!(Math.log(cut / low) >= DUST_AXIS * Math.log(high / low)) || least === first) return whole;
  return {
    first: least,
    end: ascending.length,
    histogram: spectralDensity(ascending.subarray(least), ascending.length),
  };
}

/** @param ascending eigenvalues λ */
export function wholeSpectrum(ascending: Float64Array): SpectrumWindow {
  const histogram = spectralDensity(ascending);
  return { first: histogram.zeros, end: ascending.length, histogram };
}

/** @param ascending eigenvalues λ, those drawn from `low` to `high` */
export function windowBetween(ascending: Float64Array, [low, high]: Span): SpectrumWindow {
  const [first, end] = [lowerBound(ascending, low), upperBound(ascending, high)];
  return { first, end, histogram: spectralDensity(ascending.subarray(first, end), ascending.length) };
}

/**
 * The tail with half as many decades before it.
 *
 * @param start index of the tail's first eigenvalue, which is above zero
 */
export function tailPart(ascending: Float64Array, start: number): Span {
  const [xmin, largest] = [ascending[start]!, ascending.at(-1)!];
  const first = lowerBound(ascending, xmin / Math.max(LEAST_CONTEXT, (largest / xmin) ** CONTEXT));
  return [ascending[first]! / AXIS_MARGIN, largest * AXIS_MARGIN];
}
