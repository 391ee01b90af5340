/**
 * Which files a checkpoint may lead to. Two hands are told apart: a file's author writes names into it, and who may be
 * anybody; links are laid by the person, or by the program that downloaded for them.
 *
 * - A name inside a file (a shard, external data, a pipeline's part, a reference of the download cache) means a file in
 *   the model's folder or below it: it is never absolute and never has `..` in it (`siblingPath`). One
 *   exception: the last part of the name of an adapter's base model may name a folder beside the adapter's own.
 * - A symbolic link in that place is followed wherever it leads, if to a regular file: a snapshot in the download cache
 *   consists of links to `../../blobs/…`, and people keep shards on another disk. What is found there must still be a
 *   checkpoint by its own header.
 * - Raw numbers have no header, so that any file would pass for them: theirs must really lie in the model's folder or in
 *   the one that the model's own file really lies in, the cache's `blobs` (`DataFolders`).
 */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { fileError } from './fileReader';

/**
 * The folder of a checkpoint's files and of what describes them. The path of shards without an index is that folder
 * itself.
 */
export function folderOf({ path: file, files }: { readonly path: string; readonly files: readonly string[] }): string {
  return path.dirname(files[0] ?? file);
}

/**
 * The file `name` in `folder` or below it, or undefined where the name is absolute, climbs out with `..`, or is not a
 * portable file name.
 */
export function siblingPath(folder: string, name: string): string | undefined {
  // A backslash is a separator on Windows only, a colon there names a drive or a stream, control characters (Cc) are
  // in no file's name: none occurs in real checkpoints.
  if (name === '' || name.startsWith('/') || /[\\:\p{Cc}]/u.test(name) || name.split('/').some(isClimbing)) {
    return undefined;
  }
  const resolved = path.resolve(folder, name);
  return resolved === path.resolve(folder) ? undefined : resolved;
}

/** Windows takes dots and spaces off the end of a name: `.. ` is `..` there. */
function isClimbing(part: string): boolean {
  return part !== '.' && /[. ]$/.test(part);
}

/** The folders that files of raw numbers of one model may really lie in. */
export class DataFolders {
  private constructor(private readonly folders: readonly string[]) {}

  /** @throws CheckpointError `not-found`, `permission`, `io` */
  static async of(model: string): Promise<DataFolders> {
    try {
      const real = [await realpath(path.dirname(model)), path.dirname(await realpath(model))];
      return new DataFolders(real);
    } catch (error) {
      throw fileError(error, model);
    }
  }

  /**
   * False where a link leads out of them.
   *
   * @throws the system's error where there is no such file
   */
  async hold(file: string): Promise<boolean> {
    const real = await realpath(file);
    return this.folders.some((folder) => isInside(folder, real));
  }
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative);
}
