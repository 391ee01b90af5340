/** A checkpoint that differs from another one in some respects only. */
import type { Checkpoint } from './checkpoint';

/** `stored` with `changes`; everything else, whatever there is, stays as it is there. */
export function wrapCheckpoint(stored: Checkpoint, changes: Partial<Checkpoint>): Checkpoint {
  const { path, format, files, metadata, tensors, problems, unsavable } = stored;
  return {
    ...{ path, format, files, metadata, tensors, problems, ...(unsavable !== undefined && { unsavable }) },
    // What is added to its files are configurations and the like.
    weightFiles: weightFilesOf(stored),
    read: (tensor, rows, signal) => stored.read(tensor, rows, signal),
    storedParts: (tensor) => stored.storedParts?.(tensor),
    storedBytes: (tensor) => stored.storedBytes?.(tensor),
    close: () => stored.close(),
    ...changes,
  };
}

/** How many files hold the elements. */
export function weightFilesOf({ files, weightFiles }: Pick<Checkpoint, 'files' | 'weightFiles'>): number {
  return weightFiles ?? files.length;
}
