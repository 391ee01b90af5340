/** Scores of the rows of a tall matrix, and a seeded choice of rows by them. */
import { mulberry32 } from '../../spectral/seededRandom';

/** Rounds of the Lewis iteration: for p = 1 the error halves in each. @see Cohen & Peng 2015, §3 */
const LEWIS_ROUNDS = 30;

/**
 * Leverage scores: squared norms of the rows of a matrix with orthonormal columns.
 *
 * @param vectors k × n, orthonormal vectors as rows (zeros count as none)
 * @returns n scores, between 0 and 1, in sum the number of vectors
 */
export function leverageScores(vectors: Float64Array, k: number): Float64Array {
  const n = vectors.length / k;
  const scores = new Float64Array(n);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < n; j++) scores[j] = scores[j]! + vectors[i * n + j]! ** 2;
  }
  return scores;
}

/**
 * ℓ1 Lewis weights: the leverage scores of the matrix whose rows are divided by the roots of those very weights.
 *
 * @param vectors k × n, orthonormal as rows: the weights depend on their span alone
 * @see Cohen & Peng 2015, "ℓp row sampling by Lewis weights" (w ← (aᵀ(AᵀW⁻¹A)⁻¹a)^½ for p = 1)
 */
export function lewisWeights(vectors: Float64Array, k: number, poll: (fraction: number) => void): Float64Array {
  const n = vectors.length / k;
  let weights = leverageScores(vectors, k);
  for (let round = 0; round < LEWIS_ROUNDS; round++) {
    poll(round / LEWIS_ROUNDS);
    const triangle = weightedCholesky(vectors, k, weights);
    const next = new Float64Array(n);
    const solved = new Float64Array(k);
    for (let j = 0; j < n; j++) {
      let squared = 0;
      for (let i = 0; i < k; i++) {
        let rest = vectors[i * n + j]!;
        for (let l = 0; l < i; l++) rest -= triangle[i * k + l]! * solved[l]!;
        const pivot = triangle[i * k + i]!;
        solved[i] = pivot === 0 ? 0 : rest / pivot;
        squared += solved[i]! ** 2;
      }
      next[j] = Math.sqrt(squared);
    }
    weights = next;
  }
  return weights;
}

/** Lower triangle of V·diag(1/w)·Vᵀ; a zero pivot for a vector of zeros. */
function weightedCholesky(vectors: Float64Array, k: number, weights: Float64Array): Float64Array {
  const n = vectors.length / k;
  const inverses = weights.map((weight) => (weight > 0 ? 1 / weight : 0));
  const triangle = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let c = 0; c < n; c++) sum += vectors[i * n + c]! * vectors[j * n + c]! * inverses[c]!;
      for (let l = 0; l < j; l++) sum -= triangle[i * k + l]! * triangle[j * k + l]!;
      if (i === j) triangle[i * k + i] = sum > 0 ? Math.sqrt(sum) : 0;
      else triangle[i * k + j] = triangle[j * k + j] === 0 ? 0 : sum / triangle[j * k + j]!;
    }
  }
  return triangle;
}

/**
 * Indices drawn without replacement, each draw with probability proportional to the scores of those that are left; those
 * without a score come last, in their order.
 *
 * @returns `count` indices, ascending
 * @see Efraimidis & Spirakis 2006, "Weighted random sampling with a reservoir" (the smallest −ln(u)/score win)
 */
export function drawByScore(scores: Float64Array, count: number, seed: number): Uint32Array {
  const random = mulberry32(seed);
  const keys = scores.map((score) => {
    const draw = -Math.log(1 - random());
    return score > 0 ? draw / score : Infinity;
  });
  const order = Array.from(keys.keys()).sort((a, b) => (keys[a] === keys[b] ? a - b : keys[a]! - keys[b]!));
  return Uint32Array.from(order.slice(0, count)).sort();
}
