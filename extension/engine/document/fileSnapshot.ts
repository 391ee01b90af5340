/** What a checkpoint's files were when it was opened, to notice that they are no longer that. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { CheckpointError } from '../../checkpoint/checkpointError';
import { fileError, isErrno, isSameFile } from '../../checkpoint/files/fileReader';
import type { Problem } from '../../shared/tensors';

export interface FileState {
  file: string;
  size: number;
  mtimeMs: number;
  /**
   * Time of the last change of any kind. Copies may keep the time of writing (`cp -p`, `rsync -t`); no program sets
   * this one.
   */
  ctimeMs: number;
}

/** Steps in which clocks of file systems go: some tell whole seconds, FAT every other one; the rest follow the system's. */
const COARSE_TICK_MS = 2000;
const FINE_TICK_MS = 50;

/** @throws CheckpointError `not-found`, `permission`, `io` */
export function snapshotFiles(files: readonly string[]): Promise<FileState[]> {
  return Promise.all(
    files.map(async (file) => {
      try {
        const { size, mtimeMs, ctimeMs } = await stat(file);
        return { file, size, mtimeMs, ctimeMs };
      } catch (error) {
        throw fileError(error, file);
      }
    }),
  );
}

/** The same for as long as no file's path, size or time changes. */
export function versionOf(snapshot: readonly FileState[]): string {
  const hash = createHash('sha256');
  for (const { file, size, mtimeMs, ctimeMs } of snapshot) {
    hash.update(`${JSON.stringify([file, size, mtimeMs, ctimeMs])}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}

/**
 * Milliseconds since 1970 from which on times tell: what is read before may still change without another time, so that
 * no other run may take it for what the files hold.
 *
 * @see https://git-scm.com/docs/racy-git
 */
export function settledAt(snapshot: readonly FileState[]): number {
  let latest = -Infinity;
  for (const { mtimeMs, ctimeMs } of snapshot) {
    // A time of writing may have been set to whole seconds; that of a change shows how finely the clock goes.
    const settled = ctimeMs % 1000 === 0 ? Math.max(mtimeMs, ctimeMs) + COARSE_TICK_MS : ctimeMs + FINE_TICK_MS;
    latest = Math.max(latest, settled);
  }
  return latest;
}

/** The first file that is not what it was; undefined where all are. */
export async function changedFile(snapshot: readonly FileState[]): Promise<Problem | undefined> {
  for (const state of snapshot) {
    const { file } = state;
    try {
      if (isSameFile(await stat(file), state)) continue;
      return new CheckpointError('changed', 'changed on disk while it was open', { file }).toProblem();
    } catch (error) {
      const problem = isErrno(error, 'ENOENT')
        ? new CheckpointError('changed', 'was removed while it was open', { file, remedy: 'put it back and reload it' })
        : fileError(error, file);
      return problem.toProblem();
    }
  }
  return undefined;
}
