/**
 * The bytes around one place of a file, kept so that many small fields cost one positioned read. For readers that walk
 * forwards: how much is read, and when, is theirs. Its reads end with the reader's signal.
 */
import type { ReadableBytes } from './fileBytes';

export class ReadWindow {
  /** What is held; empty before the first `load`. */
  bytes: Buffer<ArrayBuffer> = Buffer.alloc(0);
  /** In the file, of the first byte held. */
  start = 0;

  constructor(
    private readonly file: ReadableBytes,
    private readonly signal?: AbortSignal,
  ) {}

  /** In the file, behind the last byte held. */
  get end(): number {
    return this.start + this.bytes.length;
  }

  holds(offset: number, length: number): boolean {
    return offset >= this.start && offset + length <= this.start + this.bytes.length;
  }

  /** Holds these bytes in the place of those before. @throws CheckpointError as `FileReader.read`; AbortError */
  async load(offset: number, length: number): Promise<void> {
    const bytes = await this.file.read(offset, length, this.signal);
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.start = offset;
  }

  /** A view on bytes that are held. @throws RangeError where they are not, which is a fault of the caller */
  view(offset: number, length: number): Buffer<ArrayBuffer> {
    if (!this.holds(offset, length)) {
      throw new RangeError(`bytes ${offset} to ${offset + length} of a window from ${this.start} to ${this.end}`);
    }
    return this.bytes.subarray(offset - this.start, offset - this.start + length);
  }
}
