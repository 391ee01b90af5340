/** Gram matrices of small and medium matrices by this thread's kernels. */
import { type Kernels } from '../kernels/kernels';
import { loadKernels } from '../kernels/loadKernels';

/**
 * Gram matrix of the smaller side: XᵀX (cols×cols) where rows ≥ cols, else XXᵀ (rows×rows). Its eigenvalues are the squared
 * singular values of X.
 *
 * @param x rows×cols, row-major
 * @returns full symmetric n×n matrix
 */
export function gram(
  x: Float64Array,
  rows: number,
  cols: number,
  kernels: Kernels = loadKernels(),
): { matrix: Float64Array; n: number } {
  if (x.length !== rows * cols) throw new RangeError(`${rows} × ${cols} elements expected, not ${x.length}`);
  return { matrix: kernels.gram(x, rows, cols, rows >= cols ? 'columns' : 'rows'), n: Math.min(rows, cols) };
}

/** Rounding may leave a zero eigenvalue of a Gram matrix slightly negative: it is a zero. */
export function withoutNegatives(eigenvalues: Float64Array): Float64Array {
  return eigenvalues.map((value) => Math.max(0, value));
}
