/**
 * Walks a GGUF header: numbers and texts one after the other, in either byte order, out of a window that moves along
 * the file. What is passed over is not read.
 */
import { CheckpointError } from '../checkpointError';
import type { FileReader } from '../files/fileReader';
import { ReadWindow } from '../files/readWindow';
import { l10n } from '../../shared/language/l10n';

/** Read first: the header of a small model. Each further window is twice as long, up to the largest. */
const FIRST_WINDOW_BYTES = 64 * 1024;
const MAX_WINDOW_BYTES = 1024 * 1024;

/** Ten times the largest vocabularies with their merges, and what safetensors allows its headers. */
const MAX_HEADER_BYTES = 100_000_000;

export class GgufCursor {
  bigEndian = false;
  /** In the file, of what comes next; beyond the window's end where bytes were passed over. */
  offset = 0;
  private readonly window: ReadWindow;
  private windowBytes = FIRST_WINDOW_BYTES;
  private readBytes = 0;

  constructor(
    private readonly reader: FileReader,
    signal?: AbortSignal,
  ) {
    this.window = new ReadWindow(reader, signal);
  }

  get file(): string {
    return this.reader.path;
  }

  /** Bytes from here to the end of the file. */
  get left(): number {
    return this.reader.size - this.offset;
  }

  /** True where as many bytes can be taken without reading. */
  has(length: number): boolean {
    return this.window.holds(this.offset, length);
  }

  /**
   * Reads on where the window does not hold the next `length` bytes, which are few.
   *
   * @throws CheckpointError `truncated` where the file ends before them, `limit` where the header never ends
   */
  async need(length: number): Promise<void> {
    if (this.has(length)) return;
    if (length > this.left) throw this.truncated(length);
    if (this.readBytes > MAX_HEADER_BYTES) {
      const message = `the header is longer than ${MAX_HEADER_BYTES} bytes`;
      throw new CheckpointError('limit', message, { file: this.file, offset: this.offset });
    }
    const wanted = Math.min(Math.max(length, this.windowBytes), this.left);
    await this.window.load(this.offset, wanted);
    this.readBytes += wanted;
    this.windowBytes = Math.min(2 * this.windowBytes, MAX_WINDOW_BYTES);
  }

  /** @throws CheckpointError `truncated` where the file ends before */
  skip(length: number): void {
    if (length > this.left) throw this.truncated(length);
    this.offset += length;
  }

  /**
   * The next bytes, which the window holds, as long as it is not moved.
   *
   * @throws CheckpointError `truncated` where it does not: `need` was kept short by the end of the file
   */
  take(length: number): Buffer {
    const at = this.advance(length);
    return this.window.bytes.subarray(at, at + length);
  }

  /** As `take`. */
  uint32(): number {
    const at = this.advance(4);
    const { bytes } = this.window;
    return this.bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
  }

  /** As `take`. Beyond 2⁵³ only roughly, which is more than any file has bytes. */
  uint64(): number {
    const at = this.advance(8);
    const { bigEndian } = this;
    const { bytes } = this.window;
    const upper = bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at + 4);
    const lower = bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at);
    return upper * 2 ** 32 + lower;
  }

  /** A length in 8 bytes, then that many bytes; `maxBytes` of them are kept. */
  async text(maxBytes: number): Promise<string> {
    await this.need(8);
    const length = this.uint64();
    if (length > this.left) throw this.truncated(length);
    const kept = Math.min(length, maxBytes);
    await this.need(kept);
    const text = this.take(kept).toString('utf8');
    this.skip(length - kept);
    return kept < length ? `${text}… (${length} bytes)` : text;
  }

  /** Position in the window of bytes that are taken now. */
  private advance(length: number): number {
    if (!this.has(length)) throw this.truncated(length);
    const at = this.offset - this.window.start;
    this.offset += length;
    return at;
  }

  private truncated(length: number): CheckpointError {
    const message = l10n.english(
      'the header needs {0} more bytes, but the file ends at byte {1}',
      length,
      this.reader.size,
    );
    return new CheckpointError('truncated', message, { file: this.file, offset: this.offset });
  }
}
