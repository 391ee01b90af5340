/**
 * Fractal heaps, in which groups keep many links and objects many or large attributes. Their blocks lie in rows of a
 * table; all blocks of a row have the same size, which doubles from row to row.
 */
import type { Hdf5Bytes } from './hdf5Bytes';
import { assertChecksum } from './hdf5Checksum';
import type { Hdf5Cursor } from './hdf5Cursor';
import { walkTree2 } from './hdf5Tree2';

/** Tables in tables; each level has blocks at least twice as large. */
const MAX_LEVELS = 64;

const KIND = { managed: 0, huge: 1, tiny: 2 } as const;

/** Identifiers longer than this say the length of a tiny object in two bytes. */
const SHORT_ID_BYTES = 18;

interface HeapHeader {
  readonly idBytes: number;
  readonly filtered: boolean;
  readonly maxManaged: number;
  readonly hugeTree: number | undefined;
  readonly width: number;
  readonly startBytes: number;
  readonly maxDirectBytes: number;
  /** Bits of a place in the heap. */
  readonly placeBits: number;
  readonly root: number | undefined;
  /** Rows of the root, 0 if it is a block itself. */
  readonly rows: number;
}

/** Places of the heap's large objects, read when the first of them is asked for. */
type HugeObjects = ReadonlyMap<number, { readonly address: number | undefined; readonly length: number }>;

export class FractalHeap {
  private huge: Promise<HugeObjects> | undefined;

  private constructor(
    private readonly bytes: Hdf5Bytes,
    private readonly header: HeapHeader,
  ) {}

  /** @throws CheckpointError `malformed`, `corrupt`, `truncated`, `unsupported` where it is filtered */
  static async open(bytes: Hdf5Bytes, address: number): Promise<FractalHeap> {
    const { offsetSize: O, lengthSize: L } = bytes.widths;
    const cursor = await bytes.beginning(address, 26 + 3 * O + 12 * L, 'fractal heap');
    const header = readHeader(cursor);
    if (header.filtered) throw cursor.error('unsupported', 'keeps names or attributes in a heap that is compressed');
    assertChecksum(cursor, 'fractal heap');
    return new FractalHeap(bytes, header);
  }

  /** The object of an identifier. @throws CheckpointError `malformed`, `unsupported`, `limit`, `truncated`, … */
  async object(id: Buffer): Promise<Hdf5Cursor> {
    const { bytes, header } = this;
    const cursor = bytes.cursor(id, 0);
    const first = cursor.uint8();
    switch ((first >> 4) & 3) {
      case KIND.managed: {
        const place = cursor.uint(Math.ceil(header.placeBits / 8));
        return this.managed(place, cursor.uint(this.lengthBytes()));
      }
      case KIND.huge:
        return this.hugeObject(cursor);
      case KIND.tiny: {
        const length = header.idBytes > SHORT_ID_BYTES ? ((first & 15) << 8) | cursor.uint8() : first & 15;
        return cursor.part(length + 1);
      }
      default:
        throw bytes.error('malformed', 'has an object of an unknown kind in a heap');
    }
  }

  private lengthBytes(): number {
    const { maxDirectBytes, maxManaged } = this.header;
    const ofBlock = Math.ceil(Math.log2(Math.max(2, maxDirectBytes)) / 8);
    return Math.min(ofBlock, Math.floor(Math.log2(Math.max(1, maxManaged)) / 8) + 1);
  }

  private async managed(place: number, length: number): Promise<Hdf5Cursor> {
    const { bytes, header } = this;
    if (header.rows === 0) return bytes.block(at(header.root, place), length, 'heap');
    let { root: table, rows } = header;
    let left = place;
    for (let level = 0; level < MAX_LEVELS; level++) {
      const { row, column, within, blockBytes } = this.locate(left);
      if (row >= rows) throw bytes.error('malformed', `has an object at ${place}, outside of its heap`, table);
      const child = await this.child(table, rows, row, column);
      if (blockBytes <= header.maxDirectBytes) return bytes.block(at(child, within), length, 'heap');
      [table, left] = [child, within];
      rows = this.rowsWithin(blockBytes);
    }
    throw bytes.error('malformed', 'has a heap of too many levels', table);
  }

  /** The row and column of a table that hold the place at that distance from its beginning. */
  private locate(place: number): { row: number; column: number; within: number; blockBytes: number } {
    const { width, startBytes } = this.header;
    const rowBytes = width * startBytes;
    const row = place < rowBytes ? 0 : Math.floor(Math.log2(place / rowBytes)) + 1;
    const blockBytes = startBytes * 2 ** Math.max(0, row - 1);
    const inRow = row === 0 ? place : place - rowBytes * 2 ** (row - 1);
    const column = Math.floor(inRow / blockBytes);
    return { row, column, within: inRow - column * blockBytes, blockBytes };
  }

  /** Rows of a table that covers so many bytes. */
  private rowsWithin(bytes: number): number {
    const { width, startBytes } = this.header;
    return Math.round(Math.log2(bytes / (width * startBytes))) + 1;
  }

  /** Address of a block or table in a table. */
  private async child(
    table: number | undefined,
    rows: number,
    row: number,
    column: number,
  ): Promise<number | undefined> {
    const { bytes, header } = this;
    const { offsetSize } = bytes.widths;
    const length = 9 + offsetSize + Math.ceil(header.placeBits / 8) + rows * header.width * offsetSize;
    const cursor = await bytes.block(table, length, 'heap');
    cursor.signature('FHIB', 'heap');
    cursor.at = length - 4;
    assertChecksum(cursor, 'heap');
    cursor.at = length - 4 - (rows * header.width - row * header.width - column) * offsetSize;
    return cursor.address();
  }

  private async hugeObject(id: Hdf5Cursor): Promise<Hdf5Cursor> {
    const { bytes, header } = this;
    const { offsetSize, lengthSize } = bytes.widths;
    if (header.idBytes - 1 >= offsetSize + lengthSize) {
      return bytes.block(id.address(), id.length(), 'heap');
    }
    this.huge ??= this.readHuge();
    const found = (await this.huge).get(id.uint(Math.min(lengthSize, header.idBytes - 1)));
    if (!found) throw bytes.error('malformed', 'has an object that is not in its heap');
    return bytes.block(found.address, found.length, 'heap');
  }

  private async readHuge(): Promise<HugeObjects> {
    const found = new Map<number, { address: number | undefined; length: number }>();
    await walkTree2(this.bytes, this.header.hugeTree, (record) => {
      const [address, length] = [record.address(), record.length()];
      found.set(record.length(), { address, length });
    });
    return found;
  }
}

function at(address: number | undefined, within: number): number | undefined {
  return address === undefined ? undefined : address + within;
}

function readHeader(cursor: Hdf5Cursor): HeapHeader {
  cursor.signature('FRHP', 'fractal heap');
  cursor.skip(1);
  const idBytes = cursor.uint16();
  const filtered = cursor.uint16() > 0;
  cursor.skip(1);
  const maxManaged = cursor.uint32();
  // The next large object's number.
  cursor.length();
  const hugeTree = cursor.address();
  // Free space, in bytes and where it is kept.
  cursor.length();
  cursor.address();
  // Bytes of blocks, used and allocated, the place of the next; numbers and bytes of objects of each kind.
  for (let i = 0; i < 8; i++) cursor.length();
  const width = cursor.uint16();
  const [startBytes, maxDirectBytes] = [cursor.length(), cursor.length()];
  const placeBits = cursor.uint16();
  // Rows of a first table.
  cursor.skip(2);
  const root = cursor.address();
  const rows = cursor.uint16();
  if (!isPowerOfTwo(width) || !isPowerOfTwo(startBytes) || !isPowerOfTwo(maxDirectBytes) || placeBits > 64) {
    throw cursor.error('malformed', `has a heap of ${width} blocks of ${startBytes} to ${maxDirectBytes} bytes a row`);
  }
  return { idBytes, filtered, maxManaged, hugeTree, width, startBytes, maxDirectBytes, placeBits, root, rows };
}

function isPowerOfTwo(value: number): boolean {
  return value >= 1 && Number.isInteger(Math.log2(value));
}
