/**
 * The folder `TARGET.partial`, in which a run keeps what is done so far: a journal that says what the run is, finished
 * pieces, finished files. At the end the files' folder takes the target's name in one step. A kill leaves no target, and a
 * folder that the same run goes on from.
 */
import { mkdir, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../../checkpoint/files/fileReader';
import type { Append } from '../appender';
import { syncFolder, writeAtomically } from '../atomicFile';
import { CompressionError } from '../compressionError';
import type { OutputFile } from '../writers/writer';
import { writeError } from '../writeError';
import { PieceStore } from './pieceStore';
import { RunLock } from './runLock';
import type { RunTarget } from './runTarget';

const JOURNAL = 'journal.json';
const PIECES = 'pieces';
const FILES = 'files';
/** Everything is written; only names have to be changed. */
const DONE = 'done.json';

/** What a run depends on, in words for people: going on with another value would mix two runs. */
export type RunIdentity = Readonly<Record<string, string>>;

/** What to do with an earlier run of the same target that did not end. */
export type Existing = 'refuse' | 'resume' | 'restart';

export class PartialRun {
  readonly pieces: PieceStore;

  private constructor(
    private readonly target: RunTarget,
    private readonly lock: RunLock,
  ) {
    this.pieces = new PieceStore(path.join(target.partial, PIECES));
  }

  /**
   * Looks for an earlier run, and changes nothing.
   *
   * @returns bytes that it wrote; undefined without one
   * @throws CompressionError `target-exists` for a run that is at work, one that may not be touched, or another one
   */
  static async earlier(
    { partial }: Pick<RunTarget, 'partial'>,
    identity: RunIdentity,
    existing: Existing,
  ): Promise<number | undefined> {
    const before = await earlierRun(partial);
    if (before === undefined) return undefined;
    // Neither going on nor starting anew is possible meanwhile.
    await RunLock.assertFree(partial);
    if (existing === 'restart') return folderBytes(partial);
    const differing = Object.keys(identity).filter((key) => before[key] !== identity[key]);
    if (differing.length > 0) {
      throw new CompressionError(
        'target-exists',
        `holds an earlier run that did not end, and that differs in ${listed(differing)}: going on would mix the two; ` +
          'start anew (--restart), or choose another name',
        { file: partial },
      );
    }
    if (existing === 'resume') return folderBytes(partial);
    throw new CompressionError(
      'target-exists',
      'holds an earlier run of the same plan that did not end; go on with it (--resume), or start anew (--restart)',
      { file: partial },
    );
  }

  /** @throws CompressionError as `earlier`, and `no-space`, `read-only`, `io` */
  static async open(
    target: RunTarget,
    identity: RunIdentity,
    existing: Existing,
    signal: AbortSignal,
  ): Promise<PartialRun> {
    const { partial } = target;
    const before = await PartialRun.earlier(target, identity, existing);
    await mkdir(partial).catch((error: unknown) => {
      if (!isErrno(error, 'EEXIST')) throw writeError(error, partial);
    });
    const lock = await RunLock.take(partial);
    try {
      if (existing === 'restart') await removeContents(partial);
      const run = new PartialRun(target, lock);
      if (before === undefined || existing === 'restart') {
        const text = Buffer.from(`${JSON.stringify({ run: identity }, undefined, 2)}\n`);
        await writeAtomically(
          path.join(partial, JOURNAL),
          { size: text.length, protect: [], overwrite: true, signal },
          (append) => append(text),
        );
      }
      await run.pieces.create();
      return run;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  refresh(): Promise<void> {
    return this.lock.refresh();
  }

  /** True if the file was finished before. */
  async hasFile({ path: name, bytes }: OutputFile): Promise<boolean> {
    const stats = await stat(this.fileOf(name)).catch(() => undefined);
    return stats?.isFile() === true && stats.size === bytes;
  }

  /** @throws as `writeAtomically`, and what the file's `write` throws */
  async writeFile(file: OutputFile, signal: AbortSignal, onBytes: (count: number) => void): Promise<void> {
    const place = this.fileOf(file.path);
    await mkdir(path.dirname(place), { recursive: true }).catch((error: unknown) => {
      throw writeError(error, place);
    });
    await writeAtomically(place, { size: file.bytes, protect: [], overwrite: true, signal }, (append) => {
      const counted: Append = async (content) => {
        await append(content);
        onBytes(content.length);
      };
      return file.write(counted, this.pieces, signal);
    });
  }

  /**
   * The files' folder becomes the target.
   *
   * @throws CompressionError `target-exists` if something else took the name meanwhile, `verification`, `io`
   */
  async finish(files: readonly OutputFile[]): Promise<void> {
    await this.pieces.close();
    const folder = path.join(this.target.partial, FILES);
    const expected = new Set(files.map(({ path: name }) => path.join(folder, name)));
    for (const file of await filesIn(folder)) {
      // Of a layout that an earlier version of the same plan could not have made: nothing else may slip in.
      if (!expected.has(file))
        throw new CompressionError('verification', 'does not belong to this run; start anew (--restart)', { file });
    }
    const done = Buffer.from('{}\n');
    await writeAtomically(
      path.join(this.target.partial, DONE),
      { size: done.length, protect: [], overwrite: true },
      (append) => append(done),
    );
    try {
      if (this.target.empty) await rmdir(this.target.path);
      await rename(folder, this.target.path);
    } catch (error) {
      throw writeError(error, this.target.path);
    }
    await syncFolder(path.dirname(this.target.path));
    await this.lock.release();
    await removeRun(this.target.partial);
  }

  /** Removes the folder: no run could go on from it. */
  async discard(): Promise<void> {
    await this.pieces.close();
    await removeRun(this.target.partial);
  }

  /** Lets go of the folder, and leaves what is in it. */
  async close(): Promise<void> {
    await this.pieces.close();
    await this.lock.release();
  }

  private fileOf(name: string): string {
    return path.join(this.target.partial, FILES, ...name.split('/'));
  }
}

/** Removes what a run left that was killed after its last step. Does nothing to one that did not end. */
export async function removeEnded(partial: string): Promise<void> {
  const names = await readdir(partial).catch((): string[] => []);
  if (!names.includes(DONE) || names.includes(FILES)) return;
  const lock = await RunLock.take(partial);
  await lock.release();
  await removeRun(partial);
}

/** What says that it ended goes last. */
async function removeRun(partial: string): Promise<void> {
  await removeContents(partial);
  await rm(partial, { recursive: true, force: true });
}

/** Identity of the run in the folder; undefined if there is none, or it was killed before it had one. */
async function earlierRun(partial: string): Promise<RunIdentity | undefined> {
  const names = await readdir(partial).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw isErrno(error, 'ENOTDIR') ? notOurs(partial) : writeError(error, partial);
  });
  if (names === undefined) return undefined;
  const text = await readFile(path.join(partial, JOURNAL), 'utf8').catch(() => undefined);
  if (text === undefined) {
    // Only what is made before the journal.
    if (names.every((name) => name === DONE || /^(lock|journal\.json)\.eigenscope-.*\.partial$/.test(name)))
      return undefined;
    throw notOurs(partial);
  }
  try {
    return (JSON.parse(text) as { run: RunIdentity }).run;
  } catch {
    throw notOurs(partial);
  }
}

function notOurs(partial: string): CompressionError {
  return new CompressionError(
    'target-exists',
    'is where this run would keep what is done so far, but holds something else; move it, or choose another name',
    { file: partial },
  );
}

/** Everything but the lock and the mark of an end; the journal last, so that a kill in between leaves a run's folder. */
async function removeContents(partial: string): Promise<void> {
  for (const name of [PIECES, FILES, JOURNAL]) await rm(path.join(partial, name), { recursive: true, force: true });
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => path.join(entry.parentPath, entry.name));
}

async function folderBytes(folder: string): Promise<number> {
  const sizes = await Promise.all(
    (await filesIn(folder)).map(async (file) => (await stat(file).catch(() => undefined))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
}
