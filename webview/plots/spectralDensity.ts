/** Density of a spectrum over bins of equal width in log λ. Pure. */
import { logHistogram } from '../../extension/spectral/esd';
import { lowerBound, upperBound } from '../../extension/spectral/tail/bounds';

export interface SpectralDensity {
  /** Bin edges in λ, one more than bins; empty where all values are zero. */
  edges: Float64Array;
  counts: Float64Array;
  /** Share of all values per unit of λ. */
  density: Float64Array;
  /** Values at numerical zero, which a log axis cannot show. They are the first ones. */
  zeros: number;
}

/** Bins grow with the cube root of the count (Rice's rule), within what a plot can resolve. */
const LEAST_BINS = 12;
const MOST_BINS = 80;

/**
 * @param ascending eigenvalues λ
 * @param total what shares are of, where these are only some of a spectrum
 */
export function spectralDensity(ascending: Float64Array, total = ascending.length): SpectralDensity {
  const bins = Math.round(Math.min(MOST_BINS, Math.max(LEAST_BINS, 3 * Math.cbrt(ascending.length))));
  const { edges: logEdges, counts, zeros } = logHistogram(ascending, bins);
  const edges = logEdges.map((edge) => 10 ** edge);
  const density = counts.map((count, i) => count / total / (edges[i + 1]! - edges[i]!));
  return { edges, counts, density, zeros };
}

/**
 * The density of other eigenvalues over the same bins.
 *
 * @param ascending eigenvalues λ
 * @param edges of bins, ascending
 */
export function shuffledBins(
  ascending: Float64Array,
  edges: Float64Array,
): { left: number; right: number; density: number }[] {
  return Array.from(edges.subarray(1), (right, i) => {
    const left = edges[i]!;
    // The last bin holds its upper edge.
    const end = i === edges.length - 2 ? upperBound(ascending, right) : lowerBound(ascending, right);
    const density = (end - lowerBound(ascending, left)) / ascending.length / (right - left);
    return { left, right, density };
  });
}
