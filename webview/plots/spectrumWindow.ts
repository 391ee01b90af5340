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
