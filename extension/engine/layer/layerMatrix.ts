/**
 * The matrix of a layer that ranks, compression and singular vectors are about, read from its file in bands of rows:
 * once and held in float64 where the memory limit allows, else anew with every pass over it.
 */
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { compressionMatrix } from '../../compression/compressionMatrix';
import { heldBands, type RowBand, type RowBands } from '../../linalg/singular/rowBandProducts';
import { EngineError, type EngineLayer } from './engineLayer';
import { layerRows } from './layerInput';
import type { WorkerLease } from '../worker/workerPool';

/** Elements of a band: 8 MB of float64, which products still do at full speed. */
export const BAND_ELEMENTS = 2 ** 20;

/** Rows of a transposed matrix that are written together: their cache lines stay in the first-level cache. */
const TRANSPOSED_AT_ONCE = 16;

/** A band of rows as stored. */
export interface StoredBand {
  start: number;
  rows: number;
  bytes: Uint8Array;
}

export interface StoredMatrix {
  readonly rows: number;
  readonly cols: number;
  /** Rows that can only be read together: all of an expert's, a kernel row's of TensorFlow's layout, else 1. */
  readonly rowsTogether: number;
  bands(signal?: AbortSignal): AsyncGenerator<StoredBand>;
}

/** @throws CompressionError `unsupported` where the tensor holds no matrix */
export function storedMatrix(checkpoint: Checkpoint, { tensor, geometry }: EngineLayer): StoredMatrix {
  const { rows, cols } = compressionMatrix(tensor.shape, tensor.kernelLayout, geometry?.expert);
  const range = layerRows(tensor, geometry);
  const rowsTogether = rows / (range.end - range.start);
  const step = Math.max(1, Math.floor(BAND_ELEMENTS / (cols * rowsTogether)));
  const read = async (first: number, signal: AbortSignal | undefined): Promise<StoredBand> => {
    const end = Math.min(range.end, first + step);
    const bytes = await checkpoint.read(tensor, { start: first, end }, signal);
    return { start: (first - range.start) * rowsTogether, rows: (end - first) * rowsTogether, bytes };
  };
  return {
    rows,
    cols,
    rowsTogether,
    async *bands(signal) {
      const firsts = Array.from(
        { length: Math.ceil((range.end - range.start) / step) },
        (_, i) => range.start + i * step,
      );
      yield* oneAhead(firsts, (first) => read(first, signal));
    },
  };
}

/** Loads each item while the one before it is used. */
async function* oneAhead<Item, Loaded>(
  items: readonly Item[],
  load: (item: Item) => Promise<Loaded>,
): AsyncGenerator<Loaded> {
  let next: Promise<Loaded> | undefined;
  try {
    for (const [index, item] of items.entries()) {
      const loaded = await (next ?? load(item));
      next = index + 1 < items.length ? load(items[index + 1]!) : undefined;
      // Its rejection is heard even if the loop does not go on.
      next?.catch(() => undefined);
      yield loaded;
    }
  } finally {
    await next?.catch(() => undefined); // nothing is left running in the worker
  }
}

/** Bands in float64, widened by a worker. @throws EngineError `no-spectrum` at an element that is not finite */
export function widenedBands(stored: StoredMatrix, tensor: TensorInfo, name: string, lease: WorkerLease): RowBands {
  const { rows, cols } = stored;
  return {
    rows,
    cols,
    async *bands(signal): AsyncGenerator<RowBand> {
      for await (const { start, rows: count, bytes } of stored.bands(signal)) {
        const elements = await lease.calls.widen({ bytes, dtype: tensor.dtype }, { transfer: [bytes.buffer] });
        const bad = firstNotFinite(elements);
        if (bad >= 0) {
          const place = `row ${start + Math.floor(bad / cols)}, column ${bad % cols}`;
          throw new EngineError(
            'no-spectrum',
            `${name} holds ${elements[bad]!} at ${place}: it has no singular vectors`,
          );
        }
        yield { start, rows: count, elements };
      }
    },
  };
}

/** The whole matrix in memory; its transpose where that has more rows than columns. */
export async function held(matrix: RowBands, signal: AbortSignal): Promise<{ bands: RowBands; transposed: boolean }> {
  const { rows, cols } = matrix;
  const transposed = rows < cols;
  const w = new Float64Array(rows * cols);
  for await (const { start, rows: count, elements } of matrix.bands(signal)) {
    if (!transposed) {
      w.set(elements, start * cols);
      continue;
    }
    for (let first = 0; first < cols; first += TRANSPOSED_AT_ONCE) {
      const end = Math.min(cols, first + TRANSPOSED_AT_ONCE);
      for (let i = 0; i < count; i++) {
        for (let j = first; j < end; j++) w[j * rows + start + i] = elements[i * cols + j]!;
      }
    }
  }
  return { bands: transposed ? heldBands(w, cols, rows) : heldBands(w, rows, cols), transposed };
}

/** Index of the first NaN or infinity, −1 without one. */
function firstNotFinite(elements: Float64Array): number {
  // Fast for the usual case: a NaN or infinity makes the sum NaN, as ∞·0 and NaN·0 are.
  let sum = 0;
  for (const value of elements) sum += value * 0;
  return sum === 0 ? -1 : elements.findIndex((value) => !Number.isFinite(value));
}
