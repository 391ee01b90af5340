/**
 * Method `svd`: the best rank-k approximation of a matrix (Eckart–Young), as two factors of equal weight, W ≈
 * (U_k√S_k)·(√S_k V_kᵀ).  The singular vectors of the smaller side come from the Gram matrix, whose eigenvectors for σ
 * below √ε·σ₁ are mostly noise. They stay orthonormal, though, and the other factor is W times them: the product is an
 * orthogonal projection of W, whose error is the optimal one to within √ε·σ₁ whatever the noise, and exactly 0 at full
 * rank. If few of many directions are kept, they are found faster elsewhere (`leadingDirections.ts`) and handed in.
 */
import type { Kernels, Poll } from '../linalg/kernels/kernels';
import { pollFor, type EigenOptions } from '../linalg/eigen/symmetricEigenvalues';
import { bandedProjection } from '../linalg/singular/bands';
import { smallerSideVectors } from '../linalg/singular/smallerSide';
import { largestOf } from '../shared/extremes';
import { transpose } from '../linalg/kernels/transpose';

/** Rough share of the time that finding the vectors takes for a square matrix; the projection takes the rest. */
const VECTORS_SHARE = 0.85;

export interface Factors {
  /** A = U_k√S_k, rows × k, row-major. */
  left: Float64Array;
  /** B = √S_k V_kᵀ, k × cols, row-major. */
  right: Float64Array;
  /** σ₁ … σ_k as found: the norms of W's projections on the singular directions. */
  singularValues: Float64Array;
  /** How many of them exceed σ₁·max(rows, cols)·ε. The directions beyond are rounding noise and stored as zeros. */
  numericalRank: number;
}

/**
 * Truncated SVD of a rows × cols matrix. Directions beyond the numerical rank are zero in both factors: the shapes are
 * the ones asked for, the product is W, and nothing is divided by a number that is only noise. In each left singular
 * vector the entry of largest magnitude (the first of equals) is positive.
 *
 * @param w row-major
 * @param rank 1 ≤ rank ≤ min(rows, cols)
 * @param directions orthonormal singular vectors of the smaller side, rank × min(rows, cols); found here without them
 * @throws RangeError where an element is not finite; DOMException `AbortError` when cancelled
 */
export function truncatedSvd(
  w: Float64Array,
  rows: number,
  cols: number,
  rank: number,
  options: EigenOptions & { kernels: Kernels },
  directions?: Float64Array,
): Factors {
  const { kernels } = options;
  const matrix = { w, rows, cols, kernels };
  const onProgress: Poll = (fraction) => options.onProgress?.(VECTORS_SHARE * fraction);
  const vectors = directions ?? smallerSideVectors(matrix, rank, { ...options, onProgress });
  const projection = bandedProjection(matrix, vectors, rank, pollFor(options, VECTORS_SHARE, 1));
  // Unit vectors of the smaller side; those of the larger side times σ.
  const tall = rows >= cols;
  const left = tall ? projection : transpose(vectors, rank, rows);
  const right = tall ? vectors : projection;
  const singularValues = tall ? columnNorms(left, rank) : rowNorms(right, rank);
  const noise = largestOf(singularValues) * Math.max(rows, cols) * Number.EPSILON;
  const signs = columnSigns(left, rank);
  const scales = singularValues.map((sigma) => (sigma > noise ? Math.sqrt(sigma) : 0));
  const inverses = scales.map((scale) => (scale > 0 ? 1 / scale : 0));
  scaleColumns(left, rank, (j) => signs[j]! * (tall ? inverses[j]! : scales[j]!));
  scaleRows(right, rank, (j) => signs[j]! * (tall ? scales[j]! : inverses[j]!));
  return { left, right, singularValues, numericalRank: scales.filter((scale) => scale > 0).length };
}

function columnNorms(matrix: Float64Array, cols: number): Float64Array {
  const sums = new Float64Array(cols);
  for (let start = 0; start < matrix.length; start += cols) {
    for (let j = 0; j < cols; j++) sums[j] = sums[j]! + matrix[start + j]! ** 2;
  }
  return sums.map(Math.sqrt);
}

function rowNorms(matrix: Float64Array, rows: number): Float64Array {
  const length = matrix.length / rows;
  return Float64Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let at = i * length; at < (i + 1) * length; at++) sum += matrix[at]! ** 2;
    return Math.sqrt(sum);
  });
}

/** Per column the sign of the entry of largest magnitude, the first of equals; 1 for a column of zeros. */
function columnSigns(matrix: Float64Array, cols: number): Float64Array {
  const largest = new Float64Array(cols);
  for (let start = 0; start < matrix.length; start += cols) {
    for (let j = 0; j < cols; j++) {
      const x = matrix[start + j]!;
      if (Math.abs(x) > Math.abs(largest[j]!)) largest[j] = x;
    }
  }
  return largest.map((x) => (x < 0 ? -1 : 1));
}

function scaleColumns(matrix: Float64Array, cols: number, scale: (column: number) => number): void {
  const scales = Float64Array.from({ length: cols }, (_, j) => scale(j));
  for (let start = 0; start < matrix.length; start += cols) {
    for (let j = 0; j < cols; j++) matrix[start + j] = withoutMinusZero(matrix[start + j]! * scales[j]!);
  }
}

function scaleRows(matrix: Float64Array, rows: number, scale: (row: number) => number): void {
  const length = matrix.length / rows;
  for (let i = 0; i < rows; i++) {
    const factor = scale(i);
    for (let at = i * length; at < (i + 1) * length; at++) matrix[at] = withoutMinusZero(matrix[at]! * factor);
  }
}

/** A direction that is set to zero should not be stored as a pattern of signs. */
function withoutMinusZero(x: number): number {
  return x + 0;
}
