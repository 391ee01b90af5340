/**
 * The bytes of several files as one stream, as TensorFlow.js stores a weight group: cut every few MiB, wherever that
 * falls. If files are missing or short, only what can still be placed with certainty is placed.
 */
import { CheckpointError } from '../checkpointError';
import type { FileSet } from '../files/fileSet';
import { largestOf } from '../../shared/extremes';

/** Shard size of TensorFlow.js's converter and savers. @see tfjs-converter `DEFAULT_SHARD_SIZE_BYTES` */
const DEFAULT_SHARD_BYTES = 4 * 1024 * 1024;

/** A file and where its first byte lies in the stream. */
export interface Piece {
  readonly file: string;
  readonly start: number;
  readonly length: number;
}

/**
 * The start of each file in the stream, undefined if it cannot be known.
 *
 * @param sizes of the files in order, undefined for a missing one
 * @param total bytes of the whole stream, undefined if the header does not tell
 */
export function placeShards(
  sizes: readonly (number | undefined)[],
  total: number | undefined,
): readonly (number | undefined)[] {
  const known = sizes.filter((size) => size !== undefined);
  const sum = known.reduce((a, b) => a + b, 0);
  if (known.length === sizes.length && sum >= (total ?? 0)) {
    let at = 0;
    return known.map((size) => (at += size) - size);
  }
  const shardBytes = commonShardSize(sizes, total);
  // Without a common size only the first file's place is certain: the others are shifted by what is lacking before.
  return sizes.map((size, position) => {
    if (size === undefined) return undefined;
    return shardBytes === undefined ? (position === 0 ? 0 : undefined) : position * shardBytes;
  });
}

/**
 * The size that all files but the last had when they were written: that of the largest, where it is the converter's
 * default or at least two files agree on it, and where the stream's length agrees too.
 */
function commonShardSize(sizes: readonly (number | undefined)[], total: number | undefined): number | undefined {
  const full = sizes.slice(0, -1).filter((size) => size !== undefined);
  const largest = largestOf(full);
  if (largest !== DEFAULT_SHARD_BYTES && full.filter((size) => size === largest).length < 2) return undefined;
  if (total === undefined) return largest;
  const last = total - largest * (sizes.length - 1);
  return last > 0 && last <= largest && (sizes.at(-1) ?? 0) <= last ? largest : undefined;
}

export class WeightStream {
  /** @param pieces in stream order, none empty */
  constructor(
    private readonly pieces: readonly Piece[],
    private readonly files: FileSet,
  ) {}

  /** True where every byte of [start, start + length) is in a file. */
  has(start: number, length: number): boolean {
    return this.parts(start, length).reduce((bytes, part) => bytes + part.length, 0) === length;
  }

  /** @throws CheckpointError `truncated` where bytes are missing; what `FileSet.use` and `FileReader.read` throw */
  async read(start: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (!this.has(start, length)) {
      throw new CheckpointError(
        'truncated',
        `the weight files lack bytes ${start} to ${start + length} of their group`,
      );
    }
    const bytes = new Uint8Array(length);
    for (const { piece, from, length: partLength } of this.parts(start, length)) {
      const target = bytes.subarray(from - start, from - start + partLength);
      await this.files.use(piece.file, (reader) => reader.readInto(target, from - piece.start, signal));
    }
    return bytes;
  }

  /** What each file holds of [start, start + length). */
  private parts(start: number, length: number): { piece: Piece; from: number; length: number }[] {
    const parts: { piece: Piece; from: number; length: number }[] = [];
    for (let i = this.firstAfter(start); i < this.pieces.length; i++) {
      const piece = this.pieces[i]!;
      if (piece.start >= start + length) break;
      const from = Math.max(start, piece.start);
      parts.push({ piece, from, length: Math.min(start + length, piece.start + piece.length) - from });
    }
    return parts;
  }

  /** First piece that ends after `start`. */
  private firstAfter(start: number): number {
    let [low, high] = [0, this.pieces.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { start: begin, length } = this.pieces[middle]!;
      if (begin + length > start) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
