/**
 * Brings a symmetric matrix into the range where squares neither overflow nor lose digits to underflow.
 */

import type { SymmetricSlabs } from '../gram/symmetricSlabs';

/** Exponents of two between which a matrix's largest element needs no scaling. */
const COMFORTABLE_EXPONENT = 30;

/**
 * Scales the lower triangle of the n×n matrix `a` in place by a power of two (exact, but for elements 1e-280 of the
 * largest) so that its largest element is near 1.
 *
 * @returns the factor for `unscale`
 * @throws RangeError where an element of the lower triangle is NaN or infinite, or `a` is too short
 */
export function scaleSymmetric(a: Float64Array, n: number): number {
  if (!Number.isSafeInteger(n) || n < 0 || a.length < n * n) {
    throw new RangeError(`a symmetric matrix of order ${n} needs ${n} × ${n} elements, not ${a.length}`);
  }
  return scaleRows(Array.from({ length: n }, (_, i) => a.subarray(i * n, i * n + i + 1)));
}

/** The same for a matrix in slabs. @throws RangeError where an element is NaN or infinite */
export function scaleSlabs({ slabs }: SymmetricSlabs): number {
  return scaleRows(
    slabs.flatMap(({ rows, width, elements }) =>
      Array.from({ length: rows }, (_, i) => elements.subarray(i * width, (i + 1) * width)),
    ),
  );
}

function scaleRows(rows: readonly Float64Array[]): number {
  let largest = 0;
  for (const [i, row] of rows.entries()) {
    // A NaN or infinity makes the sum of the row NaN (∞·0 and NaN·0 are NaN).
    let finite = 0;
    for (let p = 0; p < row.length; p++) {
      const magnitude = Math.abs(row[p]!);
      finite += magnitude * 0;
      if (magnitude > largest) largest = magnitude;
    }
    if (finite !== 0) throw new RangeError(`row ${i} of the symmetric matrix holds a NaN or an infinity`);
  }
  if (largest === 0) return 1;
  const exponent = Math.floor(Math.log2(largest));
  if (Math.abs(exponent) <= COMFORTABLE_EXPONENT) return 1;
  // Two steps: 2^1074 itself is not representable.
  const half = Math.trunc(exponent / 2);
  const first = 2 ** -half;
  const second = 2 ** -(exponent - half);
  for (const row of rows) {
    for (let p = 0; p < row.length; p++) row[p] = row[p]! * first * second;
  }
  return 2 ** exponent;
}

/** Multiplies eigenvalues by what `scaleSymmetric` returned. @throws RangeError where one exceeds float64 */
export function unscale(eigenvalues: Float64Array, factor: number): void {
  for (let i = 0; i < eigenvalues.length; i++) {
    eigenvalues[i] = eigenvalues[i]! * factor;
    if (!Number.isFinite(eigenvalues[i])) throw new RangeError('an eigenvalue exceeds the range of float64');
  }
}
