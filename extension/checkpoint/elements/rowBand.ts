/** Finds the bytes of the rows [start, end) along a tensor's first axis. */
import type { TensorInfo } from '../checkpoint';

export interface RowRange {
  start: number;
  end: number;
}

/**
 * Bytes from the tensor's first element; all of them without `rows`. A scalar has one row.
 *
 * @throws RangeError where the rows are not within the tensor
 */
export function bandBytes(
  tensor: Pick<TensorInfo, 'name' | 'shape' | 'byteLength'>,
  rows?: RowRange,
): { offset: number; length: number } {
  if (!rows) return { offset: 0, length: tensor.byteLength };
  const count = tensor.shape[0] ?? 1;
  const { start, end } = rows;
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start || end > count) {
    throw new RangeError(`rows ${start} to ${end} of tensor ${tensor.name}, which has ${count}`);
  }
  const rowBytes = count === 0 ? 0 : tensor.byteLength / count;
  return { offset: start * rowBytes, length: (end - start) * rowBytes };
}
