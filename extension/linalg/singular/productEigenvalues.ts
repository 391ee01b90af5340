/**
 * Squared singular values of a product L·R of thin factors without the product: with L = Q·T and Rᵀ = P·S (Householder
 * QR), they are those of T·Sᵀ, which is no larger than the rank.
 */
import { loadKernels } from '../kernels/loadKernels';
import { deflatedEigenvalues } from './deflation';
import { gram, withoutNegatives } from '../gram/gram';
import { uncertainBelow } from '../gram/precisionPolicy';
import { symmetricEigenvalues, type EigenOptions } from '../eigen/symmetricEigenvalues';

/** Rows of `vectors` are vectors of length `n`, the columns of a factor. */
export interface FactorColumns {
  /** rank×n, row-major; destroyed by `productEigenvalues`. */
  vectors: Float64Array;
  n: number;
}

/**
 * @param left columns of L
 * @param right rows of R
 * @param rank number of either
 * @returns min(left.n, right.n) values, ascending: zeros first where the rank is smaller
 * @throws RangeError where lengths do not fit; as `symmetricEigenvalues`
 */
export function productEigenvalues(
  left: FactorColumns,
  right: FactorColumns,
  rank: number,
  options: EigenOptions = {},
): Float64Array {
  const kernels = options.kernels ?? loadKernels();
  const [t, s] = [triangularFactor(left, rank), triangularFactor(right, rank)];
  const [p, q] = [Math.min(left.n, rank), Math.min(right.n, rank)];
  const core = kernels.multiply(t, s, p, q, rank, true, false);
  const found = withoutNegatives(symmetricEigenvalues(gram(core, p, q, kernels).matrix, Math.min(p, q), options));
  const exact = uncertainBelow(found) === undefined ? found : deflatedEigenvalues(core, p, q, found, options);
  const eigenvalues = new Float64Array(Math.min(left.n, right.n));
  eigenvalues.set(exact, eigenvalues.length - exact.length);
  return eigenvalues;
}

/**
 * The triangular factor of the QR decomposition of the matrix with these columns.
 *
 * @returns its transpose, rank × min(n, rank), row-major: row j holds what column j has of each orthonormal vector
 * @see Golub & Van Loan, Matrix Computations, algorithm 5.2.1
 */
function triangularFactor({ vectors, n }: FactorColumns, rank: number): Float64Array {
  if (vectors.length !== rank * n) throw new RangeError(`${rank} × ${n} elements expected, not ${vectors.length}`);
  const steps = Math.min(n, rank);
  const column = (j: number): Float64Array => vectors.subarray(j * n, (j + 1) * n);
  for (let k = 0; k < steps; k++) {
    const reflector = column(k);
    let largest = 0;
    for (let i = k; i < n; i++) largest = Math.max(largest, Math.abs(reflector[i]!));
    if (largest === 0) continue;
    let square = 0;
    for (let i = k; i < n; i++) square += (reflector[i]! / largest) ** 2;
    const length = largest * Math.sqrt(square);
    const first = reflector[k]!;
    const diagonal = first > 0 ? -length : length;
    // v = x − diagonal·e₁, scaled to v₁ = 1; H = I − τ·v·vᵀ with τ = 1 − x₁/diagonal.
    const pivot = first - diagonal;
    const tau = -pivot / diagonal;
    for (let i = k + 1; i < n; i++) reflector[i] = reflector[i]! / pivot;
    reflector[k] = diagonal;
    for (let j = k + 1; j < rank; j++) {
      const other = column(j);
      let overlap = other[k]!;
      for (let i = k + 1; i < n; i++) overlap += reflector[i]! * other[i]!;
      overlap *= tau;
      other[k] = other[k]! - overlap;
      for (let i = k + 1; i < n; i++) other[i] = other[i]! - overlap * reflector[i]!;
    }
  }
  const factor = new Float64Array(rank * steps);
  for (let j = 0; j < rank; j++) {
    const used = Math.min(j + 1, steps);
    factor.set(column(j).subarray(0, used), j * steps);
  }
  return factor;
}
