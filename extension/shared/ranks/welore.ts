/**
 * WeLore's ranks: one threshold on the normalised singular values of the whole model, found by bisection, decides how
 * much of each matrix is kept.
 *
 * @see WeLore, `adaptive_rank_pruning` (arXiv 2407.11239)
 */

export interface WeloreLayer {
  name: string;
  /** Descending. */
  singularValues: Float64Array;
}

/** Halvings of the threshold's range; it lies in [0, 1] and a double has no finer steps there. */
const MAX_BISECTIONS = 60;

/** Mean rank reduction is met when it is this close. */
const REDUCTION_TOLERANCE = 1e-6;

/**
 * Rank of every layer at a threshold: the count of sₙ = (σ − σ_min)/(σ₁ − σ_min) ≥ t. A matrix whose σ are all equal
 * keeps its full rank.
 */
export function weloreRanksAt(layers: readonly WeloreLayer[], threshold: number): Map<string, number> {
  return new Map(layers.map(({ name, singularValues }) => [name, weloreRank(singularValues, threshold)]));
}

/**
 * Ranks for a mean rank reduction over the layers, each counted alike: (1/L)·Σ (1 − rank/full rank).
 *
 * @param targetReduction 0 ≤ target < 1; where it lies between two thresholds' reductions the ranks are the first that
 *   reach it
 * @throws RangeError for a target outside that range
 */
export function weloreRanks(
  layers: readonly WeloreLayer[],
  targetReduction: number,
): { threshold: number; ranks: Map<string, number> } {
  if (!(targetReduction >= 0 && targetReduction < 1)) {
    throw new RangeError(`a mean rank reduction of ${targetReduction} is not within 0 and 1`);
  }
  let low = 0;
  let high = 1;
  let threshold = 0;
  if (meanReduction(layers, 0) < targetReduction) {
    for (let step = 0; step < MAX_BISECTIONS; step++) {
      threshold = (low + high) / 2;
      const excess = meanReduction(layers, threshold) - targetReduction;
      if (Math.abs(excess) <= REDUCTION_TOLERANCE) break;
      if (excess < 0) low = threshold;
      else high = threshold;
      threshold = high;
    }
  }
  return { threshold, ranks: weloreRanksAt(layers, threshold) };
}

function meanReduction(layers: readonly WeloreLayer[], threshold: number): number {
  if (layers.length === 0) return 0;
  const reductions = layers.map(({ singularValues }) =>
    singularValues.length === 0 ? 0 : 1 - weloreRank(singularValues, threshold) / singularValues.length,
  );
  return reductions.reduce((sum, value) => sum + value, 0) / layers.length;
}

/** Rank of one layer at a threshold, as `weloreRanksAt`. @param singularValues descending */
export function weloreRank(singularValues: Float64Array, threshold: number): number {
  const count = singularValues.length;
  if (count === 0) return 0;
  const smallest = singularValues[count - 1]!;
  const range = singularValues[0]! - smallest;
  if (!(range > 0)) return count;
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((singularValues[middle]! - smallest) / range >= threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}
