/**
 * Spearman's rank correlation, with a 95 % interval by Fisher's transformation and the variance of Bonett and Wright.
 *
 * @see https://doi.org/10.1007/BF02294183 Bonett & Wright (2000), equation 4
 */

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
  const [a, b] = [ranks(x), ranks(y)];
  const mean = (n + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [da, db] = [a[i]! - mean, b[i]! - mean];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  if (aa === 0 || bb === 0) return null;
  const rho = Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb)));
  const half = NORMAL_95 * Math.sqrt((1 + rho ** 2 / 2) / (n - 3));
  return { rho, low: Math.tanh(Math.atanh(rho) - half), high: Math.tanh(Math.atanh(rho) + half) };
}

/** From 1; equal values share the mean of their ranks. */
function ranks(values: readonly number[]): Float64Array {
  const order = Array.from(values.keys()).sort((i, j) => values[i]! - values[j]!);
  const found = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to += 1;
    for (let i = from; i < to; i++) found[order[i]!] = (from + to + 1) / 2;
    from = to;
  }
  return found;
}
