/**
 * Tables of a FlatBuffer that lies in a file, read by position in small pages; few of them are kept. Every library for
 * the format wants the whole buffer in memory, which for a model means its weights: that is why this reader exists. Its
 * pages are no `ReadWindow`: tables point to and fro, and are looked at without waiting.
 *
 * Offsets point forwards only, so that no chain of them ends where it began. What they point at may still overlap, or
 * be the same thing many times: a caller that walks vectors must bound the number of tables visited.
 *
 * @see https://flatbuffers.dev/internals/
 */
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import type { FileReader } from '../files/fileReader';

/** One read: tables lie beside their names and shapes, in most files some dozen on a page. */
const PAGE_BYTES = 16 * 1024;

/** Pages kept from one task to the next, a megabyte: tables everywhere in the file share their lists of fields. */
const MAX_PAGES = 64;

/** A vector in the file. */
export interface FlatVector {
  /** Offset of its first element. */
  readonly start: number;
  /** Elements. */
  readonly length: number;
}

/** Ends a task that needs bytes which are not in memory. */
class BytesMissing extends Error {
  override readonly name = 'BytesMissing';
  constructor(
    readonly offset: number,
    readonly length: number,
  ) {
    super(`${length} bytes at ${offset}`);
  }
}

/** All methods but `run` are for tasks that `run` runs. */
export class FlatbufferReader {
  /** By number; that which was read first goes first. */
  private readonly pages = new Map<number, Uint8Array<ArrayBuffer>>();
  /** What lies on several pages, by its offset. */
  private readonly stretches = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(
    readonly file: FileReader,
    private readonly signal?: AbortSignal,
  ) {}

  /**
   * The result of a task that looks at a few tables. If it needs bytes that are not in memory, they are read and it
   * begins anew: tables are looked at a hundred times as fast as if each look might have to wait.
   *
   * @param task leaves nothing behind when it throws
   * @throws what it throws; CheckpointError as `FileReader.read`
   */
  async run<T>(task: () => T): Promise<T> {
    try {
      for (;;) {
        try {
          return task();
        } catch (error) {
          if (!(error instanceof BytesMissing)) throw error;
          await this.load(error);
        }
      }
    } finally {
      // Not before: what a task needs is all there at the end.
      this.forget();
    }
  }

  /** The table that the buffer begins with. @throws as `table` */
  root(): FlatTable {
    return this.table(this.referenceAt(0));
  }

  /**
   * @throws CheckpointError `malformed` where its field list is no such list, `truncated` where it or the list is beyond
   *   the file's end
   */
  table(at: number): FlatTable {
    const listAt = at - this.view(at, 4).getInt32(0, true);
    if (listAt < 0) throw this.malformed(`has a table whose field list would begin at byte ${listAt}`, at);
    const head = this.view(listAt, 4);
    const [listBytes, tableBytes] = [head.getUint16(0, true), head.getUint16(2, true)];
    if (listBytes < 4 || listBytes % 2 !== 0 || tableBytes < 4) {
      throw this.malformed(`has a table of ${tableBytes} bytes with a field list of ${listBytes} bytes`, at);
    }
    return new FlatTable(this, at, this.view(listAt, listBytes), this.view(at, tableBytes));
  }

  /** @throws CheckpointError `truncated` where its elements are not all in the file */
  vector(at: number, elementBytes: number): FlatVector {
    const length = this.view(at, 4).getUint32(0, true);
    const start = at + 4;
    if (start + length * elementBytes > this.file.size) throw this.truncated(at, start + length * elementBytes);
    return { start, length };
  }

  /** Element `index` of a vector of tables. @throws as `table` */
  element(vector: FlatVector, index: number): FlatTable {
    return this.table(this.referenceAt(vector.start + 4 * index));
  }

  /** The UTF-8 text of a string. @throws CheckpointError `limit` beyond `maxBytes` */
  text(at: number, maxBytes: number): string {
    const { start, length } = this.vector(at, 1);
    if (length > maxBytes) {
      throw this.error('limit', `has a text of ${length} bytes; more than ${maxBytes} are not read`, at);
    }
    return decoder.decode(this.view(start, length));
  }

  /** A vector of 32-bit integers. @throws CheckpointError `limit` beyond `maxLength` */
  int32s(at: number, maxLength: number): number[] {
    const { start, length } = this.vector(at, 4);
    if (length > maxLength) {
      throw this.error('limit', `has a list of ${length} numbers; more than ${maxLength} are not read`, at);
    }
    const view = this.view(start, 4 * length);
    return Array.from({ length }, (_, i) => view.getInt32(4 * i, true));
  }

  /** Element `index` of a vector of 32-bit integers; undefined beyond its end. */
  int32({ start, length }: FlatVector, index: number): number | undefined {
    return index < length ? this.view(start + 4 * index, 4).getInt32(0, true) : undefined;
  }

  malformed(what: string, offset: number): CheckpointError {
    return this.error('malformed', what, offset);
  }

  error(code: CheckpointErrorCode, what: string, offset: number): CheckpointError {
    return new CheckpointError(code, what, { file: this.file.path, offset });
  }

  /** What the unsigned offset at this place points to. */
  private referenceAt(at: number): number {
    const offset = this.view(at, 4).getUint32(0, true);
    if (offset === 0) throw this.malformed('has an offset that points to itself', at);
    return at + offset;
  }

  /** @throws CheckpointError `truncated` where the bytes are not all in the file */
  private view(offset: number, length: number): DataView {
    if (offset + length > this.file.size) throw this.truncated(offset, offset + length);
    const number = Math.floor(offset / PAGE_BYTES);
    const within = offset - number * PAGE_BYTES;
    if (within + length <= PAGE_BYTES) {
      const page = this.pages.get(number);
      if (page) return new DataView(page.buffer, within, length);
    } else {
      const stretch = this.stretches.get(offset);
      if (stretch && stretch.length >= length) return new DataView(stretch.buffer, 0, length);
    }
    throw new BytesMissing(offset, length);
  }

  private async load({ offset, length }: BytesMissing): Promise<void> {
    const number = Math.floor(offset / PAGE_BYTES);
    const start = number * PAGE_BYTES;
    if (offset + length > start + PAGE_BYTES) {
      this.stretches.set(offset, await this.file.read(offset, length, this.signal));
    } else {
      this.pages.set(number, await this.file.read(start, Math.min(PAGE_BYTES, this.file.size - start), this.signal));
    }
  }

  private forget(): void {
    this.stretches.clear();
    for (const number of this.pages.keys()) {
      if (this.pages.size <= MAX_PAGES) return;
      this.pages.delete(number);
    }
  }

  private truncated(offset: number, end: number): CheckpointError {
    const message = `the file ends at byte ${this.file.size}, but promises data up to byte ${end}`;
    return this.error('truncated', message, offset);
  }
}

/** Fields by their numbers, those of a schema in order of declaration; one that is not stored has its default. */
export class FlatTable {
  constructor(
    private readonly reader: FlatbufferReader,
    readonly at: number,
    private readonly list: DataView,
    private readonly bytes: DataView,
  ) {}

  int8(field: number): number {
    const at = this.place(field, 1);
    return at === 0 ? 0 : this.bytes.getInt8(at);
  }

  uint8(field: number): number {
    const at = this.place(field, 1);
    return at === 0 ? 0 : this.bytes.getUint8(at);
  }

  int32(field: number, byDefault = 0): number {
    const at = this.place(field, 4);
    return at === 0 ? byDefault : this.bytes.getInt32(at, true);
  }

  uint32(field: number): number {
    const at = this.place(field, 4);
    return at === 0 ? 0 : this.bytes.getUint32(at, true);
  }

  /** Beyond 2⁵³ only roughly, which is more than any file has bytes. */
  uint64(field: number): number {
    const at = this.place(field, 8);
    return at === 0 ? 0 : Number(this.bytes.getBigUint64(at, true));
  }

  /** The place of a table, a vector or a string; undefined if there is none. */
  reference(field: number): number | undefined {
    const at = this.place(field, 4);
    if (at === 0) return undefined;
    const offset = this.bytes.getUint32(at, true);
    if (offset === 0) throw this.reader.malformed('has an offset that points to itself', this.at + at);
    return this.at + at + offset;
  }

  /** A field's place in the table, 0 where it is not stored. @throws CheckpointError `malformed` outside the table */
  private place(field: number, size: number): number {
    const slot = 4 + 2 * field;
    if (slot + 2 > this.list.byteLength) return 0;
    const at = this.list.getUint16(slot, true);
    if (at !== 0 && (at < 4 || at + size > this.bytes.byteLength)) {
      const message = `has a field at byte ${at} of a table of ${this.bytes.byteLength} bytes`;
      throw this.reader.malformed(message, this.at);
    }
    return at;
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
