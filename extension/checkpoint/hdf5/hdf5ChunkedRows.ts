/** Rows of a dataset that is stored in chunks: only those that hold some of the rows are read and unpacked. */
import type { DType } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import { allocate } from '../files/fileReader';
import type { Hdf5Bytes } from './hdf5Bytes';
import { walkChunks, type ChunkedDataset, type StoredChunk } from './hdf5ChunkIndex';
import { unfilter, type Filter } from './hdf5Filters';
import type { RowRange } from '../elements/rowBand';
import type { RowSource } from '../elements/rowSource';
import { swapBytes } from '../elements/tensorView';

/**
 * A chunk is unpacked whole. HDF5 advises 1 MB, h5py makes less; where somebody made one chunk of a whole layer it is a
 * few times larger. Two or three copies are held for a moment.
 */
export const MAX_CHUNK_BYTES = 64 * 1024 * 1024;

/** Filters that do not shrink a chunk add a little: deflate 5 bytes of 16 kB, a checksum. */
const MAX_GROWTH_BYTES = 1024 * 1024;

/** Unpacked chunks kept for the band of rows that is asked for next, of all datasets of a file. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

export interface PackedDataset extends ChunkedDataset {
  readonly dtype: DType;
  readonly bigEndian: boolean;
  readonly filters: readonly Filter[];
  /** One element as it is stored: of those that were never written. */
  readonly fill: Uint8Array | undefined;
}

/** The chunks of a file that were unpacked last. */
export class UnpackedChunks {
  /** In order of last use, the oldest first. */
  private readonly kept = new Map<string, Uint8Array>();
  private bytes = 0;

  async get(key: string, unpack: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.kept.get(key);
    const chunk = known ?? (await unpack());
    this.drop(key);
    this.kept.set(key, chunk);
    this.bytes += chunk.length;
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= MAX_KEPT_BYTES) break;
      this.drop(oldest);
    }
    return chunk;
  }

  clear(): void {
    this.kept.clear();
    this.bytes = 0;
  }

  private drop(key: string): void {
    this.bytes -= this.kept.get(key)?.length ?? 0;
    this.kept.delete(key);
  }
}

export class Hdf5ChunkedRows implements RowSource {
  constructor(
    private readonly bytes: Hdf5Bytes,
    private readonly dataset: PackedDataset,
    private readonly unpacked: UnpackedChunks,
  ) {}

  async readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    const { dataset } = this;
    const { space, layout, dtype, bigEndian } = dataset;
    const size = elementSize(dtype);
    const bytes = this.bytes.under(signal);
    const target = filledRows(dataset, rows, bytes.path);
    if (target.length === 0) return target;
    // Each place has one chunk: an index that gives more goes round in circles.
    let left = layout.shape.reduce((cells, length, axis) => cells * Math.ceil(space.shape[axis]! / length), 1);
    await walkChunks(bytes, dataset, rows, async (chunk) => {
      signal?.throwIfAborted();
      if (--left < 0) throw bytes.error('malformed', 'has more chunks than its shape', chunk.address);
      const overlap = overlapOf(chunk, dataset, rows);
      const stored = await this.chunkRows(bytes, chunk, overlap);
      copyOverlap(stored, target, overlap, dataset, size);
    });
    if (bigEndian) swapBytes(target, dtype.startsWith('C') ? size / 2 : size);
    return target;
  }

  /** The chunk's rows that are wanted. */
  private async chunkRows(bytes: Hdf5Bytes, chunk: StoredChunk, { rows }: Overlap): Promise<Uint8Array> {
    const { layout, chunkBytes, filters, space } = this.dataset;
    const rowBytes = chunkBytes / layout.shape[0]!;
    const within = { start: (rows.start - chunk.start[0]!) * rowBytes, end: (rows.end - chunk.start[0]!) * rowBytes };
    const atEdge = chunk.start.some((at, axis) => at + layout.shape[axis]! > space.shape[axis]!);
    if (filters.length === 0 || (layout.plainEdges && atEdge)) {
      return bytes.data(chunk.address + within.start, within.end - within.start);
    }
    if (chunk.length > chunkBytes + MAX_GROWTH_BYTES) {
      const reason = `has a chunk of ${chunk.length} stored bytes for ${chunkBytes} bytes of elements`;
      throw bytes.error('malformed', reason, chunk.address);
    }
    const key = `${layout.address} ${chunk.address} ${chunkBytes}`;
    const whole = await this.unpacked.get(key, async () => {
      const stored = await bytes.data(chunk.address, chunk.length);
      try {
        return await unfilter(stored, filters, chunk.mask, chunkBytes);
      } catch (error) {
        throw error instanceof CheckpointError ? bytes.error(error.code, error.reason, chunk.address) : error;
      }
    });
    return whole.subarray(within.start, within.end);
  }
}

/** Rows of a dataset without any stored elements. */
export class FillRows implements RowSource {
  constructor(
    private readonly file: string,
    private readonly dataset: Pick<PackedDataset, 'space' | 'dtype' | 'bigEndian' | 'fill'>,
  ) {}

  readRows(rows: RowRange): Promise<Uint8Array> {
    const { dtype, bigEndian } = this.dataset;
    const target = filledRows(this.dataset, rows, this.file);
    if (bigEndian) swapBytes(target, elementSize(dtype) / (dtype.startsWith('C') ? 2 : 1));
    return Promise.resolve(target);
  }
}

/** The rows as if none of them had been written. */
function filledRows(
  { space, dtype, fill }: Pick<PackedDataset, 'space' | 'dtype' | 'fill'>,
  { start, end }: RowRange,
  file: string,
): Uint8Array {
  const [height = 1] = space.shape;
  const length = height === 0 ? 0 : (space.count / height) * (end - start) * elementSize(dtype);
  const target = allocate(length, file, 0);
  if (fill?.some((byte) => byte !== 0)) Buffer.from(target.buffer).fill(fill);
  return target;
}

/** What of a chunk is wanted. */
interface Overlap {
  readonly chunk: StoredChunk;
  /** The wanted rows of the dataset. */
  readonly rows: RowRange;
  /** The first of the wanted rows of the dataset, wherever this chunk begins. */
  readonly firstRow: number;
}

function overlapOf(chunk: StoredChunk, { space, layout }: PackedDataset, { start, end }: RowRange): Overlap {
  const [at] = chunk.start as [number, ...number[]];
  const stop = Math.min(end, at + layout.shape[0]!, space.shape[0]!);
  return { chunk, rows: { start: Math.max(start, at), end: stop }, firstRow: start };
}

/** Copies runs along the last axis. @param stored the chunk's rows of the overlap */
function copyOverlap(
  stored: Uint8Array,
  target: Uint8Array,
  { chunk, rows, firstRow }: Overlap,
  { space, layout }: PackedDataset,
  size: number,
): void {
  const last = space.shape.length - 1;
  // Copies within the wanted rows and, along the other axes, the whole chunk; both in elements.
  const copy = (axis: number, from: number, to: number): void => {
    const begin = axis === 0 ? rows.start : chunk.start[axis]!;
    const stop = axis === 0 ? rows.end : Math.min(begin + layout.shape[axis]!, space.shape[axis]!);
    const place = axis === 0 ? begin - firstRow : begin;
    const [source, destination] = [from, to * space.shape[axis]! + place];
    if (axis === last) {
      const start = source * layout.shape[axis]! * size;
      target.set(stored.subarray(start, start + (stop - begin) * size), destination * size);
      return;
    }
    for (let i = 0; i < stop - begin; i++) copy(axis + 1, source * layout.shape[axis]! + i, destination + i);
  };
  copy(0, 0, 0);
}
