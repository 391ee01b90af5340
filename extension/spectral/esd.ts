/** An empirical spectral density as it is drawn: in bins, or as a small curve. Takes λ = σ² ascending. */

const HISTOGRAM_BINS = 100;

export interface LogHistogram {
  /** Edges of the bins in log₁₀ λ; one more than counts. Empty without positive eigenvalues. */
  edges: Float64Array;
  counts: Float64Array;
  /** Eigenvalues that have no place on a log axis. */
  zeros: number;
}

/** Eigenvalues above zero; numerical zeros are 0 in spectra of the engine (`withExactZeros`). */
function positivePart(eigenvalues: Float64Array): Float64Array {
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

/** At most `points` values of log₁₀ σ against rank, evenly by rank, for a small picture; numerical zeros left out. */
export function rankedCurve(eigenvalues: Float64Array, points: number): number[] {
  const positive = positivePart(eigenvalues);
  const count = Math.min(points, positive.length);
  return Array.from({ length: count }, (_, index) => {
    const rank = count === 1 ? 0 : Math.round((index / (count - 1)) * (positive.length - 1));
    return Math.log10(positive[positive.length - 1 - rank]!) / 2;
  });
}
