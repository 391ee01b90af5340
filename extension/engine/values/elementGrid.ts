/** A layer's elements in rows and columns, and how a part of them is read: in bands, cut to the columns that are wanted. */
import type { Checkpoint } from '../../checkpoint/checkpoint';
import { elementSize } from '../../checkpoint/elements/dtype';
import { compressionMatrix } from '../../compression/compressionMatrix';
import type { ElementRange, ElementTable } from '../../shared/elements';
import { EngineError, type EngineLayer } from '../layer/engineLayer';
import { layerRows } from '../layer/layerInput';

/** Stored bytes that are read at a time, if rows are short enough. */
const BAND_BYTES = 8 * 1024 * 1024;

export interface ElementGrid extends ElementTable {
  /** Rows of the tensor's first axis that hold it, and how many rows of the table each of them is. */
  readonly stored: { readonly start: number; readonly end: number; readonly rowsEach: number };
  /** Bytes that a band takes. */
  readonly bandBytes: number;
}

/** Rows of the table, of the columns that were asked for, as stored. */
export interface ElementBand {
  row: number;
  rows: number;
  bytes: Uint8Array;
}

/** Rows and columns of a layer's matrix; a vector is one column, a scalar one element. */
export function elementGrid(name: string, { tensor, geometry }: EngineLayer): ElementGrid {
  const { shape, dtype } = tensor;
  const isMatrix = shape.length >= 2 && !shape.includes(0);
  const size = shape.reduce((product, length) => product * length, 1);
  const { rows, cols, offset } = isMatrix
    ? compressionMatrix(shape, tensor.kernelLayout, geometry?.expert)
    : { rows: size, cols: 1, offset: 0 };
  const range = layerRows(tensor, geometry);
  const rowsEach = range.end > range.start ? rows / (range.end - range.start) : 1;
  const rowBytes = rowsEach * cols * elementSize(dtype);
  return {
    ...{ layer: name, dtype, shape, rows, cols, offset },
    stored: { ...range, rowsEach },
    bandBytes: Math.max(BAND_BYTES, rowBytes),
  };
}

/** @throws EngineError `out-of-range` if the range is empty, or not within the table */
export function assertWithin(grid: ElementTable, { row, rows, col, cols }: ElementRange): void {
  const whole = [row, rows, col, cols].every(Number.isInteger);
  if (whole && row >= 0 && col >= 0 && rows > 0 && cols > 0 && row + rows <= grid.rows && col + cols <= grid.cols) {
    return;
  }
  throw new EngineError(
    'out-of-range',
    `${grid.layer} has ${grid.rows} rows and ${grid.cols} columns; ${rows} rows from ${row} and ${cols} columns from ${col} are not within it`,
  );
}

/** @throws as `Checkpoint.read`; the range is within the table */
export async function* elementBands(
  checkpoint: Checkpoint,
  { tensor }: EngineLayer,
  grid: ElementGrid,
  { row, rows, col, cols }: ElementRange,
  signal: AbortSignal,
): AsyncGenerator<ElementBand> {
  const { start, rowsEach } = grid.stored;
  const size = elementSize(grid.dtype);
  const stride = grid.cols * size;
  const step = Math.max(1, Math.floor(grid.bandBytes / (rowsEach * stride)));
  const last = start + Math.ceil((row + rows) / rowsEach);
  for (let first = start + Math.floor(row / rowsEach); first < last; first += step) {
    const end = Math.min(last, first + step);
    const bytes = await checkpoint.read(tensor, { start: first, end }, signal);
    // Rows of the table that were read, and those of them that are wanted.
    const top = (first - start) * rowsEach;
    const from = Math.max(row, top);
    const to = Math.min(row + rows, (end - start) * rowsEach);
    const cut =
      cols === grid.cols
        ? bytes.subarray((from - top) * stride, (to - top) * stride)
        : columnsOf(bytes, { from: from - top, to: to - top, stride, left: col * size, width: cols * size });
    yield { row: from, rows: to - from, bytes: cut };
  }
}

function columnsOf(
  bytes: Uint8Array,
  { from, to, stride, left, width }: { from: number; to: number; stride: number; left: number; width: number },
): Uint8Array {
  const cut = new Uint8Array((to - from) * width);
  for (let row = from; row < to; row++) {
    const start = row * stride + left;
    cut.set(bytes.subarray(start, start + width), (row - from) * width);
  }
  return cut;
}
