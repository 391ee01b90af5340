/**
 * A deflated record of a zip archive, read in order: what was inflated is not kept, so that memory stays small whatever
 * its size, and rows that are asked for one band after the other are inflated once.
 */
import { Readable, pipeline } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { CheckpointError } from '../checkpointError';

/** The first piece is small, as often only a header is wanted; each further one is twice as large, up to this. */
const FIRST_PIECE_BYTES = 1024;
const LARGEST_PIECE_BYTES = 256 * 1024;

/** Inflated bytes that come at a time. */
const CHUNK_BYTES = 64 * 1024;

export interface PackedBytes {
  readonly compressedSize: number;
  /** Bytes once inflated, as the archive declares them. */
  readonly size: number;
  /** Bytes [start, end) of the packed data. */
  read(start: number, end: number): Promise<Uint8Array>;
}

export class InflatedRecord {
  /** Inflated bytes that have gone by. */
  position = 0;
  private readonly chunks: AsyncIterator<Buffer>;
  private readonly stop: () => void;
  private chunk: Buffer = Buffer.alloc(0);

  /** @param error of this record, with a code and a reason */
  constructor(
    private readonly packed: PackedBytes,
    private readonly error: (reason: string, cause?: unknown) => CheckpointError,
  ) {
    const inflating = createInflateRaw({ chunkSize: CHUNK_BYTES });
    const source = Readable.from(pieces(packed), { objectMode: false, highWaterMark: 1 });
    // The iterator below throws what the pipeline fails with.
    pipeline(source, inflating, () => undefined);
    this.stop = () => inflating.destroy();
    this.chunks = inflating[Symbol.asyncIterator]();
  }

  /**
   * The next `length` bytes from `start`, which has not gone by yet; those between are dropped.
   *
   * @throws CheckpointError `corrupt` where the data cannot be inflated, or to another size than is declared; what reading throws
   */
  async read(start: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    await this.take(start - this.position, undefined, signal);
    const target = new Uint8Array(length);
    await this.take(length, target, signal);
    if (this.position === this.packed.size) await this.assertEnd();
    return target;
  }

  close(): void {
    this.stop();
  }

  private async take(count: number, target: Uint8Array | undefined, signal?: AbortSignal): Promise<void> {
    for (let done = 0; done < count;) {
      signal?.throwIfAborted();
      if (this.chunk.length === 0) this.chunk = await this.next();
      const taken = this.chunk.subarray(0, count - done);
      target?.set(taken, done);
      this.chunk = this.chunk.subarray(taken.length);
      done += taken.length;
      this.position += taken.length;
    }
  }

  private async next(): Promise<Buffer> {
    const { value, done } = await this.pull();
    if (done === true) {
      throw this.error(`holds ${this.position} bytes where the archive declares ${this.packed.size}`);
    }
    return value;
  }

  private async assertEnd(): Promise<void> {
    const more = this.chunk.length > 0 || (await this.pull()).done !== true;
    if (more) throw this.error(`holds more than the ${this.packed.size} bytes that the archive declares`);
  }

  private async pull(): Promise<IteratorResult<Buffer, unknown>> {
    try {
      return await this.chunks.next();
    } catch (cause) {
      if (cause instanceof CheckpointError) throw cause;
      throw this.error('cannot be decompressed', cause);
    }
  }
}

async function* pieces(packed: PackedBytes): AsyncGenerator<Uint8Array> {
  let length = FIRST_PIECE_BYTES;
  for (let start = 0; start < packed.compressedSize; length = Math.min(2 * length, LARGEST_PIECE_BYTES)) {
    const end = Math.min(start + length, packed.compressedSize);
    yield await packed.read(start, end);
    start = end;
  }
}
