/** The data files of a TensorFlow checkpoint, `NAME.data-00000-of-00002` and so on, and what they hold of a tensor. */
import path from 'node:path';
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import { concurrently } from '../files/concurrently';
import { crc32c, unmaskedCrc } from './crc32c';
import { RunningCrc } from '../containers/crc32';
import { allocate, fileError } from '../files/fileReader';
import type { FileSet } from '../files/fileSet';
import { DataFolders } from '../files/siblingPath';
import type { BundleEntry } from './tensorBundleEntry';

/** More than any model has; a header that promises more is not believed. */
const MAX_SHARDS = 10_000;

/** Files looked at the same time. */
const FILES_AT_ONCE = 8;

/** Read and summed up at once: other work gets its turn in between. */
const PIECE_BYTES = 8 * 1024 * 1024;

export interface BundleShard {
  readonly file: string;
  readonly size?: number;
  readonly error?: CheckpointError;
}

/**
 * Those that tensors are in, by their numbers.
 *
 * @param prefix path and name of the checkpoint, without an ending
 * @throws CheckpointError `limit`
 */
export async function findShards(
  prefix: string,
  count: number,
  numbers: Iterable<number>,
  files: FileSet,
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, BundleShard>> {
  const used = [...new Set(numbers)].filter((number) => number < count).sort((a, b) => a - b);
  if (used.length > MAX_SHARDS) {
    const message = `its tensors are in ${used.length} files; more than ${MAX_SHARDS} are not opened`;
    throw new CheckpointError('limit', message, { file: `${prefix}.index` });
  }
  const folders = await DataFolders.of(`${prefix}.index`);
  const shards = await concurrently(used, FILES_AT_ONCE, async (number): Promise<BundleShard> => {
    signal?.throwIfAborted();
    const file = `${prefix}.data-${digits(number)}-of-${digits(count)}`;
    try {
      if (!(await folders.hold(file))) {
        const remedy = 'put the data file itself beside its index';
        const reason = 'is a link out of its folder and is not opened';
        throw new CheckpointError('unsupported', reason, { file, remedy });
      }
      return { file, size: await files.use(file, (reader) => Promise.resolve(reader.size)) };
    } catch (thrown) {
      const error = fileError(thrown, file);
      if (error.code !== 'not-found') return { file, error };
      return { file, error: new CheckpointError('missing-shard', 'the data file is missing', { file, cause: error }) };
    }
  });
  return new Map(used.map((number, i) => [number, shards[i]!]));
}

function digits(number: number): string {
  return String(number).padStart(5, '0');
}

/** Why a tensor's elements cannot be read, and the file that is to blame. */
export interface Failure {
  readonly code: CheckpointErrorCode;
  readonly reason: string;
  readonly shard?: BundleShard;
}

/** Why the bytes of an entry cannot be read; undefined where they are there. */
export function shardFailure(entry: BundleEntry, shards: ReadonlyMap<number, BundleShard>): Failure | undefined {
  const shard = shards.get(entry.shard);
  if (!shard)
    return { code: 'malformed', reason: `its data file, number ${entry.shard}, is not one of the checkpoint` };
  const name = path.basename(shard.file);
  if (shard.error) return { code: shard.error.code, reason: `its data file ${name}: ${shard.error.reason}`, shard };
  const end = entry.offset + entry.size;
  if (end <= shard.size!) return undefined;
  const reason = `its data file ${name} ends at byte ${shard.size}, but the index promises data up to byte ${end}`;
  return { code: 'truncated', reason, shard };
}

/** The bytes of one entry; its checksum is compared whenever all of them were read in order. */
export class EntryBytes {
  private readonly crc: RunningCrc;

  constructor(
    private readonly files: FileSet,
    private readonly file: string,
    private readonly entry: BundleEntry,
  ) {
    this.crc = new RunningCrc(entry.size, 0, 0, crc32c);
  }

  /** @throws CheckpointError `corrupt`, `changed`, `io` */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { offset } = this.entry;
    return this.files.use(this.file, async (reader) => {
      const bytes = allocate(end - start, this.file, offset + start);
      for (let at = start; at < end; at += PIECE_BYTES) {
        const piece = bytes.subarray(at - start, at - start + PIECE_BYTES);
        await reader.readInto(piece, offset + at, signal);
        this.check(this.crc.add(piece, at));
      }
      return bytes;
    });
  }

  private check(sum: number | undefined): void {
    const { crc, offset } = this.entry;
    if (sum === undefined || crc === undefined || sum === unmaskedCrc(crc)) return;
    throw new CheckpointError('corrupt', 'the checksum of its data is wrong', { file: this.file, offset });
  }
}
