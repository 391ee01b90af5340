/** Bytes that are read by position: a file with a handle of its own, one of a set that shares few handles, a part of one. */
import { CheckpointError } from '../checkpointError';

export interface FileBytes {
  /** Path of the file, for messages. */
  readonly path: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`, in a buffer of their own. @throws CheckpointError as `FileReader.read` */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** @throws CheckpointError `changed` where the path no longer names the file that was opened */
  assertUnchanged(): Promise<void>;
  /** Lets go of the handle, where there is one of its own. */
  close(): Promise<void>;
}

/** The file that a checkpoint is known by, or what stands for several. */
export type CheckpointFile = Pick<FileBytes, 'path' | 'assertUnchanged' | 'close'>;

/** What a reader by position needs: a file, or what stands for one, a record of an archive, bytes that were decompressed. */
export type ReadableBytes = Pick<FileBytes, 'path' | 'size' | 'read'>;

/** What a reader of many small fields needs. */
export interface ByteSource extends ReadableBytes {
  /** Fills `target` from `offset`. @throws CheckpointError as `FileReader.read` */
  readInto(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
}

/** Bytes [start, start + size) of a file, which the caller closes; they are within it. */
export function sliceOf(file: FileBytes, start: number, size: number): FileBytes {
  return {
    path: file.path,
    size,
    read(offset, length, signal) {
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        const message = `bytes ${offset} to ${offset + length} of a record of ${size} bytes are needed`;
        return Promise.reject(new CheckpointError('truncated', message, { file: file.path, offset: start }));
      }
      return file.read(start + offset, length, signal);
    },
    assertUnchanged: () => file.assertUnchanged(),
    close: () => Promise.resolve(),
  };
}
