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
import type { Kernels, Poll } from '../kernels/kernels';
import { choleskyFactor, inverseLower } from './triangular';

/** Rounds with a shift, each of which lowers the condition by some five digits. */
const MOST_SHIFTS = 4;
const SHIFT_ROUNDINGS = 32;

/**
 * @param x n × count, row-major; not changed
 * @returns an orthonormal basis of the same columns, in their order; undefined if they depend on each other to rounding
 */
export function orthonormalColumns(
  x: Float64Array,
  n: number,
  count: number,
  { kernels, poll }: { kernels: Kernels; poll: Poll },
  shifts = MOST_SHIFTS,
): Float64Array | undefined {
  const gram = kernels.multiply(x, x, count, count, n, true, false);
  const lengths = Float64Array.from({ length: count }, (_, i) => Math.sqrt(gram[i * count + i]!));
  for (let i = 0, at = 0; i < count; i++) {
    for (let j = 0; j < count; j++, at++) gram[at] = gram[at]! / (lengths[i]! * lengths[j]!);
  }
  const pollOnly = (): void => poll(0);
  const factor = choleskyFactor(gram, count, kernels, pollOnly);
  if (!factor && shifts === 0) return undefined;
  const used = factor ?? choleskyFactor(shifted(gram, count), count, kernels, pollOnly);
  if (!used) return undefined;
  const inverse = inverseLower(used, count, kernels, pollOnly);
  for (let i = 0, at = 0; i < count; i++) {
    for (let j = 0; j < count; j++, at++) inverse[at] = inverse[at]! / lengths[j]!;
  }
  const next = kernels.multiply(x, inverse, n, count, count, false, true);
  return factor ? next : orthonormalColumns(next, n, count, { kernels, poll }, shifts - 1);
}

/** With a diagonal that makes it positive definite whatever the rounding. */
function shifted(gram: Float64Array, count: number): Float64Array {
  const result = gram.slice();
  for (let i = 0; i < count; i++)
    result[i * (count + 1)] = result[i * (count + 1)]! + SHIFT_ROUNDINGS * count * Number.EPSILON;
  return result;
}
