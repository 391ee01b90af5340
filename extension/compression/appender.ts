/** Writing bytes one after the other, each while the next ones are made. */
import type { FileHandle } from 'node:fs/promises';

/**
 * Appends bytes, which are written while the next ones are made. Resolves once more may come. A write that fails is told
 * by a later call, or by the end of the save.
 *
 * @param onWritten called once the bytes are written; they may not be changed before
 */
export type Append = (bytes: Uint8Array, onWritten?: () => void) => Promise<void>;

/** One write is under way at a time, so that no more than two appended bands are held. */
export class Appender {
  private position = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly file: Pick<FileHandle, 'write'>,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** @throws what an earlier write failed with; nothing is written then */
  readonly append: Append = async (bytes, onWritten) => {
    const before = this.last;
    this.last = before.then(() => this.write(bytes)).then(onWritten);
    // Whoever awaits it next is told.
    this.last.catch(() => undefined);
    await before;
  };

  /** Resolves once the system has taken everything. @throws what a write failed with; the signal's reason */
  written(): Promise<void> {
    return this.last;
  }

  private async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      this.signal?.throwIfAborted();
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, this.position);
      done += bytesWritten;
      this.position += bytesWritten;
    }
  }
}
