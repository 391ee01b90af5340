/** Transposition in blocks that stay in the first-level cache. */

const BLOCK = 16;

/** The cols×rows transpose of a rows×cols matrix, row-major. */
export function transpose(x: Float64Array, rows: number, cols: number): Float64Array {
  const turned = new Float64Array(rows * cols);
  for (let top = 0; top < rows; top += BLOCK) {
    const bottom = Math.min(rows, top + BLOCK);
    for (let left = 0; left < cols; left += BLOCK) {
      const right = Math.min(cols, left + BLOCK);
      for (let j = left; j < right; j++) {
        for (let i = top, at = j * rows; i < bottom; i++) turned[at + i] = x[i * cols + j]!;
      }
    }
  }
  return turned;
}
