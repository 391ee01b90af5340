/** Condition number of a Gram matrix: says by how much rounding in C spoils what is divided by its factor. */
import { symmetricEigenvalues, type EigenOptions } from '../../linalg/eigen/symmetricEigenvalues';

/**
 * λ_max/λ_min; Infinity if the smallest is not above the rounding of the largest, n·ε·λ_max.
 *
 * @param gram n × n, symmetric; destroyed
 * @throws DOMException `AbortError`
 */
export function gramCondition(gram: Float64Array, n: number, options: EigenOptions = {}): number {
  const eigenvalues = symmetricEigenvalues(gram, n, options);
  const [least, most] = [eigenvalues[0]!, eigenvalues[n - 1]!];
  return least > n * Number.EPSILON * most ? most / least : Infinity;
}
