/** The error of a Gram matrix that its eigenvalues may have: what `linalg/README.md` promises. */

import { numericalZero } from '../../shared/numericalZero';

/** Eigenvalues in the upper half of the spectrum are within this, relative. Every other is then within it times λ₁. */
const UPPER_HALF = 1e-6;

/**
 * Judges eigenvalues by Weyl's bound: none moves by more than the norm of the matrix's error.
 *
 * @param eigenvalues ascending, of the Gram matrix with the error
 * @param errorBound bound of the error's norm
 * @returns why they may not be used, undefined where they may
 */
export function precisionProblem(eigenvalues: Float64Array, errorBound: number): string | undefined {
  const { length } = eigenvalues;
  const largest = eigenvalues[length - 1] ?? 0;
  if (!Number.isFinite(errorBound) || !Number.isFinite(largest)) return 'its Gram matrix is not finite';
  // Below this an eigenvalue is a numerical zero: float64 itself tells no more.
  const zero = numericalZero(eigenvalues);
  if (errorBound <= zero) return undefined;
  const middle = eigenvalues[length >> 1]!;
  if (!(errorBound <= UPPER_HALF * middle)) {
    return `its error may be ${(errorBound / middle).toExponential(1)} of the median eigenvalue, 1e-6 is allowed`;
  }
  // The rank, and what is derived from it, must not depend on the device.
  if (!(eigenvalues[0]! - errorBound > zero)) return 'its error hides whether the smallest eigenvalues are zero';
  return undefined;
}

/** A ratio of singular values, such as the condition number, is right to this. */
const RATIO = 1e-3;

/**
 * True if a float64 Gram matrix may put σ₁/σ_M off by more than 0.1 %: above about 1e6. Rounding errors of √M·ε·λ₁ then
 * put its λ_M off by more than 0.2 %.
 *
 * @param eigenvalues ascending
 * @param dimension smaller side of each matrix
 */
export function isConditionUncertain(eigenvalues: Float64Array, dimension = eigenvalues.length): boolean {
  const rounding = Math.sqrt(dimension) * Number.EPSILON * (eigenvalues.at(-1) ?? 0);
  return eigenvalues[0]! > numericalZero(eigenvalues, dimension) && eigenvalues[0]! < rounding / (2 * RATIO);
}

/**
 * Finds uncertain eigenvalues in the upper half of a float64 Gram matrix's spectrum. Rounding errors add up as random
 * ones do, to √M·ε·λ₁.
 *
 * @param eigenvalues ascending
 * @returns the value below which they are less certain than the policy asks; undefined if none is. Numerical zeros, up
 *   to M·ε·λ₁, do not count
 */
export function uncertainBelow(eigenvalues: Float64Array): number | undefined {
  const { length } = eigenvalues;
  const rounding = Number.EPSILON * (eigenvalues[length - 1] ?? 0);
  const bound = (Math.sqrt(length) * rounding) / UPPER_HALF;
  const zero = numericalZero(eigenvalues);
  const least = eigenvalues.subarray(length >> 1).find((value) => value > zero);
  return least !== undefined && least < bound ? bound : undefined;
}
