/**
 * Counts eigenvalues of a symmetric band matrix by the signs of the pivots of B − shift (Sylvester's law of inertia). No
 * rows are exchanged, so that a count may be off by a few if a pivot nearly vanishes: it serves to choose an interval.
 *
 * @see Parlett, The Symmetric Eigenvalue Problem, §3.3
 */
import type { BandMatrix } from '../kernels/bandMatrix';

/** Eigenvalues of the band matrix, before `unscale`, that are above `shift`. */
export function eigenvaluesAbove({ rows, n, width }: BandMatrix, shift: number): number {
  const stride = width + 1;
  const a = rows.slice();
  const column = new Float64Array(width);
  let norm = 0;
  for (let i = 0; i < n; i++) {
    const diagonal = i * stride + width;
    norm = Math.max(norm, Math.abs(a[diagonal]!));
    a[diagonal] = a[diagonal]! - shift;
  }
  const smallest = Number.EPSILON * Math.max(norm, Math.abs(shift), Number.MIN_VALUE);
  let above = 0;
  for (let i = 0; i < n; i++) {
    const found = a[i * stride + width]!;
    const pivot = Math.abs(found) < smallest ? smallest : found;
    if (pivot > 0) above++;
    const reach = Math.min(width, n - 1 - i);
    // Element (i + 1 + r, i) lies one place further left in each row.
    for (let r = 0, at = (i + 1) * stride + width - 1; r < reach; r++, at += width) column[r] = a[at]!;
    for (let r = 0; r < reach; r++) {
      const factor = column[r]! / pivot;
      if (factor === 0) continue;
      const row = (i + 1 + r) * stride + width - r;
      for (let c = 0; c <= r; c++) a[row + c] = a[row + c]! - factor * column[c]!;
    }
  }
  return above;
}
