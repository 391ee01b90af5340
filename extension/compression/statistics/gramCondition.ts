/** Condition number of a Gram matrix: says by how much rounding in C spoils what is divided by its factor. */
import { symmetricEigenvalues, type EigenOptions } from '../../linalg/eigen/symmetricEigenvalues';

/** λ_max/λ_min; Infinity if the smallest is not above the rounding of the largest, n·ε·λ_max. @param eigenvalues ascending */
export function conditionOf(eigenvalues: Float64Array): number {
  const [least, most] = [eigenvalues[0]!, eigenvalues.at(-1)!];
  return least > eigenvalues.length * Number.EPSILON * most ? most / least : Infinity;
}

/**
 * The condition of a Gram matrix; see `conditionOf`.
 *
 * @param gram n × n, symmetric; destroyed
 * @throws DOMException `AbortError`
 */
export function gramCondition(gram: Float64Array, n: number, options: EigenOptions = {}): number {
  return conditionOf(symmetricEigenvalues(gram, n, options));
}
