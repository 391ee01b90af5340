/**
 * A part of a stored matrix as a tensor of its own: evenly spaced runs of its rows and of its columns (q of a fused
 * projection, the gates of an LSTM, one head). The stored rows are read in bands, and only the part is kept.
 */
import type { Runs } from '../../shared/tensors';
import { type Checkpoint, type TensorInfo, type TensorSlice } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { bandBytes, type RowRange } from '../elements/rowBand';
import { isCount } from '../elements/shape';
import { wrapCheckpoint } from '../wrappedCheckpoint';

/** At most this much of the stored rows is held at a time, or one row; a stack's matrix is read whole. */
const BAND_BYTES = 16 * 1024 * 1024;

/** Rows between two runs are read along up to this size: a read of its own would take longer. */
const GAP_BYTES = 256 * 1024;

/** Indices in all runs. */
function runsLength({ length, count }: Runs): number {
  return length * count;
}

/**
 * The part as a tensor.
 *
 * @throws RangeError where the runs are not within the matrix, or run into one another
 */
export function slicedTensor(name: string, slice: TensorSlice): TensorInfo {
  const { of, index, rows, cols } = slice;
  const { height, width, count } = matrixOf(of);
  const fits = (runs: Runs, size: number): boolean =>
    [runs.start, runs.length - 1, runs.step, runs.count - 1].every(isCount) &&
    (runs.count < 2 || runs.step >= runs.length) &&
    runs.start + (runs.count - 1) * runs.step + runs.length <= size;
  if (!fits(rows, height) || !fits(cols, width) || (index ?? 0) >= count) {
    throw new RangeError(`${name} is not within the shape [${of.shape.join(', ')}] of ${of.name}`);
  }
  const shape = [runsLength(rows), runsLength(cols)];
  const share = (shape[0]! * shape[1]!) / (height * width * count);
  const { group, dtype, encoding, kernelLayout, unreadable } = of;
  return {
    ...{ name, group, shape, dtype, kernelLayout, slice },
    byteLength: Math.round(of.byteLength * share),
    ...(encoding && { encoding: { name: encoding.name, byteLength: Math.round(encoding.byteLength * share) } }),
    ...(unreadable !== undefined && { unreadable }),
  };
}

/** Bytes that reading a part takes beside its own. */
export function sliceOverhead({ of, index }: TensorSlice): number {
  const { count } = matrixOf(of);
  return index === undefined ? Math.min(BAND_BYTES, of.byteLength) : of.byteLength / count;
}

/** A checkpoint whose `read` also knows parts of its tensors. They are not among its `tensors`. */
export function withSlices(stored: Checkpoint): Checkpoint {
  return wrapCheckpoint(stored, {
    read: (tensor, rows, signal) =>
      tensor.slice ? readSlice(stored, tensor, tensor.slice, rows, signal) : stored.read(tensor, rows, signal),
    storedParts: (tensor) => (tensor.slice ? undefined : stored.storedParts?.(tensor)),
    storedBytes: (tensor) => (tensor.slice ? undefined : stored.storedBytes?.(tensor)),
  });
}

/** Elements of rows [start, end) of the part. Errors as `Checkpoint.read`. */
async function readSlice(
  stored: Checkpoint,
  part: TensorInfo,
  slice: TensorSlice,
  range: RowRange = { start: 0, end: part.shape[0]! },
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const target = new Uint8Array(bandBytes(part, range).length);
  const { width } = matrixOf(slice.of);
  const size = part.byteLength / (part.shape[0]! * part.shape[1]!);
  const partRow = part.shape[1]! * size;
  const read = await rowReader(stored, slice, width * size, signal);
  for (const { first, rows } of bandsOf(slice.rows, range, width * size)) {
    const bytes = await read(rows[0]!, rows.at(-1)! + 1);
    for (const [i, row] of rows.entries()) {
      const from = (row - rows[0]!) * width * size;
      copyRuns(bytes, from, target, (first - range.start + i) * partRow, slice.cols, size);
    }
  }
  return target;
}

type ReadRows = (start: number, end: number) => Promise<Uint8Array>;

/** Reads stored rows; of a stack, which is read along its first axis, the whole matrix once. */
async function rowReader(
  stored: Checkpoint,
  { of, index }: TensorSlice,
  rowBytes: number,
  signal?: AbortSignal,
): Promise<ReadRows> {
  if (index === undefined) return (start, end) => stored.read(of, { start, end }, signal);
  const matrix = await stored.read(of, { start: index, end: index + 1 }, signal);
  return (start, end) => Promise.resolve(matrix.subarray(start * rowBytes, end * rowBytes));
}

interface Band {
  /** Row of the part that the first of them is. */
  first: number;
  /** Stored rows, ascending. */
  rows: number[];
}

/** Rows [start, end) of the part, in bands of stored rows that are read at once. */
function* bandsOf(runs: Runs, { start, end }: RowRange, rowBytes: number): Generator<Band> {
  let band: Band | undefined;
  for (let row = start; row < end; row++) {
    const at = runs.start + Math.floor(row / runs.length) * runs.step + (row % runs.length);
    const gap = band ? (at - band.rows.at(-1)! - 1) * rowBytes : 0;
    if (band && (gap > GAP_BYTES || (at + 1 - band.rows[0]!) * rowBytes > BAND_BYTES)) {
      yield band;
      band = undefined;
    }
    if (band) band.rows.push(at);
    else band = { first: row, rows: [at] };
  }
  if (band) yield band;
}

/** Copies the columns of one row. */
function copyRuns(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  { start, length, step, count }: Runs,
  size: number,
): void {
  const bytes = length * size;
  for (let run = 0; run < count; run++) {
    const at = from + (start + run * step) * size;
    // A copy of a few bytes by hand is faster than a view on them.
    if (bytes <= 32) for (let i = 0; i < bytes; i++) target[to + i] = source[at + i]!;
    else target.set(source.subarray(at, at + bytes), to);
    to += bytes;
  }
}

/** Rows and columns of a stored matrix, and how many there are. @throws CheckpointError `unsupported` */
function matrixOf({ name, shape }: TensorInfo): { height: number; width: number; count: number } {
  const [first, second, third] = shape;
  if (shape.length === 2) return { height: first!, width: second!, count: 1 };
  if (shape.length === 3) return { height: second!, width: third!, count: first! };
  throw new CheckpointError('unsupported', `has the shape [${shape.join(', ')}], of which no parts are known`, {
    tensor: name,
  });
}
