/**
 * Data layout messages: the place of a dataset's elements. Versions 1 to 5; the last differs in the widths of fields of
 * indexes, which their own headers tell.
 */
import type { Hdf5Cursor } from './hdf5Cursor';
import { MAX_RANK } from '../elements/shape';

export type Hdf5Layout =
  | { readonly kind: 'compact'; readonly data: Buffer }
  | { readonly kind: 'contiguous'; readonly address: number | undefined }
  | { readonly kind: 'chunked'; readonly chunks: ChunkLayout }
  | { readonly kind: 'other'; readonly description: string };

export interface ChunkLayout {
  /** Shape of one chunk, in elements. */
  readonly shape: readonly number[];
  /** Address of the index that finds chunks, or of the only chunk. */
  readonly address: number | undefined;
  readonly index: ChunkIndexKind;
  /** Chunks that reach over the dataset's edge are stored without filters. */
  readonly plainEdges: boolean;
}

export type ChunkIndexKind =
  | { readonly kind: 'tree 1' }
  /** One chunk, whose stored bytes are known where it is filtered. */
  | { readonly kind: 'single'; readonly stored?: { readonly length: number; readonly mask: number } }
  | { readonly kind: 'implicit' }
  | { readonly kind: 'fixed array' }
  | { readonly kind: 'extensible array' }
  | { readonly kind: 'tree 2' };

const CLASS = { compact: 0, contiguous: 1, chunked: 2, virtual: 3 } as const;

/** @param elementSize in bytes, which chunked layouts repeat. @throws CheckpointError `malformed`, `unsupported` */
export function readLayout(cursor: Hdf5Cursor, elementSize: number): Hdf5Layout {
  const version = cursor.uint8();
  if (version >= 1 && version <= 2) return oldLayout(cursor, elementSize);
  if (version < 3 || version > 5) return { kind: 'other', description: `its layout is of version ${version}` };
  const type = cursor.uint8();
  switch (type) {
    case CLASS.compact:
      return { kind: 'compact', data: Buffer.from(cursor.take(cursor.uint16())) };
    case CLASS.contiguous:
      return { kind: 'contiguous', address: cursor.address() };
    case CLASS.chunked:
      return version === 3 ? chunked3(cursor, elementSize) : chunked4(cursor, elementSize);
    case CLASS.virtual:
      return {
        kind: 'other',
        description: 'is virtual: its elements are those of other datasets, which are not opened',
      };
    default:
      throw cursor.error('malformed', `has a layout of the class ${type}`);
  }
}

function oldLayout(cursor: Hdf5Cursor, elementSize: number): Hdf5Layout {
  const rank = cursor.uint8();
  const type = cursor.uint8();
  cursor.skip(5);
  const address = type === CLASS.compact ? undefined : cursor.address();
  const sizes = Array.from({ length: checkedRank(rank, cursor) }, () => cursor.uint32());
  if (type === CLASS.compact) return { kind: 'compact', data: Buffer.from(cursor.take(cursor.uint32())) };
  if (type === CLASS.contiguous) return { kind: 'contiguous', address };
  if (type !== CLASS.chunked) throw cursor.error('malformed', `has a layout of the class ${type}`);
  return { kind: 'chunked', chunks: plainTree(chunkShape(sizes, elementSize, cursor), address) };
}

function chunked3(cursor: Hdf5Cursor, elementSize: number): Hdf5Layout {
  const rank = checkedRank(cursor.uint8(), cursor);
  const address = cursor.address();
  const sizes = Array.from({ length: rank }, () => cursor.uint32());
  return { kind: 'chunked', chunks: plainTree(chunkShape(sizes, elementSize, cursor), address) };
}

function chunked4(cursor: Hdf5Cursor, elementSize: number): Hdf5Layout {
  const flags = cursor.uint8();
  const rank = checkedRank(cursor.uint8(), cursor);
  const bytes = cursor.uint8();
  if (bytes < 1 || bytes > 8) throw cursor.error('malformed', `has sizes of chunks in ${bytes} bytes`);
  const sizes = Array.from({ length: rank }, () => cursor.uint(bytes));
  const shape = chunkShape(sizes, elementSize, cursor);
  const index = indexOf(cursor, flags);
  return { kind: 'chunked', chunks: { shape, address: cursor.address(), index, plainEdges: (flags & 1) !== 0 } };
}

/** Passes over how the index is made, which its own header tells again. */
function indexOf(cursor: Hdf5Cursor, flags: number): ChunkIndexKind {
  const type = cursor.uint8();
  switch (type) {
    case 1:
      return flags & 2
        ? { kind: 'single', stored: { length: cursor.length(), mask: cursor.uint32() } }
        : { kind: 'single' };
    case 2:
      return { kind: 'implicit' };
    case 3:
      cursor.skip(1);
      return { kind: 'fixed array' };
    case 4:
      cursor.skip(5);
      return { kind: 'extensible array' };
    case 5:
      cursor.skip(6);
      return { kind: 'tree 2' };
    default:
      throw cursor.error('unsupported', `has an index of chunks of the type ${type}`);
  }
}

function plainTree(shape: readonly number[], address: number | undefined): ChunkLayout {
  return { shape, address, index: { kind: 'tree 1' }, plainEdges: false };
}

/** The last size is that of an element. */
function chunkShape(sizes: readonly number[], elementSize: number, cursor: Hdf5Cursor): number[] {
  const shape = sizes.slice(0, -1);
  if (shape.length === 0 || sizes.at(-1) !== elementSize || shape.some((size) => !(size >= 1 && size <= 2 ** 32))) {
    const reason = `has chunks of ${sizes.join(' × ')}, which cannot be with elements of ${elementSize} bytes`;
    throw cursor.error('malformed', reason);
  }
  return shape;
}

function checkedRank(rank: number, cursor: Hdf5Cursor): number {
  if (rank > MAX_RANK + 1) throw cursor.error('malformed', `has chunks of ${rank} axes`);
  return rank;
}
