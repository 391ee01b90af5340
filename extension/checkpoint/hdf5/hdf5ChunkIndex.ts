/** The chunks of a dataset that hold some of its rows, found through whichever index the file has. */
import { walkExtensibleArray } from './hdf5ExtensibleArray';
import { walkFixedArray } from './hdf5FixedArray';
import type { Hdf5Bytes } from './hdf5Bytes';
import type { Hdf5Cursor } from './hdf5Cursor';
import type { Dataspace } from './hdf5Dataspace';
import type { ChunkLayout } from './hdf5Layout';
import { walkTree1 } from './hdf5Tree1';
import { walkTree2 } from './hdf5Tree2';
import type { RowRange } from '../elements/rowBand';

export interface StoredChunk {
  /** Place of its first element in the dataset. */
  readonly start: readonly number[];
  readonly address: number;
  /** Bytes in the file. */
  readonly length: number;
  /** A bit for each filter that was left out. */
  readonly mask: number;
}

export interface ChunkedDataset {
  readonly space: Dataspace;
  readonly layout: ChunkLayout;
  /** Bytes of one chunk once its filters are undone. */
  readonly chunkBytes: number;
  readonly filtered: boolean;
}

export type VisitChunk = (chunk: StoredChunk) => Promise<void>;

/**
 * Gives each stored chunk that has some of the rows; others were never written.
 *
 * @throws CheckpointError `malformed`, `corrupt`, `truncated`, `limit`, `changed`, `io`; what `visit` throws
 */
export async function walkChunks(
  bytes: Hdf5Bytes,
  dataset: ChunkedDataset,
  rows: RowRange,
  visit: VisitChunk,
): Promise<void> {
  const { layout, chunkBytes } = dataset;
  const { address, index } = layout;
  if (address === undefined) return;
  const plain = { length: chunkBytes, mask: 0 };
  switch (index.kind) {
    case 'tree 1':
      return walkTree(bytes, dataset, rows, visit);
    case 'single': {
      const start = layout.shape.map(() => 0);
      return overlaps(start, dataset, rows) ? visit({ start, address, ...(index.stored ?? plain) }) : undefined;
    }
    case 'implicit': {
      const grid = new ChunkGrid(dataset, false);
      const { start, end } = grid.range(rows);
      // All were given their place when the first one was: without it the file was cut off.
      if (address + end * chunkBytes > bytes.size) {
        const reason = `its chunks go up to byte ${address + end * chunkBytes}, but the file has ${bytes.size}`;
        throw bytes.error('truncated', reason, address);
      }
      for (let i = start; i < end; i++) {
        const place = grid.place(i);
        if (grid.holds(place, rows)) await visit({ start: place, address: address + i * chunkBytes, ...plain });
      }
      return;
    }
    case 'fixed array':
    case 'extensible array': {
      const walk = index.kind === 'fixed array' ? walkFixedArray : walkExtensibleArray;
      const grid = new ChunkGrid(dataset, index.kind === 'extensible array');
      return walk(bytes, address, grid.range(rows), (element, i) => {
        const chunk = storedChunk(element, dataset, element.left);
        const place = chunk && grid.place(i);
        return place && grid.holds(place, rows) ? visit({ start: place, ...chunk }) : undefined;
      });
    }
    case 'tree 2':
      return walkTree2(bytes, address, async (record) => {
        const places = 8 * layout.shape.length;
        const chunk = storedChunk(record, dataset, record.left - places);
        const start = layout.shape.map((size) => size * record.uint(8));
        if (chunk && overlaps(start, dataset, rows)) await visit({ start, ...chunk });
      });
  }
}

/** An element of an index, of so many bytes: an address, and of filtered chunks their length and mask. */
function storedChunk(
  element: Hdf5Cursor,
  { filtered, chunkBytes }: ChunkedDataset,
  elementBytes: number,
): Omit<StoredChunk, 'start'> | undefined {
  const begin = element.at;
  const address = element.address();
  const lengthBytes = elementBytes - (element.at - begin) - 4;
  if (filtered && (lengthBytes < 1 || lengthBytes > 8)) {
    throw element.error('malformed', `has an index of chunks with entries of ${elementBytes} bytes`);
  }
  const length = filtered ? element.uint(lengthBytes) : chunkBytes;
  const mask = filtered ? element.uint32() : 0;
  return address === undefined ? undefined : { address, length, mask };
}

async function walkTree(bytes: Hdf5Bytes, dataset: ChunkedDataset, rows: RowRange, visit: VisitChunk): Promise<void> {
  const { shape, address } = dataset.layout;
  const [height] = shape as [number, ...number[]];
  const keyBytes = 8 + 8 * (shape.length + 1);
  const firstRow = (key: Hdf5Cursor): number => {
    key.skip(8);
    return key.uint(8);
  };
  // Keys are in the order of the first axis; a node's chunks begin at its key and before the next.
  const within = (from: Hdf5Cursor, to: Hdf5Cursor): boolean =>
    firstRow(from) < rows.end && firstRow(to) + height > rows.start;
  const leaf = async ({ key, child }: { key: Hdf5Cursor; child: number | undefined }): Promise<void> => {
    const [length, mask] = [key.uint32(), key.uint32()];
    const start = shape.map(() => key.uint(8));
    if (!overlaps(start, dataset, rows)) return;
    if (child === undefined) throw key.error('malformed', 'has a chunk without an address');
    if (start.some((at, axis) => at % shape[axis]! !== 0)) {
      throw key.error('malformed', `has a chunk at [${start.join(', ')}], which is not where chunks begin`);
    }
    await visit({ start, address: child, length, mask });
  };
  return walkTree1(bytes, address, { type: 1, keyBytes }, leaf, within);
}

function overlaps(start: readonly number[], { space, layout }: ChunkedDataset, rows: RowRange): boolean {
  if (start.some((at, axis) => at >= space.shape[axis]!)) return false;
  return start[0]! < rows.end && start[0]! + layout.shape[0]! > rows.start;
}

/** Chunks numbered one after the other, by the axes' limits: the place of one does not change when a dataset grows. */
class ChunkGrid {
  /** Axes in the order of their weight: the one without a limit comes first. */
  private readonly axes: readonly number[];
  /** Chunks along each of `axes`. */
  private readonly counts: readonly number[];

  constructor(
    private readonly dataset: ChunkedDataset,
    unlimitedFirst: boolean,
  ) {
    const { space, layout } = dataset;
    const axes = [...layout.shape.keys()];
    const unlimited = unlimitedFirst ? space.maxShape.indexOf(Infinity) : -1;
    this.axes = unlimited > 0 ? [unlimited, ...axes.filter((axis) => axis !== unlimited)] : axes;
    this.counts = this.axes.map((axis) => Math.ceil(space.maxShape[axis]! / layout.shape[axis]!));
  }

  /** Numbers of all chunks that may hold the rows, where the first axis weighs most; else of all there are. */
  range(rows: RowRange): RowRange {
    const { space, layout } = this.dataset;
    const rest = this.counts.slice(1).reduce((product, count) => product * count, 1);
    const [first] = this.axes;
    const height = layout.shape[first!]!;
    const [start, end] = first === 0 ? [rows.start, rows.end] : [0, space.shape[first!]!];
    return { start: Math.floor(start / height) * rest, end: Math.ceil(end / height) * rest };
  }

  /** The first element of a chunk. */
  place(index: number): number[] {
    const start = new Array<number>(this.axes.length);
    let left = index;
    for (let i = this.axes.length - 1; i >= 0; i--) {
      const count = i === 0 ? Infinity : this.counts[i]!;
      const axis = this.axes[i]!;
      const along = i === 0 ? left : left % count;
      start[axis] = along * this.dataset.layout.shape[axis]!;
      left = Math.floor(left / count);
    }
    return start;
  }

  holds(start: readonly number[], rows: RowRange): boolean {
    return overlaps(start, this.dataset, rows);
  }
}
