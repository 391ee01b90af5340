/**
 * Orthonormal columns by Cholesky QR: two products and a small triangular factor. Once leaves errors of ε times the square of
 * the columns' condition; twice leaves none.
 *
 * Columns that nearly depend on each other are first made less so by a factor of their Gram matrix plus a small diagonal.
 *
 * @see Fukaya, Kannan, Nakatsukasa, Yamamoto & Yanagisawa 2020, "Shifted Cholesky QR for computing the QR factorization of
 *   ill-conditioned matrices"
 * @see Yamamoto, Nakatsukasa, Yanagisawa & Fukaya 2015, "Roundoff error analysis of the CholeskyQR2 algorithm"
 */
import type { Kernels } from '../kernels/kernels';
import { choleskyFactor, inverseLower } from './triangular';

/** Rounds with a shift, each of which lowers the condition by some five digits. */
const MOST_SHIFTS = 4;
const SHIFT_ROUNDINGS = 32;

/** Columns that are known by their products: X, n × count. */
export interface Columns {
  /** XᵀX, count × count. */
  overlaps(): Float64Array;
  /** X ← X·Cᵀ. @param coefficients C, count × count */
  combine(coefficients: Float64Array): void;
}

/**
 * Makes columns orthonormal, in their order, but for errors of ε times the square of their condition.
 *
 * @returns false if they depend on each other to rounding; what they are then is of no use
 */
export function orthonormalise(
  columns: Columns,
  count: number,
  kernels: Kernels,
  poll: () => void,
  shifts = MOST_SHIFTS,
): boolean {
  const gram = columns.overlaps();
  const lengths = Float64Array.from({ length: count }, (_, i) => Math.sqrt(gram[i * count + i]!));
  for (let i = 0, at = 0; i < count; i++) {
    for (let j = 0; j < count; j++, at++) gram[at] = gram[at]! / (lengths[i]! * lengths[j]!);
  }
  const factor = choleskyFactor(gram, count, kernels, poll);
  if (!factor && shifts === 0) return false;
  const used = factor ?? choleskyFactor(shifted(gram, count), count, kernels, poll);
  if (!used) return false;
  const inverse = inverseLower(used, count, kernels, poll);
  for (let i = 0, at = 0; i < count; i++) {
    for (let j = 0; j < count; j++, at++) inverse[at] = inverse[at]! / lengths[j]!;
  }
  columns.combine(inverse);
  return factor !== undefined || orthonormalise(columns, count, kernels, poll, shifts - 1);
}

/** With a diagonal that makes it positive definite whatever the rounding. */
function shifted(gram: Float64Array, count: number): Float64Array {
  const result = gram.slice();
  for (let i = 0; i < count; i++)
    result[i * (count + 1)] = result[i * (count + 1)]! + SHIFT_ROUNDINGS * count * Number.EPSILON;
  return result;
}
