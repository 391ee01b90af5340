/**
 * Writing a file so that its name holds either what was there before or all of the new content, whatever happens in
 * between: the content goes to a partial file in the same folder, is flushed and checked there, and then takes the
 * name in one step. A process that is killed leaves at most its partial file behind.
 */
import { open, rename, link, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../checkpoint/files/fileReader';
import { Appender, type Append } from './appender';
import { CompressionError } from './compressionError';
import { writeError } from './writeError';
import { newPartialName, partialDone, removeAbandonedPartials } from './partialFile';
import { checkFreeSpace, resolveTarget, type ResolvedTarget } from './saveTarget';

export interface AtomicWriteOptions {
  /** Bytes that will be written, known beforehand: checked against the free space and the result. */
  size: number;
  /** Files that must survive: the target may be none of them, under any name. */
  protect: readonly string[];
  /** They are a model's: what lies beside them must survive, too, but for files that Eigenscope saved. */
  ofModel?: boolean;
  /** What a file beside the model begins with if Eigenscope wrote it, and may be replaced. */
  ownBeginning?: string;
  /** An existing target may be replaced. */
  overwrite?: boolean;
  signal?: AbortSignal;
  /** Looks at the finished content before it takes the target's name; throwing leaves the target as it was. */
  verify?: (content: FileHandle) => Promise<void>;
}

/**
 * Creates or replaces `target` with what `produce` appends.
 *
 * @returns the file written: `target`, or where a link of that name leads
 * @throws CompressionError `target-is-source`, `target-exists`, `not-a-file`, `no-folder`, `read-only`, `no-space`,
 *   `verification`, `io`
 * @throws DOMException `AbortError` when `signal` fires; and whatever `produce` throws. In every case the target is
 *   as it was before and the partial file is gone.
 */
export async function writeAtomically(
  target: string,
  options: AtomicWriteOptions,
  produce: (append: Append) => Promise<void>,
): Promise<string> {
  const { signal, size } = options;
  signal?.throwIfAborted();
  const resolved = await resolveTarget(target, options);
  await removeAbandonedPartials(path.dirname(resolved.path));
  await checkFreeSpace(resolved.path, size);
  signal?.throwIfAborted();

  const partial = newPartialName(resolved.path);
  try {
    await writeThrough(partial, resolved, options, produce);
  } finally {
    partialDone(partial);
  }
  await syncFolder(path.dirname(resolved.path));
  return resolved.path;
}

/** Writes the partial file and gives it the target's name. Removes it where that fails. */
async function writeThrough(
  partial: string,
  target: ResolvedTarget,
  { size, signal, verify }: AtomicWriteOptions,
  produce: (append: Append) => Promise<void>,
): Promise<void> {
  let content: FileHandle | undefined = await openNew(partial, target.path);
  const appender = new Appender(content, signal);
  try {
    if (target.mode !== undefined) await content.chmod(target.mode);
    await produce(appender.append);
    await appender.written();
    await content.sync();
    const written = (await content.stat()).size;
    if (written !== size) {
      throw new CompressionError('verification', `${written} bytes were written where ${size} were meant`);
    }
    await verify?.(content);
    signal?.throwIfAborted();
    await content.close();
    content = undefined;
    await takeName(partial, target.path, target.exists);
  } catch (error) {
    // What made the save fail is told, and nothing is written after it.
    await appender.written().catch(() => undefined);
    throw await cleanedUp(error, content, partial, target.path);
  }
}

/** Readable too, for the check; `x` so that nothing that is already there can be written to. */
async function openNew(partial: string, target: string): Promise<FileHandle> {
  try {
    return await open(partial, 'wx+');
  } catch (error) {
    throw writeError(error, target);
  }
}

/**
 * If there was no target before, a hard link takes the name: unlike a rename, it fails if another program took it in
 * the meantime. File systems without hard links get the rename.
 */
async function takeName(partial: string, target: string, exists: boolean): Promise<void> {
  if (!exists) {
    try {
      await link(partial, target);
      // The content already has its name; a second, partial name left behind would only be untidy.
      await unlink(partial).catch(() => undefined);
      return;
    } catch (error) {
      if (!isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL')) throw error;
    }
  }
  await rename(partial, target);
}

/** Removes the partial file and returns the error to throw. */
async function cleanedUp(
  error: unknown,
  content: FileHandle | undefined,
  partial: string,
  target: string,
): Promise<unknown> {
  // Closing a file whose last write failed may report that failure again; the first report is the one to pass on.
  await content?.close().catch(() => undefined);
  const remains = await unlink(partial).then(
    () => false,
    (reason: unknown) => !isErrno(reason, 'ENOENT'),
  );
  const known = writeError(error, target);
  if (!remains || !(known instanceof CompressionError)) return known;
  const reason = `${known.reason} (${path.basename(partial)} could not be removed)`;
  return new CompressionError(known.code, reason, { ...known.where, cause: error });
}

/** Makes the new name itself durable. Windows cannot open folders, and some network disks cannot flush them. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    if (!isErrno(error, 'EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EBADF', 'ENOSYS')) {
      throw writeError(error, folder);
    }
  } finally {
    await handle?.close();
  }
}
