/**
 * The largest eigenpairs of a real symmetric matrix: Householder reduction, inverse iteration on the tridiagonal matrix,
 * back-transformation.
 */
import { loadKernels } from '../kernels/loadKernels';
import { scaleSymmetric, unscale } from './scaling';
import { pollFor, type EigenOptions } from './symmetricEigenvalues';
import { topTridiagonalEigenvectors } from './tridiagonalEigenvectors';

/** Rough shares of the time for k ≪ n. */
const REDUCTION_SHARE = 0.6;
const ITERATION_SHARE = 0.15;

/**
 * @param a n×n, row-major; only the lower triangle is read; destroyed
 * @param k 0 ≤ k ≤ n
 * @returns k largest eigenvalues, descending, and their vectors as rows of a k×n matrix, orthonormal to 1e-12
 * @throws RangeError where an element is NaN or infinite, an eigenvalue exceeds float64, or k is out of range
 * @throws DOMException `AbortError` when `cancelled` turns true
 * @throws Error where an iteration does not converge
 */
export function topEigenvectors(
  a: Float64Array,
  n: number,
  k: number,
  options: EigenOptions = {},
): { values: Float64Array; vectors: Float64Array } {
  if (!Number.isSafeInteger(k) || k < 0 || k > n) throw new RangeError(`${k} eigenvectors of a matrix of order ${n}`);
  const poll = pollFor(options, 0, REDUCTION_SHARE);
  // As in `symmetricEigenvalues`.
  poll(0);
  const factor = scaleSymmetric(a, n);
  const kernels = options.kernels ?? loadKernels();
  const reduction = kernels.tridiagonalise(a, n, true, poll);
  const iterated = REDUCTION_SHARE + ITERATION_SHARE;
  const { values, vectors } = topTridiagonalEigenvectors(reduction, k, pollFor(options, REDUCTION_SHARE, iterated));
  kernels.applyReflectors(a, reduction.scales, n, vectors, k, pollFor(options, iterated, 1));
  unscale(values, factor);
  options.onProgress?.(1);
  return { values, vectors };
}
