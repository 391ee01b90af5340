/** Decides if a compressed model may be saved as the folder that was chosen: a new one, outside the model's own. */
import { constants } from 'node:fs';
import { access, lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../../checkpoint/files/fileReader';
import type { Model } from '../../checkpoint/openModel';
import { CompressionError } from '../compressionError';
import { CONFIG_FILE } from '../writers/modelFiles';
import { writeError } from '../writeError';

/** Ends the name of the folder in which a run keeps what is done so far. */
export const PARTIAL_ENDING = '.partial';

export interface RunTarget {
  /** Absolute; the folder that it is in has no links. */
  readonly path: string;
  /** Beside it. */
  readonly partial: string;
  /** It exists, and is empty. */
  readonly empty: boolean;
}

/**
 * @param openedPath what the checkpoint was opened as: a folder is the model's own
 * @throws CompressionError `target-is-source`, `target-exists`, `not-a-file`, `no-folder`, `read-only`, `io`
 */
export async function resolveRunTarget(
  target: string,
  checkpoint: Pick<Model, 'files' | 'config'>,
  openedPath: string,
): Promise<RunTarget> {
  const asked = path.resolve(target);
  const parent = await realpath(path.dirname(asked)).catch((error: unknown) => {
    throw writeError(error, asked);
  });
  const real = path.join(parent, path.basename(asked));
  const where = { file: asked };
  const entry = await lstat(real).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw writeError(error, asked);
  });
  const final = entry ? await realpath(real).catch(() => real) : real;
  for (const folder of await modelFolders(checkpoint, openedPath)) {
    if (final !== folder && real !== folder && !isInside(folder, real) && !isInside(folder, final)) continue;
    const place = final === folder || real === folder ? 'is' : 'lies inside';
    throw new CompressionError(
      'target-is-source',
      `${place} the folder of the model being compressed, which is never written to; choose a place outside ${folder}`,
      where,
    );
  }
  if (entry && !entry.isDirectory()) {
    throw new CompressionError('not-a-file', 'exists and is no folder; choose another name for the new folder', where);
  }
  if (entry && (await readdir(real)).length > 0) {
    throw new CompressionError('target-exists', 'exists already and is not empty; choose another name', where);
  }
  await access(parent, constants.W_OK).catch((error: unknown) => {
    throw writeError(error, asked);
  });
  return { path: real, partial: real + PARTIAL_ENDING, empty: entry !== undefined };
}

/**
 * Folders that are the model's own: those of its files, if it was opened as a folder, has several files, or has a
 * configuration beside it. A single file in a folder of many things has none.
 */
async function modelFolders(
  { files, config }: Pick<Model, 'files' | 'config'>,
  openedPath: string,
): Promise<Set<string>> {
  const folders = new Set<string>();
  const opened = path.resolve(openedPath);
  if ((await stat(opened).catch(() => undefined))?.isDirectory()) {
    folders.add(opened).add(await realpath(opened).catch(() => opened));
  }
  if (folders.size === 0 && files.length < 2 && config.source !== CONFIG_FILE) return folders;
  for (const file of files) {
    const folder = path.dirname(path.resolve(file));
    folders.add(folder).add(await realpath(folder).catch(() => folder));
    folders.add(path.dirname(await realpath(file).catch(() => path.resolve(file))));
  }
  return folders;
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative);
}
