/** Rows as a lower triangular matrix times orthonormal rows: a QR decomposition of the transpose. */

import { dot } from '../../linalg/eigen/gramSchmidt';
import { frobenius } from '../measuredError';

/** A row that keeps less than this share of its length is a sum of the rows before it. */
const DEPENDENT = 1e-12;

export interface ThinLq {
  /** k × k, lower triangular; a zero on the diagonal for a row that depends on those before it. */
  readonly triangle: Float64Array;
  /** k × n: orthonormal rows, zeros for a dependent one. */
  readonly rows: Float64Array;
}

/**
 * A = L·Q by Gram–Schmidt, each row twice, after which Q is orthonormal to rounding.
 *
 * @param a k × n, row-major, k ≤ n
 * @see Giraud, Langou & Rozložník 2005, "The loss of orthogonality in the Gram–Schmidt orthogonalization process"
 */
export function thinLq(a: Float64Array, k: number, poll: (fraction: number) => void): ThinLq {
  const n = a.length / k;
  const rows = a.slice();
  const triangle = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    if (i % 16 === 0) poll((i / k) ** 2);
    const row = rows.subarray(i * n, (i + 1) * n);
    const length = frobenius(row);
    for (let round = 0; round < 2; round++) {
      for (let j = 0; j < i; j++) {
        const earlier = rows.subarray(j * n, (j + 1) * n);
        const share = dot(row, earlier);
        if (share === 0) continue;
        triangle[i * k + j] = triangle[i * k + j]! + share;
        for (let c = 0; c < n; c++) row[c] = row[c]! - share * earlier[c]!;
      }
    }
    const left = frobenius(row);
    if (left <= DEPENDENT * length || left === 0) {
      row.fill(0);
      continue;
    }
    triangle[i * k + i] = left;
    for (let c = 0; c < n; c++) row[c] = row[c]! / left;
  }
  return { triangle, rows };
}

/** X ← L⁻ᵀ·X in place. A zero pivot, of a row that depends on others, takes no part: its row becomes zero. */
export function solveTransposed(triangle: Float64Array, x: Float64Array, n: number): void {
  const width = x.length / n;
  for (let i = n - 1; i >= 0; i--) {
    const pivot = triangle[i * n + i]!;
    const row = x.subarray(i * width, (i + 1) * width);
    if (pivot === 0) {
      row.fill(0);
      continue;
    }
    for (let l = i + 1; l < n; l++) {
      const factor = triangle[l * n + i]!;
      if (factor === 0) continue;
      for (let j = 0; j < width; j++) row[j] = row[j]! - factor * x[l * width + j]!;
    }
    for (let j = 0; j < width; j++) row[j] = row[j]! / pivot;
  }
}
