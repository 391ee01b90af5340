/**
 * Counts eigenvalues of a symmetric band matrix by the signs of the pivots of B − shift (Sylvester's law of inertia). No
 * rows are exchanged, so that a count may be off by a few if a pivot nearly vanishes: it serves to choose an interval.
 *
 * @see Parlett, The Symmetric Eigenvalue Problem, §3.3
 */
import type { BandMatrix } from '../kernels/bandMatrix';
import type { Kernels } from '../kernels/kernels';

/** Eigenvalues of the band matrix, before `unscale`, that are above `shift`. */
export function eigenvaluesAbove({ rows, n, width }: BandMatrix, shift: number, kernels: Kernels): number {
  const shifted = rows.slice();
  let norm = 0;
  for (let at = width; at < shifted.length; at += width + 1) {
    norm = Math.max(norm, Math.abs(shifted[at]!));
    shifted[at] = shifted[at]! - shift;
  }
  const smallest = Number.EPSILON * Math.max(norm, Math.abs(shift), Number.MIN_VALUE);
  return kernels.positivePivots(shifted, n, width, smallest);
}
