/**
 * Extensible arrays: the index of chunks of a dataset that grows along one axis. A few elements lie in the index block,
 * then come data blocks, ever longer ones, first those that it points at and then those of super blocks.
 */
import type { Hdf5Bytes } from './hdf5Bytes';
import { assertChecksum } from './hdf5Checksum';
import type { Hdf5Cursor } from './hdf5Cursor';
import { isSet, visitElements, visitPage, type VisitElement } from './hdf5FixedArray';
import type { RowRange } from '../elements/rowBand';

const WHAT = 'index of chunks';

const CHECKSUM_BYTES = 4;

/** HDF5's own bound: numbers of elements have 64 bits. */
const MAX_BITS = 64;

/** More pointers than any index block has, which are twice as many as this. */
const MAX_POINTERS = 1024;

/** HDF5 makes pages of 1024 elements. */
const MAX_PAGE_BITS = 20;

interface ArrayHeader {
  readonly elementBytes: number;
  /** Bits of an element's number. */
  readonly bits: number;
  /** Elements of the index block. */
  readonly inIndex: number;
  /** Elements of the shortest data block. */
  readonly shortest: number;
  /** Pointers of the shortest super block. */
  readonly pointers: number;
  readonly pageElements: number;
  /** One more than the last element that was ever set. */
  readonly count: number;
  readonly indexBlock: number | undefined;
}

/** Gives the elements of the range that were ever written. @throws CheckpointError `malformed`, `corrupt`, `truncated`, … */
export async function walkExtensibleArray(
  bytes: Hdf5Bytes,
  address: number | undefined,
  range: RowRange,
  visit: VisitElement,
): Promise<void> {
  const header = await readHeader(bytes, address);
  if (header.indexBlock === undefined) return;
  const wanted = { start: range.start, end: Math.min(range.end, header.count) };
  await new ExtensibleArray(bytes, header, wanted, visit).walk();
}

async function readHeader(bytes: Hdf5Bytes, address: number | undefined): Promise<ArrayHeader> {
  const { offsetSize, lengthSize } = bytes.widths;
  const head = await bytes.block(address, 16 + 6 * lengthSize + offsetSize, WHAT);
  head.signature('EAHD', WHAT);
  // Version, client.
  head.skip(2);
  const [elementBytes, bits, inIndex, shortest] = [head.uint8(), head.uint8(), head.uint8(), head.uint8()];
  const [pointers, pageBits] = [head.uint8(), head.uint8()];
  // Numbers and bytes of super blocks and data blocks.
  for (let i = 0; i < 4; i++) head.length();
  const count = head.length();
  head.length();
  const indexBlock = head.address();
  assertChecksum(head, WHAT);
  const powers = [shortest, pointers].every((value) => value >= 1 && Number.isInteger(Math.log2(value)));
  const sound = powers && bits <= MAX_BITS && pointers <= MAX_POINTERS && pageBits <= MAX_PAGE_BITS;
  if (!sound || elementBytes < offsetSize) {
    throw head.error('malformed', `has an index of chunks in blocks of ${shortest} entries of ${elementBytes} bytes`);
  }
  return { elementBytes, bits, inIndex, shortest, pointers, pageElements: 2 ** pageBits, count, indexBlock };
}

class ExtensibleArray {
  constructor(
    private readonly bytes: Hdf5Bytes,
    private readonly header: ArrayHeader,
    private readonly wanted: RowRange,
    private readonly visit: VisitElement,
  ) {}

  async walk(): Promise<void> {
    const { bytes, header } = this;
    const { offsetSize } = bytes.widths;
    const { elementBytes, inIndex, pointers, shortest } = header;
    /** Levels whose data blocks the index block points at itself. */
    const direct = 2 * Math.log2(pointers);
    const levels = 1 + Math.max(0, header.bits - Math.log2(shortest));
    const dataBlocks = 2 * (pointers - 1);
    const superBlocks = Math.max(0, levels - direct);
    const elements = 6 + offsetSize + inIndex * elementBytes;
    const length = elements + (dataBlocks + superBlocks) * offsetSize + CHECKSUM_BYTES;
    const index = await this.block(header.indexBlock, length, 'EAIB');
    await this.elements(index, { start: 0, end: inIndex });
    index.at = elements;
    let start = inIndex;
    for (let level = 0; level < levels && start < this.wanted.end; level++) {
      const { blocks, perBlock } = this.level(level);
      const end = start + blocks * perBlock;
      if (level < direct) {
        for (let i = 0; i < blocks; i++) {
          await this.dataBlock(index.address(), { start: start + i * perBlock, end: start + (i + 1) * perBlock });
        }
      } else {
        const address = index.address();
        if (address !== undefined && end > this.wanted.start) await this.superBlock(address, level, start);
      }
      start = end;
    }
  }

  /** Every second level has twice as many data blocks, every other one data blocks twice as long. */
  private level(level: number): { blocks: number; perBlock: number } {
    return {
      blocks: 2 ** Math.floor(level / 2),
      perBlock: 2 ** Math.floor((level + 1) / 2) * this.header.shortest,
    };
  }

  private async superBlock(address: number, level: number, start: number): Promise<void> {
    const { bytes, header } = this;
    const { blocks, perBlock } = this.level(level);
    const pages = perBlock > header.pageElements ? perBlock / header.pageElements : 0;
    const bitmapBytes = blocks * Math.ceil(pages / 8);
    const frame = this.frameBytes();
    const { offsetSize } = bytes.widths;
    const block = await this.block(address, frame + bitmapBytes + blocks * offsetSize + CHECKSUM_BYTES, 'EASB');
    block.at = frame;
    const written = block.take(bitmapBytes);
    for (let i = 0; i < blocks; i++) {
      const held = { start: start + i * perBlock, end: start + (i + 1) * perBlock };
      const child = block.address();
      if (pages === 0) await this.dataBlock(child, held);
      else await this.pages(child, held, (page) => isSet(written, i * pages + page));
    }
  }

  private async dataBlock(address: number | undefined, held: RowRange): Promise<void> {
    if (address === undefined || !this.isWanted(held)) return;
    const frame = this.frameBytes();
    const length = frame + (held.end - held.start) * this.header.elementBytes + CHECKSUM_BYTES;
    const block = await this.block(address, length, 'EADB');
    block.at = frame;
    await this.elements(block, held);
  }

  /** Behind a frame with a checksum of its own. */
  private async pages(
    address: number | undefined,
    held: RowRange,
    isWritten: (page: number) => boolean,
  ): Promise<void> {
    if (address === undefined || !this.isWanted(held)) return;
    const { elementBytes, pageElements } = this.header;
    const frame = await this.block(address, this.frameBytes() + CHECKSUM_BYTES, 'EADB');
    const first = address + frame.bytes.length;
    for (let page = 0, start = held.start; start < held.end; page++, start += pageElements) {
      const ofPage = { start, end: start + pageElements };
      if (!isWritten(page) || !this.isWanted(ofPage)) continue;
      const place = first + page * (pageElements * elementBytes + CHECKSUM_BYTES);
      await visitPage(this.bytes, place, ofPage, elementBytes, this.wanted, this.visit);
    }
  }

  /** Bytes of signature, version, client, the header's address and the block's own place. */
  private frameBytes(): number {
    return 6 + this.bytes.widths.offsetSize + Math.ceil(this.header.bits / 8);
  }

  private isWanted({ start, end }: RowRange): boolean {
    return start < this.wanted.end && end > this.wanted.start;
  }

  /** A whole block, its checksum compared. */
  private async block(address: number | undefined, length: number, signature: string): Promise<Hdf5Cursor> {
    const cursor = await this.bytes.block(address, length, WHAT);
    cursor.signature(signature, WHAT);
    cursor.at = length - CHECKSUM_BYTES;
    assertChecksum(cursor, WHAT);
    cursor.at = 6 + this.bytes.widths.offsetSize;
    return cursor;
  }

  private elements(cursor: Hdf5Cursor, held: RowRange): Promise<void> {
    return visitElements(cursor, held, this.header.elementBytes, this.wanted, this.visit);
  }
}
