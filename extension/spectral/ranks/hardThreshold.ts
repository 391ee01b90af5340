/**
 * The optimal hard threshold for singular values of a low-rank matrix in white noise of unknown level: ω(β)·median σ
 * with β = M/N.
 *
 * @see Gavish & Donoho 2014, "The optimal hard threshold for singular values is 4/√3"
 */
import { numericalZero } from '../../shared/numericalZero';
import { marchenkoPastur } from '../bulk/marchenkoPastur';

/** ω(β) = λ*(β)/√μ_β, with μ_β the median of the Marchenko–Pastur law. @param Q aspect ratio N/M = 1/β ≥ 1 */
export function hardThresholdFactor(Q: number): number {
  const beta = 1 / Q;
  const known = Math.sqrt(2 * (beta + 1) + (8 * beta) / (beta + 1 + Math.sqrt(beta * beta + 14 * beta + 1)));
  return known / Math.sqrt(marchenkoPastur(Q).median);
}

/**
 * Number of singular values above the threshold.
 *
 * @param eigenvalues λ = σ² ascending of one matrix
 * @returns undefined where the median of σ, which tells the noise, is a numerical zero
 */
export function hardThresholdRank(eigenvalues: Float64Array, Q: number): number | undefined {
  const count = eigenvalues.length;
  const sigma = (index: number): number => Math.sqrt(Math.max(0, eigenvalues[index] ?? 0));
  const median = (sigma(Math.floor((count - 1) / 2)) + sigma(Math.floor(count / 2))) / 2;
  if (median ** 2 <= numericalZero(eigenvalues)) return undefined;
  const threshold = hardThresholdFactor(Q) * median;
  let rank = 0;
  while (rank < count && sigma(count - 1 - rank) > threshold) rank++;
  return rank;
}
