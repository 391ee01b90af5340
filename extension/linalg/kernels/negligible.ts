/**
 * Matrices are scaled so that their largest element is near 1 before they are reduced. A vector whose squared norm
 * is below this is then 1e-140 of the matrix at most: it is dropped, because squares of such numbers lose their digits to
 * underflow and the reflector made of them would not be orthogonal.
 */
export const NEGLIGIBLE_SQUARE = 1e-280;
