/**
 * A tensor of three and more axes as the matrix, or the stack of matrices, that a layer multiplies by: an attention
 * kernel in × heads × dim is one matrix in × (heads·dim). Read in bands of the stored tensor; where the axes change
 * places (heads × in × dim), what of it is needed is read whole.
 */
import { product, type MatrixAxes, foldedSizes, isInOrder, elementPlaces } from '../../shared/matrixAxes';
import type { Checkpoint, TensorInfo, Fold } from '../checkpoint';
import { elementSize } from '../elements/dtype';
import { bandBytes, type RowRange } from '../elements/rowBand';
import { wrapCheckpoint } from '../wrappedCheckpoint';

/** The tensor of that name and those elements with the shape rows × cols, or matrices × rows × cols. */
export function foldedTensor(of: TensorInfo, axes: MatrixAxes): TensorInfo {
  const [count, rows, cols] = foldedSizes(of.shape, axes);
  return { ...of, shape: axes.stack.length > 0 ? [count, rows, cols] : [rows, cols], folded: { of, axes } };
}

/** Bytes that reading a band takes at most beside its own. */
export function foldOverhead({ of, axes }: Fold): number {
  return isInOrder(axes) ? of.byteLength / Math.max(1, of.shape[0]!) : of.byteLength;
}

/** A checkpoint whose `read` also knows folded tensors. They are not among its `tensors`. */
export function withFolds(stored: Checkpoint): Checkpoint {
  return wrapCheckpoint(stored, {
    read: (tensor, rows, signal) =>
      tensor.folded ? readFolded(stored, tensor, tensor.folded, rows, signal) : stored.read(tensor, rows, signal),
    storedParts: (tensor) => stored.storedParts?.(tensor.folded?.of ?? tensor),
    storedBytes: (tensor) => (tensor.folded ? undefined : stored.storedBytes?.(tensor)),
  });
}

/** Elements of rows [start, end) along the first axis of the folded shape. Errors as `Checkpoint.read`. */
async function readFolded(
  stored: Checkpoint,
  tensor: TensorInfo,
  { of, axes }: Fold,
  range: RowRange = { start: 0, end: tensor.shape[0]! },
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { offset, length } = bandBytes(tensor, range);
  const outer = axes.stack.length > 0 ? axes.stack : axes.rows;
  if (!isInOrder(axes) && outer[0] !== 0) {
    const bytes = await stored.read(of, undefined, signal);
    return gathered(bytes, of, axes, range, 0);
  }
  // Along the stored first axis: `each` positions along the folded one.
  const each = product(outer.slice(1).map((axis) => of.shape[axis]!));
  const rows = { start: Math.floor(range.start / each), end: Math.ceil(range.end / each) };
  const bytes = await stored.read(of, rows, signal);
  if (!isInOrder(axes)) return gathered(bytes, of, axes, range, rows.start);
  const from = offset - (rows.start * of.byteLength) / of.shape[0]!;
  return bytes.length === length ? bytes : bytes.slice(from, from + length);
}

/** Copies positions [start, end) along the folded first axis out of the elements from stored row `firstRow` on. */
function gathered(
  bytes: Uint8Array,
  of: TensorInfo,
  axes: MatrixAxes,
  { start, end }: RowRange,
  firstRow: number,
): Uint8Array {
  const { places, perPosition, run } = elementPlaces(of.shape, axes);
  const size = elementSize(of.dtype);
  const before = firstRow * product(of.shape.slice(1));
  const target = new Uint8Array((end - start) * perPosition * size);
  let to = 0;
  for (const place of places(start, end)) {
    const from = (place - before) * size;
    target.set(bytes.subarray(from, from + run * size), to);
    to += run * size;
  }
  return target;
}

/** The opposite: elements of the stored tensor from those of the folded one. */
export function unfolded(bytes: Uint8Array, { of, axes }: Fold): Uint8Array {
  if (isInOrder(axes)) return bytes;
  const { places, run } = elementPlaces(of.shape, axes);
  const size = elementSize(of.dtype);
  const target = new Uint8Array(bytes.length);
  let from = 0;
  for (const place of places(0, Infinity)) {
    target.set(bytes.subarray(from, from + run * size), place * size);
    from += run * size;
  }
  return target;
}
