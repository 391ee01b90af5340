/** An operator projected to the rows of a basis that grows by blocks: size×size, symmetric. */

/** Adds rows [first, count) of the projected operator, and mirrors them: it is symmetric. */
export function addCoefficients(
  projected: Float64Array,
  size: number,
  coefficients: Float64Array,
  first: number,
  count: number,
): void {
  for (let i = first; i < count; i++) {
    for (let j = 0; j < count; j++) {
      const value = coefficients[(i - first) * count + j]!;
      // Within the block both triangles are computed: their mean is kept.
      const share = j < first ? value : value / 2;
      projected[i * size + j] = projected[i * size + j]! + share;
      projected[j * size + i] = projected[j * size + i]! + share;
    }
  }
}

/** The leading m×m part. */
export function leading(matrix: Float64Array, size: number, m: number): Float64Array {
  const part = new Float64Array(m * m);
  for (let i = 0; i < m; i++) part.set(matrix.subarray(i * size, i * size + m), i * m);
  return part;
}
