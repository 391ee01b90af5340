/**
 * Eigenvalues too small for a float64 Gram matrix, whose rounding errors are in proportion to λ₁: the directions of the
 * large ones are taken out of the matrix itself, so that the Gram matrix of the rest is small and its errors are as well.
 */
import { gram, withoutNegatives } from '../gram/gram';
import { type Kernels } from '../kernels/kernels';
import { symmetricEigenvalues, type EigenOptions } from '../eigen/symmetricEigenvalues';
import { topEigenvectors } from '../eigen/symmetricEigenvectors';
import { loadKernels } from '../kernels/loadKernels';

/**
 * Directions above this share of λ₁ are taken out: far above what one Gram matrix blurs, and what remains has errors that
 * are far below the numerical zeros M·ε·λ₁.
 */
const LARGE_SHARE = 1e-7;

/**
 * @param x rows×cols, row-major; destroyed
 * @param eigenvalues ascending, of X's Gram matrix: those above 1e-7·λ₁ are kept
 * @returns ascending squared singular values of X; new
 * @throws as `topEigenvectors` does
 */
export function deflatedEigenvalues(
  x: Float64Array,
  rows: number,
  cols: number,
  eigenvalues: Float64Array,
  options: EigenOptions = {},
): Float64Array {
  const kernels = options.kernels ?? loadKernels();
  const n = eigenvalues.length;
  const large = eigenvalues.filter((value) => value > LARGE_SHARE * eigenvalues[n - 1]!);
  const { vectors } = topEigenvectors(gram(x, rows, cols, kernels).matrix, n, large.length, options);
  // Once leaves what the vectors lack in orthogonality, times σ₁.
  takeOut(x, rows, cols, vectors, kernels);
  takeOut(x, rows, cols, vectors, kernels);
  const rest = withoutNegatives(symmetricEigenvalues(gram(x, rows, cols, kernels).matrix, n, options));
  // The directions that were taken out are the smallest now.
  return Float64Array.from([...rest.subarray(large.length), ...large]).sort();
}

/** Takes the vectors, which are rows of the length of X's smaller side, out of X. */
function takeOut(x: Float64Array, rows: number, cols: number, vectors: Float64Array, kernels: Kernels): void {
  const tall = rows >= cols;
  const k = vectors.length / Math.min(rows, cols);
  const part = tall
    ? kernels.multiply(kernels.multiply(x, vectors, rows, k, cols, false, true), vectors, rows, cols, k, false, false)
    : kernels.multiply(vectors, kernels.multiply(vectors, x, k, cols, rows, false, false), rows, cols, k, true, false);
  for (let i = 0; i < x.length; i++) x[i] = x[i]! - part[i]!;
}
