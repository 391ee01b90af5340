/** Curves of an empirical spectral density: what the plots draw. All take λ = σ² ascending. */
import type { PowerLawFit } from '../shared/layers';

const HISTOGRAM_BINS = 100;

/** Used if the bandwidth rule sees no spread at all. */
const MIN_BANDWIDTH = 1e-3;

export interface LogHistogram {
  /** Edges of the bins in log₁₀ λ; one more than counts. Empty without positive eigenvalues. */
  edges: Float64Array;
  counts: Float64Array;
  /** Eigenvalues that have no place on a log axis. */
  zeros: number;
}

/** Eigenvalues above zero; numerical zeros are 0 in spectra of the engine (`withExactZeros`). */
export function positivePart(eigenvalues: Float64Array): Float64Array {
  const first = eigenvalues.findIndex((value) => value > 0);
  return first === -1 ? new Float64Array(0) : eigenvalues.subarray(first);
}

/** Histogram of log₁₀ λ in equal bins. */
export function logHistogram(eigenvalues: Float64Array, bins = HISTOGRAM_BINS): LogHistogram {
  const positive = positivePart(eigenvalues);
  const zeros = eigenvalues.length - positive.length;
  if (positive.length === 0) return { edges: new Float64Array(0), counts: new Float64Array(0), zeros };
  const low = Math.log10(positive[0]!);
  const high = Math.log10(positive.at(-1)!);
  // All equal: a decade around the value.
  const [from, to] = high > low ? [low, high] : [low - 0.5, high + 0.5];
  const edges = Float64Array.from({ length: bins + 1 }, (_, index) =>
    index === bins ? to : from + (index / bins) * (to - from),
  );
  const counts = new Float64Array(bins);
  for (const value of positive) {
    const bin = Math.floor(((Math.log10(value) - from) / (to - from)) * bins);
    counts[Math.max(0, Math.min(bin, bins - 1))]!++;
  }
  return { edges, counts, zeros };
}

export interface Curve {
  x: Float64Array;
  y: Float64Array;
}

/**
 * Kernel density of log₁₀ λ on an even grid: Gaussian kernels, Silverman's bandwidth. Integrates to 1 over log₁₀ λ.
 *
 * @param points of the grid, which reaches three bandwidths beyond the spectrum
 */
export function logDensity(eigenvalues: Float64Array, points = 200): Curve {
  const logs = positivePart(eigenvalues).map(Math.log10);
  const count = logs.length;
  if (count === 0) return { x: new Float64Array(0), y: new Float64Array(0) };
  const mean = logs.reduce((sum, value) => sum + value, 0) / count;
  const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count);
  const quartiles = logs[Math.floor(0.75 * (count - 1))]! - logs[Math.floor(0.25 * (count - 1))]!;
  const spread = Math.min(deviation, quartiles / 1.34) || deviation;
  const bandwidth = Math.max(MIN_BANDWIDTH, 0.9 * spread * count ** -0.2);
  const low = logs[0]! - 3 * bandwidth;
  const high = logs[count - 1]! + 3 * bandwidth;
  const x = Float64Array.from({ length: points }, (_, index) => low + (index / (points - 1)) * (high - low));
  const factor = 1 / (count * bandwidth * Math.sqrt(2 * Math.PI));
  const y = x.map(
    (at) => factor * logs.reduce((sum, value) => sum + Math.exp(-0.5 * ((at - value) / bandwidth) ** 2), 0),
  );
  return { x, y };
}

/**
 * Share of eigenvalues ≥ λ against λ, both positive, for log axes.
 *
 * @param maxPoints thinned evenly in rank on the log scale of the share, so that the tail keeps all of its points
 */
export function ccdf(eigenvalues: Float64Array, maxPoints = Infinity): Curve {
  const positive = positivePart(eigenvalues);
  const ranks = logRanks(positive.length, maxPoints);
  return {
    x: Float64Array.from(ranks, (rank) => positive[positive.length - rank]!).reverse(),
    y: Float64Array.from(ranks, (rank) => rank / eigenvalues.length).reverse(),
  };
}

/** σ descending; numerical noise below zero is zero. */
export function singularValues(eigenvalues: Float64Array): Float64Array {
  return eigenvalues.map((value) => Math.sqrt(Math.max(0, value))).reverse();
}

/** At most `points` values of log₁₀ σ against rank, evenly by rank, for a small picture; numerical zeros left out. */
export function rankedCurve(eigenvalues: Float64Array, points: number): number[] {
  const positive = positivePart(eigenvalues);
  const count = Math.min(points, positive.length);
  return Array.from({ length: count }, (_, index) => {
    const rank = count === 1 ? 0 : Math.round((index / (count - 1)) * (positive.length - 1));
    return Math.log10(positive[positive.length - 1 - rank]!) / 2;
  });
}

/**
 * The fitted tail as a line on the CCDF: from (xmin, n/total) to where the spectrum ends. Empty for a failed fit.
 *
 * @param total number of eigenvalues that the CCDF counts
 */
export function tailCcdf(fit: Pick<PowerLawFit, 'alpha' | 'xmin' | 'xmax' | 'num_pl_spikes'>, total: number): Curve {
  const { alpha, xmin, xmax, num_pl_spikes: n } = fit;
  if (alpha === null || xmin === null || xmax === null || n === null) {
    return { x: new Float64Array(0), y: new Float64Array(0) };
  }
  return {
    x: Float64Array.of(xmin, xmax),
    y: Float64Array.of(n / total, (n / total) * (xmax / xmin) ** (1 - alpha)),
  };
}

/** Eigenvalues that the fitted tail expects in each bin of a `logHistogram`; 0 below xmin and for a failed fit. */
export function tailCounts(
  fit: Pick<PowerLawFit, 'alpha' | 'xmin' | 'num_pl_spikes'>,
  edges: Float64Array,
): Float64Array {
  const { alpha, xmin, num_pl_spikes: n } = fit;
  const counts = new Float64Array(Math.max(0, edges.length - 1));
  if (alpha === null || xmin === null || n === null) return counts;
  const above = (edge: number): number => Math.min(1, (10 ** edge / xmin) ** (1 - alpha));
  return counts.map((_, bin) => n * (above(edges[bin]!) - above(edges[bin + 1]!)));
}

/** Ranks 1…count, all of them or evenly spaced in their logarithm. */
function logRanks(count: number, maxPoints: number): number[] {
  if (count <= maxPoints) return Array.from({ length: count }, (_, index) => index + 1);
  const ranks = new Set<number>();
  for (let point = 0; point < maxPoints; point++) ranks.add(Math.round(count ** (point / (maxPoints - 1))));
  return [...ranks];
}
