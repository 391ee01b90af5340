/** One run at a time in a partial folder: a file whose name says which process is at work in it. */
import { open, unlink, utimes } from 'node:fs/promises';
import path from 'node:path';
import { CompressionError } from '../compressionError';
import { livingPartials, newPartialName, partialDone, removeAbandonedPartials, writerOf } from '../partialFile';
import { writeError } from '../writeError';

const LOCK = 'lock';

export class RunLock {
  private constructor(private readonly file: string) {}

  /**
   * @throws CompressionError `target-exists` while another run is at work in the folder, `read-only`, `no-space`, `io`
   */
  static async take(folder: string): Promise<RunLock> {
    const file = newPartialName(path.join(folder, LOCK));
    const lock = new RunLock(file);
    try {
      await (await open(file, 'wx')).close();
    } catch (error) {
      partialDone(file);
      throw writeError(error, file);
    }
    await removeAbandonedPartials(folder);
    const others = (await locksIn(folder)).filter((each) => each !== file);
    if (others.length === 0) return lock;
    await lock.release();
    throw atWork(folder, others[0]!);
  }

  /**
   * Changes nothing. A lock whose process is gone counts for nothing.
   *
   * @throws CompressionError `target-exists` while another run is at work in the folder
   */
  static async assertFree(folder: string): Promise<void> {
    const [other] = await locksIn(folder);
    if (other !== undefined) throw atWork(folder, other);
  }

  /** Says that the run is alive: a machine that shares the disk cannot tell otherwise. */
  async refresh(): Promise<void> {
    const now = new Date();
    // Failing to only matters after a day.
    await utimes(this.file, now, now).catch(() => undefined);
  }

  async release(): Promise<void> {
    await unlink(this.file).catch(() => undefined);
    partialDone(this.file);
  }
}

async function locksIn(folder: string): Promise<string[]> {
  return (await livingPartials(folder)).filter((each) => path.basename(each).startsWith(`${LOCK}.`));
}

function atWork(folder: string, lock: string): CompressionError {
  return new CompressionError(
    'target-exists',
    `another run is at work here (${writerOf(lock)}); wait until it has ended, stop it, or choose another name`,
    { file: folder },
  );
}
