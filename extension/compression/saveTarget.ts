/** Decides if a file may be written at the chosen place: never over the source, never over anything unasked. */
import { lstat, realpath, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../checkpoint/files/fileReader';
import { CompressionError } from './compressionError';
import { belongsToModel } from './modelFolder';
import { partialsIn } from './partialFile';
import { writeError } from './writeError';

/** Room for the folder entry and for file systems that count in large blocks. */
const SPARE_BYTES = 64 * 1024;

export interface ResolvedTarget {
  /** Absolute; links followed. */
  readonly path: string;
  readonly exists: boolean;
  /** Permission bits of the file it replaces. */
  readonly mode?: number;
}

/**
 * Resolves the place that a save to `target` would go to.
 *
 * @param options `protect`: files it must not be, under any name, link or hard link; `ofModel`: these are a model's,
 *   and other files in their folders are the model's, too, unless they are saved copies or begin with `ownBeginning`;
 *   `overwrite`: it may exist
 * @throws CompressionError `target-is-source`, `target-exists`, `not-a-file`, `no-folder`, `read-only`
 */
export async function resolveTarget(
  target: string,
  options: { protect: readonly string[]; ofModel?: boolean; ownBeginning?: string; overwrite?: boolean },
): Promise<ResolvedTarget> {
  const asked = path.resolve(target);
  const where = { file: asked };
  await assertFolder(path.dirname(asked), asked);
  const entry = await lstat(asked).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw writeError(error, asked);
  });
  // The folder may itself be reached by a link; file names are compared by what they lead to.
  const real = path.join(await realpath(path.dirname(asked)), path.basename(asked));
  if (!entry) {
    await assertNotProtected(real, asked, options.protect);
    return { path: real, exists: false };
  }
  const final = await realpath(asked).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw writeError(error, asked);
    throw new CompressionError('not-a-file', 'is a link that leads nowhere; choose another name', where);
  });
  await assertNotProtected(final, asked, options.protect);
  const stats = await stat(final);
  if (stats.isDirectory()) throw new CompressionError('not-a-file', 'is a folder; choose a file name', where);
  if (!stats.isFile()) throw new CompressionError('not-a-file', 'is not a regular file; choose another name', where);
  if (options.ofModel && (await belongsToModel([real, final], options.protect, options.ownBeginning))) {
    throw new CompressionError(
      'target-is-source',
      'exists already beside the checkpoint and was not saved by Eigenscope, so it may belong to the model, which is ' +
        'never written to; choose another name',
      where,
    );
  }
  if (!options.overwrite) {
    throw new CompressionError('target-exists', 'exists already; choose another name or confirm replacing it', where);
  }
  // A rename would replace it all the same, so the permission a person set on the file must be asked for.
  if ((stats.mode & 0o222) === 0) {
    throw new CompressionError('read-only', 'is read-only; change its permissions or choose another name', where);
  }
  return { path: final, exists: true, mode: stats.mode & 0o777 };
}

async function assertFolder(folder: string, target: string): Promise<void> {
  const stats = await stat(folder).catch((error: unknown) => {
    throw writeError(error, target);
  });
  if (!stats.isDirectory()) throw new CompressionError('no-folder', `${folder} is not a folder`, { file: target });
}

async function assertNotProtected(final: string, asked: string, protect: readonly string[]): Promise<void> {
  const target = await identity(final);
  for (const source of protect) {
    const real = await realpath(source).catch(() => path.resolve(source));
    if (real === final || (target !== undefined && (await identity(real)) === target)) {
      const same = path.resolve(source) === asked ? 'is' : `is the same file as ${source},`;
      throw new CompressionError(
        'target-is-source',
        `${same} part of the checkpoint, which is never written to; choose another name`,
        { file: asked },
      );
    }
  }
}

/** Device and file number: equal for every name and link of one file. */
async function identity(file: string): Promise<string | undefined> {
  const stats = await stat(file, { bigint: true }).catch(() => undefined);
  return stats && `${stats.dev}:${stats.ino}`;
}

/**
 * @throws CompressionError `no-space` that says how much is missing, where the disk is known to be too full. File
 *   systems that do not tell are given the benefit of the doubt.
 */
export async function checkFreeSpace(target: string, bytes: number): Promise<void> {
  const folder = path.dirname(target);
  const disk = await statfs(folder).catch(() => undefined);
  if (!disk || disk.blocks === 0 || disk.bsize === 0) return;
  const free = disk.bavail * disk.bsize;
  const missing = bytes + SPARE_BYTES - free;
  if (missing <= 0) return;
  // Those of dead saves are removed before.
  const left = (await partialsIn(folder)).map((file) => path.basename(file));
  const hint = left.length > 0 ? `; files of other saves, which may still be running: ${left.join(', ')}` : '';
  throw new CompressionError(
    'no-space',
    `needs ${megabytes(bytes)}, but ${folder} has ${megabytes(free, Math.floor)} free; free ${megabytes(missing)} there or save elsewhere${hint}`,
    { file: target },
  );
}

/** In the unit disks are sold in; up where that much is needed, down where no more is there. */
function megabytes(bytes: number, round = Math.ceil): string {
  return bytes < 1e9 ? `${round(bytes / 1e5) / 10} MB` : `${round(bytes / 1e8) / 10} GB`;
}
