/** The part of a spectrum that is drawn: all of it, or the tail with a little of what comes before. Pure. */
import { lowerBound } from '../../extension/spectral/tail/bounds';
import { spectralDensity, type SpectralDensity } from './spectralDensity';

export interface SpectrumWindow {
  /** Index of the first eigenvalue that is drawn: those before are left of the axis, or numerical zeros. */
  first: number;
  histogram: SpectralDensity;
}

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
  return { first: least, histogram: spectralDensity(ascending.subarray(least), ascending.length) };
}

/** @param ascending eigenvalues λ */
export function wholeSpectrum(ascending: Float64Array): SpectrumWindow {
  const histogram = spectralDensity(ascending);
  return { first: histogram.zeros, histogram };
}

/** @param start index of the tail's first eigenvalue, which is above zero */
export function tailWindow(ascending: Float64Array, start: number): SpectrumWindow {
  const [xmin, largest] = [ascending[start]!, ascending.at(-1)!];
  const first = lowerBound(ascending, xmin / Math.max(LEAST_CONTEXT, (largest / xmin) ** CONTEXT));
  return { first, histogram: spectralDensity(ascending.subarray(first), ascending.length) };
}
