/** What a checkpoint's files were when it was opened, to notice that they are no longer that. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { CheckpointError } from '../checkpoint/checkpoint';
import { fileError, isErrno } from '../checkpoint/fileReader';
import type { Problem } from '../protocol';

export interface FileState {
  file: string;
  size: number;
  mtimeMs: number;
}

/** @throws CheckpointError `not-found`, `permission`, `io` */
export function snapshotFiles(files: readonly string[]): Promise<FileState[]> {
  return Promise.all(
    files.map(async (file) => {
      try {
        const { size, mtimeMs } = await stat(file);
        return { file, size, mtimeMs };
      } catch (error) {
        throw fileError(error, file);
      }
    }),
  );
}

/** The same for as long as no file's place, size or time is another. */
export function versionOf(snapshot: readonly FileState[]): string {
  const hash = createHash('sha256');
  for (const { file, size, mtimeMs } of snapshot) hash.update(`${file} ${size} ${mtimeMs}\n`);
  return hash.digest('hex').slice(0, 32);
}

/** The first file that is not what it was; undefined where all are. */
export async function changedFile(snapshot: readonly FileState[]): Promise<Problem | undefined> {
  for (const { file, size, mtimeMs } of snapshot) {
    try {
      const now = await stat(file);
      if (now.size === size && now.mtimeMs === mtimeMs) continue;
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
