/** Stored elements of a matrix as methods want them: out × in, in float64, every element finite. */
import { elementSize, widen } from '../checkpoint/elements/dtype';
import type { Poll } from '../linalg/kernels/kernels';
import type { DType } from '../shared/tensors';
import { CompressionError } from './compressionError';

/** Elements that are widened and looked at between two polls: some 10 ms. */
const WIDENED_AT_ONCE = 2 ** 18;

/** Rows and columns that are turned together: both sides of them fit in the first-level cache. */
const TILE = 32;

/** A matrix as it lies in a file, row-major. */
export interface StoredElements {
  readonly layer: string;
  readonly bytes: Uint8Array;
  readonly dtype: DType;
  readonly rows: number;
  readonly cols: number;
}

/**
 * The matrix as it lies, in float64.
 *
 * @throws CompressionError `not-finite`; what `poll` throws
 */
export function finiteElements({ layer, bytes, dtype, rows, cols }: StoredElements, poll: Poll): Float64Array {
  const size = elementSize(dtype);
  if (bytes.length !== rows * cols * size) {
    throw new RangeError(`${layer}: ${bytes.length} bytes given for a ${rows} × ${cols} matrix of ${dtype}`);
  }
  const w = new Float64Array(rows * cols);
  for (let from = 0; from < w.length; from += WIDENED_AT_ONCE) {
    poll(from / w.length);
    const piece = w.subarray(from, from + WIDENED_AT_ONCE);
    widen(bytes.subarray(from * size, (from + piece.length) * size), dtype, piece);
    const bad = piece.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const first = from + bad;
    throw new CompressionError(
      'not-finite',
      `holds ${w[first]!} at row ${Math.floor(first / cols)}, column ${first % cols}, so it has no SVD; repair it first`,
      { layer },
    );
  }
  return w;
}

/**
 * The matrix out × in.
 *
 * @param inputsFirst its rows are inputs
 * @throws as `finiteElements`
 */
export function orientedMatrix(
  stored: StoredElements,
  inputsFirst: boolean,
  poll: Poll,
): { w: Float64Array; outputs: number; inputs: number } {
  const { rows, cols } = stored;
  const w = finiteElements(stored, poll);
  return inputsFirst
    ? { w: transposed(w, rows, cols), outputs: cols, inputs: rows }
    : { w, outputs: rows, inputs: cols };
}

/** rows × cols as cols × rows; of a matrix that may be larger than the kernels' memory. */
export function transposed(w: Float64Array, rows: number, cols: number): Float64Array {
  const result = new Float64Array(w.length);
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(rows, top + TILE);
    for (let first = 0; first < cols; first += TILE) {
      const end = Math.min(cols, first + TILE);
      for (let j = first; j < end; j++) {
        for (let i = top; i < bottom; i++) result[j * rows + i] = w[i * cols + j]!;
      }
    }
  }
  return result;
}
