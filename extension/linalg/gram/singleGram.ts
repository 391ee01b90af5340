/** XᵀX of float32 rows, summed in float64: products of a few thousand rows at a time are float32's. */
import { transposeSingles } from '../kernels/transposeSingles';
import type { MultiplySingle } from '../products/singleProducts';

/** Rows whose products float32 sums: the rounding stays near 1e-6 of the largest. */
const ROWS_AT_ONCE = 2048;

/** Rows of the sum that are made at a time. Only the lower triangle is, so narrow ones save nearly half. */
const PANEL = 512;

/**
 * Adds XᵀX to the lower triangle of `gram` (size × size), and to a few elements above it.
 *
 * @param x rows × size
 */
export async function addSingleGram(
  gram: Float64Array,
  x: Float32Array,
  size: number,
  multiply: MultiplySingle,
): Promise<void> {
  const rows = x.length / size;
  for (let start = 0; start < rows; start += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, rows - start);
    const turned = transposeSingles(x.subarray(start * size, (start + count) * size), count, size);
    for (let top = 0; top < size; top += PANEL) {
      const bottom = Math.min(size, top + PANEL);
      const panel = turned.subarray(top * count, bottom * count);
      const product = await multiply(
        panel,
        turned.subarray(0, bottom * count),
        bottom - top,
        bottom,
        count,
        false,
        true,
      );
      for (let i = top; i < bottom; i++) {
        const from = (i - top) * bottom;
        for (let j = 0; j < bottom; j++) gram[i * size + j] = gram[i * size + j]! + product[from + j]!;
      }
    }
  }
}
