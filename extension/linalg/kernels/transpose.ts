/** Transposition in blocks that stay in the first-level cache. */

const BLOCK = 16;

/**
 * The cols×rows transpose of a rows×cols matrix, row-major.
 *
 * @param turned rows·cols elements that it is written to: new memory costs more than the work
 */
export function transpose(
  x: Float64Array,
  rows: number,
  cols: number,
  turned: Float64Array = new Float64Array(rows * cols),
): Float64Array {
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
