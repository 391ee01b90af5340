/** Stored elements widened to float64 in a worker: by the kernel where that is the faster way. */
import { elementSize, widen } from '../../checkpoint/elements/dtype';
import { isNarrow, loadElementKernels } from '../../linalg/kernels/elementKernels';
import type { DType } from '../../shared/tensors';

/**
 * The same numbers as `widen`. Types as wide as float32, and integers, are converted by typed arrays themselves, which
 * no kernel outruns.
 *
 * @param bytes whole elements, at any byte offset of their buffer
 * @param out exactly as long as there are elements; a new array without it
 * @throws RangeError where the lengths do not fit; what `widen` throws
 */
export function widenElements(bytes: Uint8Array, dtype: DType, out?: Float64Array): Float64Array {
  if (!isNarrow(dtype)) return widen(bytes, dtype, out);
  const elements = out ?? new Float64Array(bytes.length / elementSize(dtype));
  loadElementKernels().widen(bytes, dtype, elements);
  return elements;
}

/** Rows `rowStride` elements apart that are cut out of stored row-major elements. */
export interface Submatrix {
  row: number;
  col: number;
  rows: number;
  cols: number;
}

/** The same part of elements in float64. */
export function cutWindow(
  matrix: Float64Array,
  cols: number,
  { row, col, rows, cols: width }: Submatrix,
): Float64Array {
  const out = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const start = (row + i) * cols + col;
    out.set(matrix.subarray(start, start + width), i * width);
  }
  return out;
}

/** Rows that are transposed together: their elements of one column fill two cache lines of the result. */
const TRANSPOSED_ROWS = 16;

/**
 * Part of a stored row-major matrix with `cols` columns.
 *
 * @param transposed gives the transpose of the part
 * @param into where to write, where it is long enough; the result is its beginning
 */
export function widenPart(
  bytes: Uint8Array,
  dtype: DType,
  cols: number,
  part: Submatrix,
  transposed: boolean,
  into?: Float64Array,
): Float64Array {
  const length = part.rows * part.cols;
  const out = into && into.length >= length ? into.subarray(0, length) : new Float64Array(length);
  const size = elementSize(dtype);
  if (!transposed && part.cols === cols) {
    const start = part.row * cols * size;
    return widenElements(bytes.subarray(start, start + part.rows * cols * size), dtype, out);
  }
  const band = new Float64Array(transposed ? Math.min(TRANSPOSED_ROWS, part.rows) * part.cols : 0);
  for (let i = 0; i < part.rows; i += TRANSPOSED_ROWS) {
    const count = Math.min(TRANSPOSED_ROWS, part.rows - i);
    const rows = transposed ? band : out.subarray(i * part.cols);
    for (let r = 0; r < count; r++) {
      const start = ((part.row + i + r) * cols + part.col) * size;
      const stored = bytes.subarray(start, start + part.cols * size);
      widenElements(stored, dtype, rows.subarray(r * part.cols, (r + 1) * part.cols));
    }
    if (transposed) placeColumns(band, count, part.cols, out, part.rows, i);
  }
  return out;
}

/** Columns that are placed together: the result's cache lines are written in fewer passes. Measured with 1 and 4. */
const PLACED_COLUMNS = 4;

/** Puts the columns of `band` (count × cols) into the rows of `out` (cols × height) from element `first` on. */
function placeColumns(
  band: Float64Array,
  count: number,
  cols: number,
  out: Float64Array,
  height: number,
  first: number,
): void {
  const together = cols - (cols % PLACED_COLUMNS);
  for (let j = 0, a = first; j < together; j += PLACED_COLUMNS, a += PLACED_COLUMNS * height) {
    const [b, c, d] = [a + height, a + 2 * height, a + 3 * height];
    for (let r = 0, from = j; r < count; r++, from += cols) {
      out[a + r] = band[from]!;
      out[b + r] = band[from + 1]!;
      out[c + r] = band[from + 2]!;
      out[d + r] = band[from + 3]!;
    }
  }
  for (let j = together; j < cols; j++) {
    for (let r = 0; r < count; r++) out[j * height + first + r] = band[r * cols + j]!;
  }
}
