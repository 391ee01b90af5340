/** Scores of the rows of a tall matrix, and a seeded choice of rows by them. */
import type { Poll } from '../../linalg/kernels/kernels';
import { choleskyFactor, inverseLower } from '../../linalg/triangular/triangular';
import { mulberry32 } from '../../spectral/seededRandom';
import type { MethodTools } from '../methods/method';

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
 * @param vectors k × n, orthonormal as rows (zeros count as none): the weights depend on their span alone
 * @throws Error where the weights leave float64's range; what `poll` does
 * @see Cohen & Peng 2015, "ℓp row sampling by Lewis weights" (w ← (aᵀ(AᵀW⁻¹A)⁻¹a)^½ for p = 1)
 */
export function lewisWeights(vectors: Float64Array, k: number, { kernels, poll }: MethodTools): Float64Array {
  const n = vectors.length / k;
  const { rows, count } = withoutZeros(vectors, k);
  let weights = leverageScores(vectors, k);
  for (let round = 0; count > 0 && round < LEWIS_ROUNDS; round++) {
    const pollRound: Poll = (fraction) => poll((round + fraction) / LEWIS_ROUNDS);
    pollRound(0);
    const roots = weights.map((weight) => (weight > 0 ? 1 / Math.sqrt(weight) : 0));
    const scaled = rows.map((value, at) => value * roots[at % n]!);
    const gram = kernels.multiply(scaled, scaled, count, count, n, false, true);
    const triangle = choleskyFactor(gram, count, kernels, (fraction) => pollRound(fraction / 2));
    if (!triangle) throw new Error('the Lewis weights of the singular vectors are beyond the range of float64');
    const inverse = inverseLower(triangle, count, kernels, (fraction) => pollRound((1 + fraction) / 2));
    const solved = kernels.multiply(inverse, rows, count, n, count, false, false);
    weights = leverageScores(solved, count).map(Math.sqrt);
  }
  return weights;
}

/** The vectors that are not zero. */
function withoutZeros(vectors: Float64Array, k: number): { rows: Float64Array; count: number } {
  const n = vectors.length / k;
  const rows = new Float64Array(vectors.length);
  let count = 0;
  for (let i = 0; i < k; i++) {
    const row = vectors.subarray(i * n, (i + 1) * n);
    if (row.some((value) => value !== 0)) rows.set(row, count++ * n);
  }
  return { rows: rows.subarray(0, count * n), count };
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
