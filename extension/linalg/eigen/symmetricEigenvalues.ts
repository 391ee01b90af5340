/**
 * All eigenvalues of a real symmetric matrix: Householder reduction to tridiagonal form, then root-free QL/QR.
 * Backward stable: each eigenvalue is within a small multiple of n·ε·λ₁, in practice 1e-14·λ₁.
 */
import { type Kernels } from '../kernels/kernels';
import { loadKernels } from '../kernels/loadKernels';
import { scaleSymmetric, unscale } from './scaling';
import { tridiagonalEigenvalues } from './tridiagonalEigenvalues';

export interface EigenOptions {
  /** Default: this thread's WASM kernels. */
  kernels?: Kernels;
  /** Share of the work done, in [0, 1]. */
  onProgress?: (fraction: number) => void;
  /** Polled several times a second; true stops the computation. */
  cancelled?: () => boolean;
}

/** The iteration on the tridiagonal matrix takes n² steps against n³: the bar may be nearly full by then. */
const REDUCTION_SHARE = 0.95;

/**
 * @param a n×n, row-major; only the lower triangle is read; destroyed
 * @returns the n eigenvalues, ascending; a Gram matrix's zeros may come out slightly negative
 * @throws RangeError where an element is NaN or infinite, or an eigenvalue exceeds float64
 * @throws DOMException `AbortError` when `cancelled` turns true
 * @throws Error where the iteration does not converge
 */
export function symmetricEigenvalues(a: Float64Array, n: number, options: EigenOptions = {}): Float64Array {
  const poll = pollFor(options, 0, REDUCTION_SHARE);
  // Scaling goes over the whole matrix, as what made it may have done last.
  poll(0);
  const factor = scaleSymmetric(a, n);
  const kernels = options.kernels ?? loadKernels();
  const reduction = kernels.tridiagonalise(a, n, false, poll);
  const eigenvalues = tridiagonalEigenvalues(reduction, pollFor(options, REDUCTION_SHARE, 1));
  unscale(eigenvalues, factor);
  options.onProgress?.(1);
  return eigenvalues;
}

/** A poll that maps a stage's progress into [from, to] of the whole and stops it when cancelled. */
export function pollFor(options: EigenOptions, from: number, to: number): (fraction: number) => void {
  return (fraction) => {
    if (options.cancelled?.()) throw new DOMException('The eigenvalue computation was cancelled', 'AbortError');
    options.onProgress?.(from + (to - from) * fraction);
  };
}
