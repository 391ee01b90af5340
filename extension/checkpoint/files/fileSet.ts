/**
 * The files of one checkpoint, opened when they are needed: a checkpoint of 163 shards must not hold 163 handles.
 * A file that is opened again must still be the one that was opened first.
 */
import { CheckpointError } from '../checkpointError';
import type { CheckpointFile, FileBytes } from './fileBytes';
import { FileReader, type FileIdentity } from './fileReader';
import { l10n } from '../../shared/language/l10n';

/**
 * Handles kept open between uses. Enough for the neighbouring shards that a walk through the table touches; far below
 * the 256 descriptors that macOS grants a process by default.
 */
export const MAX_IDLE_FILES = 16;

interface OpenFile {
  readonly reader: Promise<FileReader>;
  users: number;
}

export class FileSet {
  /** In order of last use, the oldest first. */
  private readonly files = new Map<string, OpenFile>();
  private readonly identities = new Map<string, FileIdentity>();
  private closed = false;

  constructor(private readonly maxIdle = MAX_IDLE_FILES) {}

  /**
   * Runs `task` on the file, opening it if it is not open, and checks before and after that it is the file that was
   * first opened under this path.
   *
   * @throws CheckpointError `changed`, and what `FileReader.open` and `task` throw
   */
  async use<T>(path: string, task: (reader: FileReader) => Promise<T>): Promise<T> {
    const file = this.acquire(path);
    try {
      const reader = await file.reader;
      this.identities.set(path, reader.identity);
      await reader.assertUnchanged();
      const result = await unlessChanged(reader, task);
      await reader.assertUnchanged();
      return result;
    } finally {
      file.users--;
      await this.closeIdle();
    }
  }

  /**
   * The file as bytes of their own, for readers that know nothing of sets: its handle is one of those above.
   *
   * @throws CheckpointError as `use`
   */
  async bytes(path: string): Promise<FileBytes> {
    const size = await this.use(path, (reader) => Promise.resolve(reader.size));
    return {
      path,
      size,
      read: (offset, length, signal) => this.use(path, (reader) => reader.read(offset, length, signal)),
      // Which `use` does.
      assertUnchanged: () => this.use(path, () => Promise.resolve()),
      close: () => Promise.resolve(),
    };
  }

  /**
   * All files of the set as the one that a checkpoint is known by: closing it closes them all. `use` notices changes.
   */
  under(path: string): CheckpointFile {
    return { path, assertUnchanged: () => Promise.resolve(), close: () => this.close() };
  }

  /** Handles now held, for tests. */
  get openFiles(): number {
    return this.files.size;
  }

  async close(): Promise<void> {
    this.closed = true;
    const files = [...this.files.values()];
    this.files.clear();
    await Promise.all(files.map(closeFile));
  }

  private acquire(path: string): OpenFile {
    if (this.closed)
      throw new CheckpointError('io', l10n.english('was closed'), {
        file: path,
        remedy: l10n.english('open it again'),
      });
    const open = this.files.get(path);
    this.files.delete(path);
    const file = open ?? { reader: FileReader.open(path, this.identities.get(path)), users: 0 };
    file.users++;
    this.files.set(path, file);
    if (!open) {
      // A file that could not be opened is tried anew at the next use; the error goes to the caller that awaits it.
      file.reader.catch(() => {
        if (this.files.get(path) === file) this.files.delete(path);
      });
    }
    return file;
  }

  private async closeIdle(): Promise<void> {
    if (this.files.size <= this.maxIdle) return;
    const idle = [...this.files].filter(([, file]) => file.users === 0).slice(0, this.files.size - this.maxIdle);
    for (const [path] of idle) this.files.delete(path);
    await Promise.all(idle.map(([, file]) => closeFile(file)));
  }
}

/** Data of another file that took this one's place fails in other ways first: says what really happened. */
async function unlessChanged<T>(reader: FileReader, task: (reader: FileReader) => Promise<T>): Promise<T> {
  try {
    return await task(reader);
  } catch (error) {
    if (error instanceof CheckpointError && error.code !== 'changed') await reader.assertUnchanged();
    throw error;
  }
}

async function closeFile(file: OpenFile): Promise<void> {
  const reader = await file.reader.catch(() => undefined);
  await reader?.close();
}
