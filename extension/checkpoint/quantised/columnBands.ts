/** Some columns of a stored matrix: its rows are read in bands, and the rest of each is let go of at once. */
import { product } from '../../shared/matrixAxes';
import type { TensorInfo } from '../checkpoint';
import { widen } from '../elements/dtype';
import { type PartReader } from './quantisedWeight';
import type { RowRange } from '../elements/rowBand';

/**
 * At most this much of the stored matrix is held at a time, or one row: 4-bit codes of that size are decoded in some 80
 * ms.
 */
const BAND_BYTES = 4 * 1024 * 1024;

export interface ColumnBand {
  /** First row of the band. */
  readonly row: number;
  readonly rows: number;
  /** The columns' elements, row-major. */
  readonly bytes: Uint8Array;
}

/** @param multiple of rows that stay together, but for the last band */
export async function* columnBands(
  tensor: TensorInfo,
  columns: RowRange,
  multiple: number,
  reader: PartReader,
): AsyncGenerator<ColumnBand> {
  const [count, width] = tensor.shape as [number, number];
  const rowBytes = tensor.byteLength / count;
  const size = rowBytes / width;
  const [from, length] = [columns.start * size, (columns.end - columns.start) * size];
  const step = multiple * Math.max(1, Math.floor(BAND_BYTES / rowBytes / multiple));
  for (let row = 0; row < count; row += step) {
    const rows = Math.min(step, count - row);
    const stored = await reader.bytes(tensor, { start: row, end: row + rows });
    const bytes = new Uint8Array(rows * length);
    for (let i = 0; i < rows; i++) {
      const at = i * rowBytes + from;
      bytes.set(stored.subarray(at, at + length), i * length);
    }
    yield { row, rows, bytes };
  }
}

/** The columns as numbers, row-major. */
export async function columnNumbers(tensor: TensorInfo, columns: RowRange, reader: PartReader): Promise<Float64Array> {
  const width = columns.end - columns.start;
  const numbers = new Float64Array(product([tensor.shape[0]!, width]));
  for await (const { row, rows, bytes } of columnBands(tensor, columns, 1, reader)) {
    widen(bytes, tensor.dtype, numbers.subarray(row * width, (row + rows) * width));
  }
  return numbers;
}
