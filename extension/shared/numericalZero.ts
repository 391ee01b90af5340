/**
 * Decides which eigenvalues are numerical zeros: what a float64 Gram matrix of order M cannot tell from zero lies below
 * M·ε·λ₁. The one place that says so.
 */

/**
 * @param eigenvalues ascending, of one matrix, or pooled by `poolEigenvalues`
 * @param dimension smaller side M of each matrix; the number of eigenvalues by default
 * @returns the bound up to which λ is zero. 0 for pooled spectra: each matrix had its own bound, and its zeros are
 *   exactly 0
 */
export function numericalZero(eigenvalues: Float64Array, dimension = eigenvalues.length): number {
  return eigenvalues.length > dimension ? 0 : roundingOf(eigenvalues, dimension);
}

/** Values up to this are zero beside an eigenvalue λ₁. @param dimension smaller side of the matrix */
export function zeroBound(largest: number, dimension: number): number {
  return dimension * Number.EPSILON * Math.max(0, largest);
}

/** How far two eigenvalues may lie apart by the rounding of a float64 Gram matrix alone. Parameters as above. */
export function roundingOf(eigenvalues: Float64Array, dimension = eigenvalues.length): number {
  return zeroBound(eigenvalues.at(-1) ?? 0, dimension);
}

/** A copy in which numerical zeros are 0. @param eigenvalues ascending, of one matrix */
export function withExactZeros(eigenvalues: Float64Array): Float64Array {
  const zero = roundingOf(eigenvalues);
  return eigenvalues.map((value) => (value > zero ? value : 0));
}
