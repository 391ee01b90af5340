/**
 * Second stage of the eigenvalues of a large symmetric matrix: band → tridiagonal → eigenvalues, in one thread's kernels.
 * With `reduceToBand` before it backward stable: each eigenvalue is within a small multiple of n·ε·λ₁, in practice
 * 1e-14·λ₁.
 */
import { loadKernels } from '../kernels/loadKernels';
import type { BandMatrix } from '../kernels/bandMatrix';
import { unscale } from './scaling';
import { pollFor, type EigenOptions } from './symmetricEigenvalues';
import { tridiagonalEigenvalues } from './tridiagonalEigenvalues';

/**
 * Share of the progress; the iteration on the tridiagonal matrix takes about a third as long at the orders this is for.
 */
const CHASE_SHARE = 0.75;

/**
 * @returns the n eigenvalues, ascending; a Gram matrix's zeros may come out slightly negative
 * @throws RangeError where an eigenvalue exceeds float64
 * @throws DOMException `AbortError` when `cancelled` turns true
 */
export function bandEigenvalues({ rows, n, width, scale }: BandMatrix, options: EigenOptions = {}): Float64Array {
  const kernels = options.kernels ?? loadKernels();
  const reduction = kernels.tridiagonaliseBand(rows, n, width, pollFor(options, 0, CHASE_SHARE));
  const eigenvalues = tridiagonalEigenvalues(reduction, pollFor(options, CHASE_SHARE, 1));
  unscale(eigenvalues, scale);
  options.onProgress?.(1);
  return eigenvalues;
}
