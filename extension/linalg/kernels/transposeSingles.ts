/** The transpose of a float32 matrix. */

/** Rows and columns that are turned together: both sides of them fit into a first-level cache. */
const TILE = 32;

/** rows × columns as columns × rows. */
export function transposeSingles(w: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(w.length);
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(rows, top + TILE);
    for (let first = 0; first < columns; first += TILE) {
      const end = Math.min(columns, first + TILE);
      for (let j = first; j < end; j++) {
        for (let i = top; i < bottom; i++) result[j * rows + i] = w[i * columns + j]!;
      }
    }
  }
  return result;
}
