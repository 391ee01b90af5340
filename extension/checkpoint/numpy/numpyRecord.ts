/** One record of an `.npz` archive as bytes that can be asked for in any order, stored or deflated. */
import { crc32, RunningCrc } from '../containers/crc32';
import type { InflatedRecord } from '../containers/inflatedRecord';
import type { ReadBytes } from './numpyHeader';
import type { ZipArchive, ZipEntry } from '../containers/zipArchive';

/** Records that are half inflated, kept for the band of rows that is asked for next. Each holds about 400 KB. */
const MAX_OPEN = 4;

/** The streams of an archive that are between two bands. */
export class OpenRecords {
  /** In order of last use, the oldest first. */
  private readonly idle = new Map<ZipEntry, InflatedRecord>();
  private closed = false;

  constructor(private readonly archive: ZipArchive) {}

  /** A stream that has not come to `start` yet. It belongs to the caller until it is given back. */
  async take(entry: ZipEntry, start: number, signal?: AbortSignal): Promise<InflatedRecord> {
    const open = this.idle.get(entry);
    if (open && open.position <= start) {
      this.idle.delete(entry);
      return open;
    }
    return this.archive.inflated(entry, signal);
  }

  giveBack(entry: ZipEntry, record: InflatedRecord): void {
    this.idle.get(entry)?.close();
    this.idle.delete(entry);
    if (this.closed || record.position === entry.size) {
      record.close();
      return;
    }
    this.idle.set(entry, record);
    for (const [oldest, stream] of [...this.idle].slice(0, -MAX_OPEN)) {
      stream.close();
      this.idle.delete(oldest);
    }
  }

  close(): void {
    this.closed = true;
    for (const record of this.idle.values()) record.close();
    this.idle.clear();
  }
}

export class NumpyRecord {
  private crc: RunningCrc;

  constructor(
    private readonly archive: ZipArchive,
    private readonly entry: ZipEntry,
    private readonly open: OpenRecords,
  ) {
    this.crc = new RunningCrc(entry.size);
  }

  /** What `parse` makes of the first bytes, asked for in order; the checksum of the elements goes on from them. */
  async header<T>(parse: (read: ReadBytes) => Promise<T>, signal?: AbortSignal): Promise<T> {
    let [crc, position] = [0, 0];
    const result = await parse(async (start, end) => {
      const bytes = await this.bytes(start, end, signal);
      crc = crc32(bytes, crc);
      position = end;
      return bytes;
    });
    this.crc = new RunningCrc(this.entry.size, position, crc);
    return result;
  }

  /**
   * Bytes [start, end) once inflated. If all have been asked for in order, their checksum is compared.
   *
   * @throws CheckpointError `corrupt`, `truncated`, `malformed`, `unsupported`, `changed`, `io`
   */
  async read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.bytes(start, end, signal);
    const crc = this.crc.add(bytes, start);
    if (crc !== undefined) this.archive.assertCrc(this.entry, crc);
    return bytes;
  }

  private async bytes(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { entry } = this;
    if (entry.stored) return this.archive.readRange(entry, start, end, signal);
    const record = await this.open.take(entry, start, signal);
    try {
      const bytes = await record.read(start, end - start, signal);
      this.open.giveBack(entry, record);
      return bytes;
    } catch (error) {
      record.close();
      throw error;
    }
  }
}
