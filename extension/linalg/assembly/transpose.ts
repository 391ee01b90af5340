/** Transposition in blocks that stay in the first-level cache. */

const BLOCK = 32;

/** `to` (cols×rows) ← transpose of `from` (rows×cols), both without gaps. */
export function transpose(to: usize, from: usize, rows: i32, cols: i32): void {
  for (let top = 0; top < rows; top += BLOCK) {
    const bottom = min(rows, top + BLOCK);
    for (let left = 0; left < cols; left += BLOCK) {
      const right = min(cols, left + BLOCK);
      for (let j = left; j < right; j++) {
        let target = to + ((<usize>j * <usize>rows + <usize>top) << 3);
        let source = from + ((<usize>top * <usize>cols + <usize>j) << 3);
        for (let i = top; i < bottom; i++, target += 8, source += (<usize>cols) << 3) {
          store<f64>(target, load<f64>(source));
        }
      }
    }
  }
}
