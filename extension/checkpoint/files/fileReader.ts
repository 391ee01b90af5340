/**
 * Positioned reads of one file, checked against what the file was when it was opened: a checkpoint replaced or cut
 * short while it is open is an error, never silently mixed data.
 */
import { readSync, writeSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { CheckpointError } from '../checkpointError';
import type { OpenedTarget } from '../checkpoint';
import type { FileBytes } from './fileBytes';
import { l10n } from '../../shared/language/l10n';

/** One positioned read asks the system for at most this much, so that cancelling stays quick on slow disks. */
const MAX_READ_BYTES = 16 * 1024 * 1024;

/**
 * A copy holds so much at a time. This much stays in the processor's cache: 4 MB took three to seven times as long for 2 GB
 * that lay in the system's memory, and waiting for each step on another thread four times as long.
 */
const COPIED_BYTES = 128 * 1024;

/** Memory of all copies, none of which waits in the middle of a step. */
let copied: Uint8Array | undefined;

/**
 * What tells a file from its replacement. The time of its last change of any kind belongs to it: that of writing can be
 * put back. Not the inode: some network file systems invent new ones.
 */
export interface FileIdentity {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** False where a file's size or one of its times is another: it is not what it was. */
export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

export class FileReader implements FileBytes {
  private handle: FileHandle | undefined;

  private constructor(
    readonly path: string,
    readonly identity: FileIdentity,
    handle: FileHandle,
  ) {
    this.handle = handle;
  }

  /** Bytes in the file when it was opened. */
  get size(): number {
    return this.identity.size;
  }

  /**
   * @param expected what the file was when it was opened before
   * @throws CheckpointError `not-found`, `permission`, `io`; `unsupported` for anything but a regular file; `changed`
   *   where it is not the expected one
   */
  static async open(path: string, expected?: FileIdentity): Promise<FileReader> {
    let handle: FileHandle | undefined;
    try {
      // Opening a named pipe would wait for its writer, so look before opening.
      if (!(await stat(path)).isFile()) {
        throw new CheckpointError('unsupported', l10n.english('is not a regular file'), {
          file: path,
          remedy: l10n.english('open a file'),
        });
      }
      handle = await open(path, 'r');
      const { size, mtimeMs, ctimeMs } = await handle.stat();
      const reader = new FileReader(path, { size, mtimeMs, ctimeMs }, handle);
      if (expected) reader.compare(expected);
      return reader;
    } catch (error) {
      await handle?.close();
      throw fileError(error, path);
    }
  }

  /**
   * Exactly `length` bytes from `offset`, in a buffer of their own.
   *
   * @throws CheckpointError `truncated` where the range leaves the file, `changed` where the file is no longer the
   *   one that was opened, `io`
   */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
      throw new CheckpointError('malformed', `asks for ${length} bytes at ${offset}`, { file: this.path });
    }
    if (offset + length > this.size) {
      throw new CheckpointError(
        'truncated',
        l10n.english(
          'the file ends at byte {0}, but its header promises data up to byte {1}',
          this.size,
          offset + length,
        ),
        { file: this.path, offset },
      );
    }
    const buffer = allocate(length, this.path, offset, unzeroed);
    await this.readInto(buffer, offset, signal);
    return buffer;
  }

  /** Fills `target` from `offset`; errors as `read`. */
  async readInto(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    for (let done = 0; done < target.length;) {
      signal?.throwIfAborted();
      const handle = this.opened();
      let bytesRead: number;
      try {
        const length = Math.min(MAX_READ_BYTES, target.length - done);
        ({ bytesRead } = await handle.read(target, done, length, offset + done));
      } catch (error) {
        throw fileError(error, this.path, offset + done);
      }
      if (bytesRead === 0) throw this.shortened(offset + done);
      done += bytesRead;
    }
  }

  /**
   * Writes `length` bytes from `offset` at `position` of another file. Lets nothing else run meanwhile: ask for some
   * megabytes at a time.
   *
   * @throws as `read`; what writing throws, as it is
   */
  copyTo(target: OpenedTarget, position: number, offset: number, length: number): void {
    const memory = (copied ??= Buffer.allocUnsafeSlow(COPIED_BYTES));
    for (let done = 0; done < length;) {
      const count = this.readNow(memory.subarray(0, Math.min(COPIED_BYTES, length - done)), offset + done);
      for (let written = 0; written < count;) {
        written += writeSync(target.fd, memory, written, count - written, position + done + written);
      }
      done += count;
    }
  }

  /** @returns how many bytes were read, at least one */
  private readNow(target: Uint8Array, offset: number): number {
    let bytesRead: number;
    try {
      bytesRead = readSync(this.opened().fd, target, 0, target.length, offset);
    } catch (error) {
      throw fileError(error, this.path, offset);
    }
    if (bytesRead === 0) throw this.shortened(offset);
    return bytesRead;
  }

  private opened(): FileHandle {
    if (this.handle) return this.handle;
    throw new CheckpointError('io', l10n.english('was closed'), {
      file: this.path,
      remedy: l10n.english('open it again'),
    });
  }

  private shortened(offset: number): CheckpointError {
    return new CheckpointError('changed', l10n.english('became shorter while it was open'), {
      file: this.path,
      offset,
    });
  }

  /** @throws CheckpointError `changed` where the path no longer names the file that was opened */
  async assertUnchanged(): Promise<void> {
    let now;
    try {
      now = await stat(this.path);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) {
        throw new CheckpointError('changed', l10n.english('was removed while it was open'), {
          file: this.path,
          cause: error,
          remedy: l10n.english('put it back and reload it'),
        });
      }
      throw fileError(error, this.path);
    }
    this.compare(now);
  }

  private compare(other: FileIdentity): void {
    if (!isSameFile(other, this.identity)) {
      throw new CheckpointError('changed', l10n.english('changed on disk while it was open'), { file: this.path });
    }
  }

  async close(): Promise<void> {
    const handle = this.handle;
    this.handle = undefined;
    await handle?.close();
  }
}

/**
 * A buffer of this size, or a CheckpointError `limit` where one buffer cannot be that large.
 *
 * @param make what makes it; zeros by default
 */
export function allocate(
  length: number,
  file: string,
  offset: number,
  make = (bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(bytes),
): Uint8Array<ArrayBuffer> {
  try {
    return make(length);
  } catch (error) {
    const message = `${length} bytes do not fit into memory at once`;
    throw new CheckpointError('limit', message, { file, offset, cause: error, remedy: 'read fewer rows' });
  }
}

/** Filling megabytes with zeros takes longer than reading them, and holds up the thread; all of it is read over. */
function unzeroed(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

export function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** A system error in a checkpoint's terms; CheckpointErrors pass through. */
export function fileError(error: unknown, file: string, offset?: number): CheckpointError {
  if (error instanceof CheckpointError) return error;
  const where = { file, ...(offset !== undefined && { offset }), cause: error };
  if (isErrno(error, 'ENOENT', 'ENOTDIR'))
    return new CheckpointError('not-found', l10n.english('does not exist'), where);
  if (isErrno(error, 'EACCES', 'EPERM'))
    return new CheckpointError('permission', l10n.english('may not be read'), where);
  return new CheckpointError(
    'io',
    l10n.english('could not be read ({0})', error instanceof Error ? error.message : String(error)),
    where,
  );
}
