/** Writing bytes one after the other, each while the next ones are made. */
import type { FileHandle } from 'node:fs/promises';

/** Bytes of another file, which are copied in their turn. */
export interface CopiedBytes {
  readonly length: number;
  /** Writes all of them. */
  copyTo(target: FileHandle, position: number): Promise<void>;
}

/**
 * Appends bytes, which are written while the next ones are made; they may not be changed before the end of the save.
 * Resolves once more may come. A write that fails is told by a later call, or by the end of the save.
 */
export type Append = (content: Uint8Array | CopiedBytes) => Promise<void>;

/** `Append` for what is in memory. */
export type AppendBytes = (bytes: Uint8Array) => Promise<void>;

/** One write is under way at a time, so that no more than two appended bands are held. */
export class Appender {
  private position = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly file: FileHandle,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** @throws what an earlier write failed with; nothing is written then */
  readonly append: Append = async (content) => {
    const before = this.last;
    this.last = before.then(() => ('copyTo' in content ? this.copy(content) : this.write(content)));
    // Whoever awaits it next is told.
    this.last.catch(() => undefined);
    await before;
  };

  /** Resolves once the system has taken everything. @throws what a write failed with; the signal's reason */
  written(): Promise<void> {
    return this.last;
  }

  private async copy(content: CopiedBytes): Promise<void> {
    this.signal?.throwIfAborted();
    await content.copyTo(this.file, this.position);
    this.position += content.length;
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
