/**
 * Zip archives read by position: the central directory once, then only the local headers and bytes that are asked
 * for, so that a multi-gigabyte archive opens as fast as a small one. Parsing of the directory (zip64 too) is yauzl's.
 *
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import { inflateRaw } from 'node:zlib';
import { promisify } from 'node:util';
import { fromRandomAccessReader, RandomAccessReader, type Entry, type ZipFile } from 'yauzl';
import { CheckpointError } from '../checkpointError';
import { crc32 } from './crc32';
import type { FileBytes } from '../files/fileBytes';
import { OpeningBudget } from '../files/openingBudget';
import { ReadWindow } from '../files/readWindow';
import { InflatedRecord } from './inflatedRecord';
import { l10n } from '../../shared/language/l10n';

/** A checkpoint has one record a tensor, and the largest some 100 000: more take seconds. */
const MAX_ENTRIES = 250_000;

/** What a record of the directory takes. */
const ENTRY_STEPS = 30;
const ENTRY_BYTES = 350;

/** Bytes stored for an entry beside its name: in the directory, and in front of its data. */
const STORED_ENTRY_BYTES = 46 + 30;

/** Central directory entries are read through a window of this many bytes, not 46 at a time. */
const WINDOW_BYTES = 1024 * 1024;

/** An entry is read in pieces of this many bytes for its CRC. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Signature of a local file header, and its fixed part. */
export const LOCAL_HEADER = 0x04034b50;
export const LOCAL_HEADER_BYTES = 30;

/** Signature of the directory's end, with which an empty archive begins. */
const DIRECTORY_END = 0x06054b50;

/** Deflate makes no more than this of one byte. @see https://zlib.net/zlib_tech.html */
const MAX_INFLATION = 1032;

const inflate = promisify(inflateRaw);

/** True where a file that begins with these bytes is a zip archive. */
export function isZip(head: Uint8Array): boolean {
  if (head.length < 4) return false;
  const signature = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  return signature === LOCAL_HEADER || signature === DIRECTORY_END;
}

/** Name of the first record of a zip archive, as far as it is in these bytes. */
export function firstRecord(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = LOCAL_HEADER_BYTES;
  return head.length < start ? '' : head.toString('utf8', start, start + head.readUInt16LE(26));
}

export interface Refusal {
  readonly code: 'truncated' | 'malformed' | 'unsupported';
  readonly reason: string;
}

export interface ZipEntry {
  readonly name: string;
  /** Bytes once decoded, as the directory declares them. */
  readonly size: number;
  /** Bytes in the archive. */
  readonly compressedSize: number;
  /** Undefined for a record that was cut short: nothing is left to check it against. */
  readonly crc32: number | undefined;
  /** Stored entries can be read in ranges, deflated ones only whole. */
  readonly stored: boolean;
  /** Why it can't be read at all. */
  readonly refused?: Refusal;
  readonly localHeader: number;
}

export class ZipArchive {
  private readonly dataStarts = new Map<ZipEntry, number>();
  private readonly verified = new Map<ZipEntry, Promise<void>>();

  private constructor(
    private readonly file: FileBytes,
    /** By name, in directory order. If entries share a name, the first is here, marked `refused`. */
    readonly entries: ReadonlyMap<string, ZipEntry>,
  ) {}

  /**
   * Reads the central directory.
   *
   * @param budget what the opening of the file may cost
   * @throws CheckpointError `truncated` where there is no complete directory, `malformed`, `limit`, `unsupported`
   */
  static async open(file: FileBytes, signal?: AbortSignal, budget = new OpeningBudget(file.path)): Promise<ZipArchive> {
    const found = await readDirectory(file, budget, signal);
    return new ZipArchive(file, checkEntries(found, file.size));
  }

  /** An archive whose records are known without its directory. */
  static of(file: FileBytes, entries: readonly ZipEntry[]): ZipArchive {
    return new ZipArchive(file, checkEntries(entries, file.size));
  }

  /**
   * Bytes [start, end) of a stored entry's data; not checked against its CRC.
   *
   * @throws CheckpointError `truncated`, `malformed`, `unsupported`, `changed`, `io`
   */
  async readRange(entry: ZipEntry, start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (!entry.stored) throw this.error('unsupported', entry, 'is compressed and cannot be read in parts');
    if (end > entry.size) {
      throw this.error('truncated', entry, `has ${entry.size} bytes, but bytes up to ${end} are needed`);
    }
    return this.file.read((await this.dataStart(entry, signal)) + start, end - start, signal);
  }

  /**
   * A whole entry, inflated where needed, checked against its CRC.
   *
   * @param limit largest size accepted, in bytes, whatever the entry declares
   * @throws CheckpointError as `readRange`, `limit`, `corrupt`
   */
  async readWhole(entry: ZipEntry, limit: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.readUnchecked(entry, limit, signal);
    this.assertCrc(entry, crc32(bytes));
    return bytes;
  }

  /** As `readWhole`, but whatever the CRC: `assertCrc` is the caller's. */
  async readUnchecked(entry: ZipEntry, limit: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (entry.size > limit || entry.compressedSize > limit) {
      throw this.error('limit', entry, `declares ${entry.size} bytes; at most ${limit} are read`);
    }
    const packed = await this.file.read(await this.dataStart(entry, signal), entry.compressedSize, signal);
    const bytes = entry.stored ? packed : await this.inflate(entry, packed);
    if (bytes.length !== entry.size) {
      throw this.error('corrupt', entry, `holds ${bytes.length} bytes where the archive declares ${entry.size}`);
    }
    return bytes;
  }

  /** @throws CheckpointError `corrupt` where `crc` is not the one that the archive declares */
  assertCrc(entry: ZipEntry, crc: number): void {
    if (entry.crc32 === undefined || crc === entry.crc32) return;
    throw this.error('corrupt', entry, 'does not match its checksum (CRC-32)');
  }

  /**
   * Reads a stored entry and compares its CRC, once for all callers.
   *
   * @throws CheckpointError as `readRange`, `corrupt`
   */
  async verify(entry: ZipEntry, signal?: AbortSignal): Promise<void> {
    const verified = this.verified.get(entry) ?? this.check(entry, signal);
    this.verified.set(entry, verified);
    try {
      await verified;
    } catch (error) {
      // After another error it is not known to be sound or not: it is read again.
      const known = error instanceof CheckpointError && error.code === 'corrupt';
      if (!known && this.verified.get(entry) === verified) this.verified.delete(entry);
      if (error instanceof CheckpointError || signal?.aborted) throw error;
      // Another one's request was cancelled.
      await this.verify(entry, signal);
    }
  }

  private async check(entry: ZipEntry, signal?: AbortSignal): Promise<void> {
    if (entry.crc32 === undefined) return;
    let crc = 0;
    for (let start = 0; start < entry.size; start += PIECE_BYTES) {
      crc = crc32(await this.readRange(entry, start, Math.min(start + PIECE_BYTES, entry.size), signal), crc);
    }
    this.assertCrc(entry, crc);
  }

  /**
   * A deflated entry as a stream of inflated bytes, not checked against its CRC; the caller closes it.
   *
   * @throws CheckpointError as `readRange`
   */
  async inflated(entry: ZipEntry, signal?: AbortSignal): Promise<InflatedRecord> {
    const start = await this.dataStart(entry, signal);
    const { size, compressedSize } = entry;
    const read = (from: number, to: number): Promise<Uint8Array> => this.file.read(start + from, to - from);
    return new InflatedRecord({ size, compressedSize, read }, (reason, cause) =>
      this.error('corrupt', entry, reason, cause),
    );
  }

  private async inflate(entry: ZipEntry, packed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    try {
      // One byte more than declared is enough to notice that it is longer.
      const inflated = await inflate(packed, { maxOutputLength: entry.size + 1 });
      return new Uint8Array(inflated.buffer, inflated.byteOffset, inflated.length);
    } catch (cause) {
      throw this.error('corrupt', entry, 'cannot be decompressed to the declared size', cause);
    }
  }

  /**
   * Offset of the entry's data, which only its local header tells.
   *
   * @throws CheckpointError as `readRange`
   */
  async dataStart(entry: ZipEntry, signal?: AbortSignal): Promise<number> {
    const known = this.dataStarts.get(entry);
    if (known !== undefined) return known;
    if (entry.refused) throw this.error(entry.refused.code, entry, entry.refused.reason);
    const nameBytes = Buffer.byteLength(entry.name);
    const available = Math.min(LOCAL_HEADER_BYTES + nameBytes, this.file.size - entry.localHeader);
    const bytes = Buffer.from((await this.file.read(entry.localHeader, available, signal)).buffer);
    if (bytes.length < LOCAL_HEADER_BYTES || bytes.readUInt32LE(0) !== LOCAL_HEADER) {
      throw this.error('malformed', entry, 'has no local header where the archive says it starts');
    }
    const nameLength = bytes.readUInt16LE(26);
    const localName = bytes.toString('utf8', LOCAL_HEADER_BYTES, LOCAL_HEADER_BYTES + nameLength);
    if (nameLength === nameBytes && localName !== entry.name) {
      throw this.error('malformed', entry, 'is called differently in its local header');
    }
    const start = entry.localHeader + LOCAL_HEADER_BYTES + nameLength + bytes.readUInt16LE(28);
    if (start + entry.compressedSize > this.file.size) {
      throw this.error('truncated', entry, `promises data up to byte ${start + entry.compressedSize}`);
    }
    this.dataStarts.set(entry, start);
    return start;
  }

  private error(
    code: 'truncated' | 'malformed' | 'corrupt' | 'limit' | 'unsupported',
    entry: ZipEntry,
    message: string,
    cause?: unknown,
  ): CheckpointError {
    return new CheckpointError(code, `the archive's record "${entry.name}" ${message}`, {
      file: this.file.path,
      offset: entry.localHeader,
      ...(cause !== undefined && { cause }),
    });
  }
}

/** Lets yauzl read through a `FileBytes`: only its `read` is used, never a stream. */
class WindowedReader extends RandomAccessReader {
  private readonly window: ReadWindow;
  /** The reader's own error, clearer than the text that yauzl makes of it. */
  failure: Error | undefined;
  /** Called where yauzl itself throws in a callback, which nothing would catch otherwise. */
  crashed: (error: unknown) => void = () => undefined;

  constructor(
    private readonly file: FileBytes,
    signal: AbortSignal | undefined,
  ) {
    super();
    this.window = new ReadWindow(file, signal);
  }

  override read(
    target: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.fill(length, position)
      .then(
        () => callback(null, this.window.view(position, length).copy(target, offset)),
        (error: unknown) => {
          const failure = error instanceof Error ? error : new Error(String(error));
          this.failure ??= failure;
          callback(failure);
        },
      )
      .catch((error: unknown) => this.crashed(error));
  }

  private async fill(length: number, position: number): Promise<void> {
    if (this.window.holds(position, length)) return;
    // Never less than is asked for: beyond the end of the file, reading says so.
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), Math.max(length, this.file.size - position));
    await this.window.load(position, wanted);
  }
}

async function readDirectory(file: FileBytes, budget: OpeningBudget, signal?: AbortSignal): Promise<ZipEntry[]> {
  const reader = new WindowedReader(file, signal);
  try {
    // Names are taken as they are: nothing is ever extracted, so a name with `..` does no harm.
    const zip = await new Promise<ZipFile>((resolve, reject) => {
      reader.crashed = reject;
      const options = { lazyEntries: true, autoClose: false, decodeStrings: false, validateEntrySizes: false };
      fromRandomAccessReader(reader, file.size, options, (error, opened) => {
        if (error) reject(error);
        else resolve(opened);
      });
    });
    if (zip.entryCount > MAX_ENTRIES) {
      const message = `its zip directory declares ${zip.entryCount} records; at most ${MAX_ENTRIES} are read`;
      throw new CheckpointError('limit', message, { file: file.path });
    }
    budget.step(zip.entryCount * ENTRY_STEPS);
    budget.take(zip.entryCount * ENTRY_BYTES);
    return await new Promise<ZipEntry[]>((resolve, reject) => {
      const entries: ZipEntry[] = [];
      reader.crashed = reject;
      zip.on('error', reject);
      zip.on('end', () => resolve(entries));
      zip.on('entry', (entry: Entry) => {
        entries.push(zipEntry(entry));
        budget.bring(STORED_ENTRY_BYTES + 2 * entry.fileNameRaw.length);
        zip.readEntry();
      });
      zip.readEntry();
    });
  } catch (error) {
    if (signal?.aborted || error instanceof CheckpointError) throw error;
    if (reader.failure) throw reader.failure;
    const text = error instanceof Error ? error.message : String(error);
    if (/end of central directory|comment length/i.test(text)) {
      const message = l10n.english('the zip directory at its end is missing: the file is incomplete');
      throw new CheckpointError('truncated', message, { file: file.path, cause: error });
    }
    throw new CheckpointError('malformed', l10n.english('its zip directory is damaged ({0})', text), {
      file: file.path,
      cause: error,
    });
  }
}

function zipEntry(raw: Entry): ZipEntry {
  const refused = refusalOf(raw);
  return {
    // With `decodeStrings: false` yauzl's `fileName` is a Buffer, unlike its type says.
    name: raw.fileNameRaw.toString('utf8'),
    size: raw.uncompressedSize,
    compressedSize: raw.compressedSize,
    crc32: raw.crc32,
    stored: raw.compressionMethod === 0,
    localHeader: raw.relativeOffsetOfLocalHeader,
    ...(refused && { refused }),
  };
}

/** Marks entries that cannot be trusted: shared names, data over other entries or outside of the file. */
function checkEntries(found: readonly ZipEntry[], fileSize: number): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  const refusals = new Map<ZipEntry, Refusal>();
  for (const entry of found) {
    const first = entries.get(entry.name);
    if (first) refusals.set(first, malformed('occurs more than once in the archive'));
    else entries.set(entry.name, entry);
  }
  const inOrder = found.toSorted((a, b) => a.localHeader - b.localHeader);
  for (const [i, entry] of inOrder.entries()) {
    const end = entry.localHeader + LOCAL_HEADER_BYTES + entry.compressedSize;
    const next = inOrder[i + 1];
    if (end > fileSize) {
      const reason = `promises data up to byte ${end}, but the file ends at byte ${fileSize}`;
      refusals.set(entry, { code: 'truncated', reason });
    } else if (next && end > next.localHeader) {
      refusals.set(entry, malformed(`overlaps the record "${next.name}"`));
      refusals.set(next, malformed(`overlaps the record "${entry.name}"`));
    }
  }
  for (const [entry, refused] of refusals) {
    if (entries.get(entry.name) === entry) entries.set(entry.name, { ...entry, refused });
  }
  return entries;
}

function malformed(reason: string): Refusal {
  return { code: 'malformed', reason };
}

function refusalOf(raw: Entry): Refusal | undefined {
  if (raw.isEncrypted()) return { code: 'unsupported', reason: 'is encrypted' };
  if (raw.compressionMethod !== 0 && raw.compressionMethod !== 8) {
    const reason = `uses compression method ${raw.compressionMethod}; only stored and deflated records are read`;
    return { code: 'unsupported', reason };
  }
  if (raw.compressionMethod === 0 && raw.compressedSize !== raw.uncompressedSize) {
    return malformed(`is stored, yet declares two sizes (${raw.compressedSize} and ${raw.uncompressedSize} bytes)`);
  }
  if (raw.uncompressedSize > MAX_INFLATION * (raw.compressedSize + 1)) {
    return malformed(`declares ${raw.uncompressedSize} bytes, more than its ${raw.compressedSize} can be inflated to`);
  }
  if (!Number.isSafeInteger(raw.uncompressedSize) || !Number.isSafeInteger(raw.compressedSize)) {
    return malformed('declares a size beyond 2^53 bytes');
  }
  return undefined;
}
