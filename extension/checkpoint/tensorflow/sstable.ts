/**
 * LevelDB's table format: sorted keys and values in blocks, each with a checksum, some compressed, and behind them an
 * index of the blocks. TensorFlow keeps in one what its checkpoints hold.
 *
 * @see https://github.com/google/leveldb/blob/main/doc/table_format.md
 */
import { CheckpointError } from '../checkpointError';
import { crc32c, unmaskedCrc } from './crc32c';
import type { FileReader } from '../files/fileReader';
import type { Span } from '../containers/protobufReader';
import { decompressSnappy, SnappyError } from './snappy';

/** Two handles of at most 20 bytes each, padded, and the magic number. */
const FOOTER_BYTES = 48;
const MAGIC = Buffer.from('57fb808b247547db', 'hex');

/** Behind every block: how it is compressed, and its checksum. */
const TRAILER_BYTES = 5;

const COMPRESSION = { none: 0, snappy: 1 } as const;

/** A block is closed once it has 256 KiB; a single large value can make it longer, and bundles have none of megabytes. */
const MAX_BLOCK_BYTES = 16 * 1024 * 1024;

/** As stored and decompressed, all together: twice the entries of 100 000 tensors. */
const MAX_TABLE_BYTES = 32_000_000;

/** Each is one read; at LevelDB's own 4 KiB a block this many hold the entries of 250 000 tensors. */
const MAX_BLOCKS = 10_000;

/** Longest key; and all together, as a key repeats what the one before it began with in a few bytes. */
const MAX_KEY_BYTES = 65_536;
const MAX_ALL_KEY_BYTES = 50_000_000;

/** 64 bits in groups of seven. */
const MAX_VARINT_BYTES = 10;

export interface TableEntry {
  readonly key: Buffer;
  /** In the block's bytes. */
  readonly value: Span;
  /** In the file: of the value, or of its block where that is compressed. */
  readonly offset: number;
}

interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

/** Bytes of keys that may still be read, of `MAX_ALL_KEY_BYTES`. */
interface KeyBudget {
  left: number;
}

export class TableBlock {
  constructor(
    readonly file: string,
    readonly bytes: Uint8Array,
    private readonly offset: number,
    private readonly compressed: boolean,
    private readonly budget: KeyBudget,
  ) {}

  /** @throws CheckpointError `malformed`, `limit`, behind the entries before the damage */
  *entries(): Generator<TableEntry> {
    const end = this.entriesEnd();
    const cursor = new VarintCursor(this.bytes, end, (message) => this.error('malformed', message));
    let key = Buffer.alloc(0);
    while (cursor.position < end) {
      const shared = cursor.varint();
      const own = cursor.varint();
      const length = cursor.varint();
      const start = cursor.position + own;
      if (shared > key.length) throw this.error('malformed', `repeats ${shared} bytes of a key of ${key.length}`);
      if (start + length > end) throw this.error('malformed', 'has an entry that runs beyond its end');
      const size = shared + own;
      if (size > MAX_KEY_BYTES) {
        throw this.error('limit', `has a key of ${size} bytes, more than the limit of ${MAX_KEY_BYTES}`);
      }
      if ((this.budget.left -= size) < 0) {
        throw this.error('limit', `has keys of more than ${MAX_ALL_KEY_BYTES} bytes together with those before it`);
      }
      key = Buffer.concat([key.subarray(0, shared), this.bytes.subarray(cursor.position, start)]);
      cursor.position = start + length;
      yield {
        key,
        value: { start, end: start + length },
        offset: this.offset + (this.compressed ? 0 : start),
      };
    }
  }

  /** @throws CheckpointError `malformed` */
  handle(value: Span): BlockHandle {
    return readHandle(
      new VarintCursor(this.bytes.subarray(0, value.end), value.end, (message) => this.error('malformed', message)),
      value.start,
    );
  }

  /** Behind the entries lie the places of keys written in full, which only a search needs, and their count. */
  private entriesEnd(): number {
    const { bytes } = this;
    const count =
      bytes.length < 4 ? NaN : new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
    const end = bytes.length - 4 - 4 * count;
    if (!(end >= 0)) throw this.error('malformed', 'has a list of restarts that is longer than itself');
    return end;
  }

  private error(code: 'malformed' | 'limit', what: string): CheckpointError {
    return new CheckpointError(code, `the block of the index ${what}`, { file: this.file, offset: this.offset });
  }
}

/**
 * Calls `visit` with every block of entries, in order. What is wrong with one block, in its bytes or for `visit`, goes to
 * `onDamage`, and the next one follows.
 *
 * @throws CheckpointError `unknown-format` where it is no table; `truncated`, `corrupt`, `malformed`, `limit` where its
 *   blocks cannot be found; what `FileReader.read` throws
 */
export async function readTable(
  file: FileReader,
  visit: (block: TableBlock) => Promise<void>,
  onDamage: (error: CheckpointError) => void,
  signal?: AbortSignal,
): Promise<void> {
  const budget: KeyBudget = { left: MAX_ALL_KEY_BYTES };
  const indexHandle = await readFooter(file, signal);
  const index = await readBlock(file, indexHandle, budget, signal);
  let [end, count, total] = [0, 0, 0];
  for (const { value, offset } of index.entries()) {
    const handle = index.handle(value);
    if (handle.offset < end || handle.offset + handle.size + TRAILER_BYTES > indexHandle.offset) {
      const message = `places a block at byte ${handle.offset}, on top of another one`;
      throw new CheckpointError('malformed', message, { file: file.path, offset });
    }
    end = handle.offset + handle.size + TRAILER_BYTES;
    // Before it is read: one that is damaged has taken its time, too.
    total += handle.size;
    if (++count > MAX_BLOCKS || total > MAX_TABLE_BYTES) {
      const message = `consists of more than ${MAX_BLOCKS} blocks or ${MAX_TABLE_BYTES} bytes`;
      throw new CheckpointError('limit', message, { file: file.path, offset });
    }
    try {
      const block = await readBlock(file, handle, budget, signal);
      total += block.bytes.length - handle.size;
      await visit(block);
    } catch (error) {
      if (!isDamage(error)) throw error;
      onDamage(error);
    }
  }
}

/** True for what is wrong with bytes, as opposed to reading them. */
function isDamage(error: unknown): error is CheckpointError {
  return error instanceof CheckpointError && ['corrupt', 'malformed', 'unsupported', 'limit'].includes(error.code);
}

async function readFooter(file: FileReader, signal?: AbortSignal): Promise<BlockHandle> {
  const start = file.size - FOOTER_BYTES;
  const footer = start < 0 ? undefined : await file.read(start, FOOTER_BYTES, signal);
  if (!footer || MAGIC.compare(footer, FOOTER_BYTES - MAGIC.length) !== 0) {
    const message = 'does not end as the index of a TensorFlow checkpoint does: it was cut short, or is something else';
    throw new CheckpointError('unknown-format', message, { file: file.path, offset: Math.max(0, start) });
  }
  const cursor = new VarintCursor(footer, FOOTER_BYTES - MAGIC.length, (message) => {
    return new CheckpointError('malformed', `its footer ${message}`, { file: file.path, offset: start });
  });
  readHandle(cursor, 0);
  const index = readHandle(cursor, cursor.position);
  if (index.offset + index.size + TRAILER_BYTES > start) {
    const message = `its footer places the index at byte ${index.offset}, of ${index.size} bytes, which is beyond it`;
    throw new CheckpointError('malformed', message, { file: file.path, offset: start });
  }
  return index;
}

async function readBlock(
  file: FileReader,
  { offset, size }: BlockHandle,
  budget: KeyBudget,
  signal?: AbortSignal,
): Promise<TableBlock> {
  const error = (code: 'corrupt' | 'limit' | 'unsupported', what: string): CheckpointError =>
    new CheckpointError(code, what, { file: file.path, offset });
  if (size > MAX_BLOCK_BYTES) {
    throw error('limit', `has a block of ${size} bytes in its index, more than the limit of ${MAX_BLOCK_BYTES}`);
  }
  const stored = await file.read(offset, size + TRAILER_BYTES, signal);
  const view = new DataView(stored.buffer);
  if (crc32c(stored.subarray(0, size + 1)) !== unmaskedCrc(view.getUint32(size + 1, true))) {
    throw error('corrupt', 'the checksum of a block of the index is wrong, so what it lists is not shown');
  }
  const bytes = stored.subarray(0, size);
  const type = stored[size]!;
  if (type === COMPRESSION.none) return new TableBlock(file.path, bytes, offset, false, budget);
  if (type !== COMPRESSION.snappy) throw error('unsupported', `a block of the index is compressed by method ${type}`);
  try {
    return new TableBlock(file.path, decompressSnappy(bytes, MAX_BLOCK_BYTES), offset, true, budget);
  } catch (cause) {
    if (!(cause instanceof SnappyError)) throw cause;
    throw error(cause.tooLong ? 'limit' : 'corrupt', `the compressed bytes of a block of the index ${cause.message}`);
  }
}

/** The handle at `position`, which is left behind it. */
function readHandle(cursor: VarintCursor, position: number): BlockHandle {
  cursor.position = position;
  const offset = cursor.varint();
  return { offset, size: cursor.varint() };
}

class VarintCursor {
  position = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly end: number,
    private readonly malformed: (message: string) => CheckpointError,
  ) {}

  /** @throws CheckpointError `malformed`, also for numbers beyond 2⁵³ */
  varint(): number {
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES && this.position < this.end; i++) {
      const byte = this.bytes[this.position++]!;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw this.malformed('holds a number that is cut off or beyond 2^53');
  }
}
