/** Bytes in memory, read as a file is: what a compressed part of one holds. */
import { CheckpointError } from '../checkpointError';
import type { ByteSource } from './fileBytes';

export class MemoryBytes implements ByteSource {
  /** @param path of the file that they come from, for messages */
  constructor(
    readonly path: string,
    private readonly bytes: Uint8Array,
  ) {}

  get size(): number {
    return this.bytes.length;
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const target = new Uint8Array(length);
    await this.readInto(target, offset);
    return target;
  }

  readInto(target: Uint8Array, offset: number): Promise<void> {
    if (offset + target.length > this.bytes.length) {
      const message = `promises data up to byte ${offset + target.length} of ${this.bytes.length} decompressed ones`;
      return Promise.reject(new CheckpointError('truncated', message, { file: this.path }));
    }
    target.set(this.bytes.subarray(offset, offset + target.length));
    return Promise.resolve();
  }
}
