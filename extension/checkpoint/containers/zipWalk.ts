/**
 * The records of a zip archive in the order in which they were written, without the directory at its end: for an
 * archive that was cut short. Only records with a checksum behind or before their data count, so that nothing is shown
 * unchecked.
 */
import type { FileBytes } from '../files/fileBytes';
import type { OpeningBudget } from '../files/openingBudget';
import { ReadWindow } from '../files/readWindow';
import { LOCAL_HEADER, LOCAL_HEADER_BYTES, type ZipEntry } from './zipArchive';

/** `PK\7\8`, CRC, compressed size, size: behind the data where the local header has no sizes (flag 3). */
const DESCRIPTOR = Buffer.from([0x50, 0x4b, 0x07, 0x08]);
const DESCRIPTOR_BYTES = 16;
/** With sizes of 8 bytes. */
const WIDE_DESCRIPTOR_BYTES = 24;
const SIZES_FOLLOW = 1 << 3;
const ENCRYPTED = 1 << 0;

/** A local header with the longest name that a checkpoint uses. */
const HEADER_WINDOW_BYTES = 4096;

/** Read at once: records of small tensors come by the hundred. */
const WINDOW_BYTES = 64 * 1024;

/** What a record takes, and what may be the end of one. */
const RECORD_STEPS = 60;
const DESCRIPTOR_STEPS = 20;

/** A record of unknown size is searched for its end in windows of this many bytes. */
const SEARCH_BYTES = 4 * 1024 * 1024;

interface Extent {
  readonly size: number;
  readonly compressedSize: number;
  readonly crc32: number;
  /** Byte after the record. */
  readonly end: number;
}

export class ZipWalk {
  /** Offset of the next record: what was walked ends there. */
  position = 0;

  private readonly window: ReadWindow;

  constructor(
    private readonly file: FileBytes,
    private readonly budget: OpeningBudget,
    signal: AbortSignal | undefined,
  ) {
    this.window = new ReadWindow(file, signal);
  }

  /**
   * The next record; undefined where none follows that is there in full.
   *
   * @param sizeOf bytes of a record's data where they are known otherwise; a wrong size ends the walk
   * @throws CheckpointError `changed`, `io`
   */
  async next(sizeOf: (name: string) => number | undefined = () => undefined): Promise<ZipEntry | undefined> {
    const begun = await this.begun();
    if (!begun) return undefined;
    const { header, start, name, stored } = begun;
    const follows = (header.readUInt16LE(6) & SIZES_FOLLOW) !== 0;
    const extent = follows ? await this.described(start, sizeOf(name)) : declared(header, start);
    if (!extent || extent.end > this.file.size) return undefined;
    const localHeader = this.position;
    const { end, ...sizes } = extent;
    this.position = end;
    return { name, ...sizes, stored, localHeader };
  }

  /**
   * The remains of the record that `next` did not give because it is not complete, as if it ended with the file.
   * Undefined if not even its name is there, or if it is compressed.
   *
   * @throws CheckpointError `changed`, `io`
   */
  async remainder(): Promise<ZipEntry | undefined> {
    const begun = await this.begun();
    if (!begun?.stored || begun.start >= this.file.size) return undefined;
    const size = this.file.size - begun.start;
    const { name, stored } = begun;
    return { name, size, compressedSize: size, crc32: undefined, stored, localHeader: this.position };
  }

  /** The local header at `position`, and where its data starts. */
  private async begun(): Promise<{ header: Buffer; start: number; name: string; stored: boolean } | undefined> {
    this.budget.step(RECORD_STEPS);
    const header = await this.read(this.position, HEADER_WINDOW_BYTES);
    if (header.length < LOCAL_HEADER_BYTES || header.readUInt32LE(0) !== LOCAL_HEADER) return undefined;
    const [flags, method] = [header.readUInt16LE(6), header.readUInt16LE(8)];
    const [nameLength, extraLength] = [header.readUInt16LE(26), header.readUInt16LE(28)];
    if ((flags & ENCRYPTED) !== 0 || LOCAL_HEADER_BYTES + nameLength > header.length) return undefined;
    const name = header.toString('utf8', LOCAL_HEADER_BYTES, LOCAL_HEADER_BYTES + nameLength);
    const start = this.position + LOCAL_HEADER_BYTES + nameLength + extraLength;
    return { header, start, name, stored: method === 0 };
  }

  /** Extent of data that a descriptor follows. */
  private async described(start: number, size: number | undefined): Promise<Extent | undefined> {
    if (size !== undefined) return this.descriptorAt(start, size);
    // Windows overlap by what a signature on their border needs.
    for (let from = start; from < this.file.size; from += SEARCH_BYTES - DESCRIPTOR.length + 1) {
      const window = await this.read(from, SEARCH_BYTES);
      for (let at = window.indexOf(DESCRIPTOR); at >= 0; at = window.indexOf(DESCRIPTOR, at + 1)) {
        const extent = await this.descriptorAt(start, from - start + at);
        if (extent) return extent;
      }
    }
    return undefined;
  }

  /** The descriptor behind `size` bytes of data, if it is one and says so too. */
  private async descriptorAt(start: number, compressedSize: number): Promise<Extent | undefined> {
    this.budget.step(DESCRIPTOR_STEPS);
    const at = start + compressedSize;
    const bytes = await this.read(at, WIDE_DESCRIPTOR_BYTES);
    if (bytes.length < DESCRIPTOR_BYTES || !bytes.subarray(0, 4).equals(DESCRIPTOR)) return undefined;
    const crc32 = bytes.readUInt32LE(4);
    const sizes = sizesOf(bytes, compressedSize);
    return sizes && { size: sizes.size, compressedSize, crc32, end: at + sizes.length };
  }

  /** Bytes that are there from `start` on, at most `length`. */
  private async read(start: number, length: number): Promise<Buffer> {
    const end = Math.min(start + length, this.file.size);
    if (end <= start) return Buffer.alloc(0);
    if (!this.window.holds(start, end - start)) {
      await this.window.load(start, Math.min(Math.max(length, WINDOW_BYTES), this.file.size - start));
    }
    return this.window.view(start, end - start);
  }
}

/**
 * Size of the data as its descriptor has it, and the descriptor's length. Nothing says whether sizes have 4 or 8 bytes,
 * but the upper half of the larger ones is 0, and what is not empty does not come from nothing.
 */
function sizesOf(descriptor: Buffer, compressedSize: number): { size: number; length: number } | undefined {
  if (descriptor.length === WIDE_DESCRIPTOR_BYTES && Number(descriptor.readBigUInt64LE(8)) === compressedSize) {
    const size = Number(descriptor.readBigUInt64LE(16));
    if (compressedSize > 0 || size === 0) return { size, length: WIDE_DESCRIPTOR_BYTES };
  }
  const size = descriptor.readUInt32LE(12);
  const fits = descriptor.readUInt32LE(8) === compressedSize && (compressedSize === 0) === (size === 0);
  return fits ? { size, length: DESCRIPTOR_BYTES } : undefined;
}

/** Sizes from the local header; those of zip64, which are elsewhere, are beyond any file and end the walk. */
function declared(header: Buffer, start: number): Extent {
  const compressedSize = header.readUInt32LE(18);
  return {
    size: header.readUInt32LE(22),
    compressedSize,
    crc32: header.readUInt32LE(14),
    end: start + compressedSize,
  };
}
