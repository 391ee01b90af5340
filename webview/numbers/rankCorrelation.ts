/**
 * Spearman's rank correlation, with a 95 % interval by Fisher's transformation and the variance of Bonett and Wright.
 *
 * @see https://doi.org/10.1007/BF02294183 Bonett & Wright (2000), equation 4
 */
import { spearman } from '../../extension/shared/findings/spearman';

/** Fewer pairs say nothing of how two numbers go together. */
export const LEAST_PAIRS = 4;

const NORMAL_95 = 1.959963984540054;

export interface RankCorrelation {
  /** −1 to 1. */
  readonly rho: number;
  readonly low: number;
  readonly high: number;
}

/**
 * @param x finite, as many as of `y`
 * @returns null for fewer than `LEAST_PAIRS` pairs, or if all of one side are the same
 */
export function rankCorrelation(x: readonly number[], y: readonly number[]): RankCorrelation | null {
  const n = x.length;
  if (n < LEAST_PAIRS) return null;
  const rho = spearman(x, y);
  if (rho === undefined) return null;
  const half = NORMAL_95 * Math.sqrt((1 + rho ** 2 / 2) / (n - 3));
  return { rho, low: Math.tanh(Math.atanh(rho) - half), high: Math.tanh(Math.atanh(rho) + half) };
}
