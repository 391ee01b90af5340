/** A checkpoint that differs from another one in some respects only. */
import type { Checkpoint } from './checkpoint';

/** `stored` with `changes`; everything else, whatever there is, stays as it is there. */
export function wrapCheckpoint(stored: Checkpoint, changes: Partial<Checkpoint>): Checkpoint {
  const { path, format, files, metadata, tensors, problems, unsavable } = stored;
  return {
    ...{ path, format, files, metadata, tensors, problems, ...(unsavable !== undefined && { unsavable }) },
    read: (tensor, rows, signal) => stored.read(tensor, rows, signal),
    storedParts: (tensor) => stored.storedParts?.(tensor),
    close: () => stored.close(),
    ...changes,
  };
}
