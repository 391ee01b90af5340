/** What the index of a TensorFlow checkpoint (`NAME.index`) lists: tensors, and slices of tensors that are stored in several. */
import { CheckpointError } from '../checkpointError';
import type { FileReader } from '../files/fileReader';
import { MemoryBytes } from '../files/memoryBytes';
import type { ProblemList } from '../problemList';
import { ProtobufReader } from '../containers/protobufReader';
import { readTable, type TableBlock, type TableEntry } from './sstable';
import { readBundleEntry, readBundleHeader, type BundleEntry, type BundleHeader } from './tensorBundleEntry';
import { isSliceKey, readSliceKey, type SliceKey } from './tensorBundleSlices';

/** Tensors and slices: twenty times those of the largest models with their optimizer's state; each takes about 1 KB. */
const MAX_ENTRIES = 100_000;

/** Enough for the key, the length and the first fields of the first entry, compressed or not. */
const HEAD_BYTES = 24;

/** If the first entry is compressed: the length, and the first tag that Snappy puts in front. */
const COMPRESSED = String.raw`^([\x80-\xff]{0,4}[\x01-\x7f]([\x04-\xec]|\xf0[^]|\xf4[^]{2}))?`;

/** The beginning of an index: an empty key, a short value, and in it a number of shards and the field behind. */
const BEGINNING = new RegExp(COMPRESSED + String.raw`\0\0[\x02-\x7f]\x08[\x80-\xff]{0,4}[\x01-\x7f][\x10\x1a]`);

/**
 * The beginning of what TensorFlow wrote before its version 1.0, a table too: an empty key, and a list of tensors in a
 * list.
 */
const BEGINNING_OF_OLD = new RegExp(
  COMPRESSED + String.raw`\0\0[\x80-\xff]{0,4}[\x04-\x7f]\x0a[\x80-\xff]{0,4}[\x02-\x7f]\x0a`,
);

export interface BundleIndex {
  readonly header: BundleHeader;
  /** By key, in the index's order, which is the keys'. */
  readonly tensors: ReadonlyMap<string, BundleEntry>;
  /** By the key of the whole. */
  readonly slices: ReadonlyMap<string, readonly StoredSlice[]>;
}

export interface StoredSlice {
  readonly extents: SliceKey['extents'];
  readonly entry: BundleEntry;
}

export function looksLikeBundleIndex(head: Uint8Array): boolean {
  return BEGINNING.test(beginningOf(head));
}

/** True if it is a checkpoint in one file, with the weights as entries of the table. */
export function looksLikeOldCheckpoint(head: Uint8Array): boolean {
  return BEGINNING_OF_OLD.test(beginningOf(head));
}

function beginningOf(head: Uint8Array): string {
  return Buffer.from(head.subarray(0, HEAD_BYTES)).toString('latin1');
}

/**
 * @throws CheckpointError where nothing can be listed; what can is told in part otherwise, and the rest goes to `problems`
 */
export async function readBundleIndex(
  file: FileReader,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<BundleIndex> {
  const index = new IndexBuilder(file.path, problems);
  const damages: CheckpointError[] = [];
  try {
    await readTable(
      file,
      (block) => index.add(block, signal),
      (error) => {
        // A damaged file may be wrong in each of many blocks: the first one may become the error.
        if (damages.length === 0) damages.push(error);
        problems.push(error.toProblem());
      },
      signal,
    );
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    if (index.isEmpty) throw await cutOff(error, file, signal);
    problems.push(error.toProblem());
  }
  if (index.isEmpty && damages[0]) throw damages[0];
  if (!index.header) {
    const message = 'its first entry, which says how many data files there are, is missing';
    throw new CheckpointError('malformed', message, { file: file.path, offset: 0 });
  }
  return { header: index.header, tensors: index.tensors, slices: index.slices };
}

/** The end is missing of what begins as an index: then it is one, and cut off. */
async function cutOff(error: CheckpointError, file: FileReader, signal?: AbortSignal): Promise<CheckpointError> {
  if (error.code !== 'unknown-format') return error;
  const head = await file.read(0, Math.min(file.size, HEAD_BYTES), signal);
  if (!looksLikeBundleIndex(head)) return error;
  return new CheckpointError('truncated', 'begins as the index of a TensorFlow checkpoint and ends before its end', {
    ...error.where,
  });
}

class IndexBuilder {
  header: BundleHeader | undefined;
  readonly tensors = new Map<string, BundleEntry>();
  readonly slices = new Map<string, StoredSlice[]>();
  /** Sound entries and others, without the header. */
  private count = -1;

  constructor(
    private readonly file: string,
    private readonly problems: ProblemList,
  ) {}

  get isEmpty(): boolean {
    return !this.header && this.tensors.size === 0 && this.slices.size === 0;
  }

  /** @throws CheckpointError `limit`, or what is wrong with the block */
  async add(block: TableBlock, signal?: AbortSignal): Promise<void> {
    // Told once.
    if (this.count > MAX_ENTRIES) return;
    const reader = new ProtobufReader(new MemoryBytes(this.file, block.bytes), signal);
    for (const entry of block.entries()) {
      if (++this.count > MAX_ENTRIES) {
        throw new CheckpointError('limit', `lists more than ${MAX_ENTRIES} tensors and slices`, { file: this.file });
      }
      signal?.throwIfAborted();
      try {
        if (entry.key.length === 0) this.header ??= await readBundleHeader(reader, entry.value);
        else await this.addEntry(entry, reader);
      } catch (error) {
        if (!(error instanceof CheckpointError) || entry.key.length === 0) throw error;
        // Places in the block mean nothing in the file.
        const where = { ...error.where, offset: entry.offset, tensor: shownKey(entry.key) };
        this.problems.push(new CheckpointError(error.code, error.reason, where).toProblem());
      }
    }
  }

  private async addEntry({ key, value, offset }: TableEntry, reader: ProtobufReader): Promise<void> {
    const slice = isSliceKey(key) ? readSliceKey(key) : undefined;
    if (isSliceKey(key) && !slice) {
      throw new CheckpointError('malformed', 'the key of a slice is not one', { file: this.file });
    }
    const entry = await readBundleEntry(reader, value);
    if (slice) {
      const known = this.slices.get(slice.name);
      if (known) known.push({ extents: slice.extents, entry });
      else this.slices.set(slice.name, [{ extents: slice.extents, entry }]);
      return;
    }
    const name = key.toString('utf8');
    if (!this.tensors.has(name)) this.tensors.set(name, entry);
    else this.problems.add('malformed', 'the key occurs twice, and the first one is shown', { tensor: name, offset });
  }
}

/** Bytes of a key in a message. */
const KEY_SHOWN = 200;

function shownKey(key: Buffer): string {
  return key.toString('utf8', 0, KEY_SHOWN).replace(/\p{Cc}/gu, '');
}
