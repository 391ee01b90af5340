/**
 * The files that the hover's index knows: at most so many, read once until they change, and none again that a process
 * died of. Knows nothing of VS Code.
 */
import { likeliestFirst } from './workspaceFiles';
import type { PackedSummary } from '../../shared/tensors';
import { HeaderReaderDiedError, type HeaderReader } from './headerReader';
import { LayerIndex } from './layerIndex';
import { stampOf, type Quarantine } from '../quarantine';

/** Checkpoints whose names are known. */
const MAX_INDEXED = 64;

/** Files that turned out to be none, which one pass may read: a header takes milliseconds, another process does it. */
const MAX_REFUSED = 128;

/** Processes that may die of the files of a workspace until hovers make do with what is known. */
const MAX_DEATHS = 5;

export interface IndexLog {
  debug(message: string): void;
  warn(message: string): void;
}

/** What a checkpoint is, without its names. */
export interface CheckpointHead extends Pick<
  PackedSummary,
  'format' | 'architecture' | 'parameters' | 'bytes' | 'dtypes' | 'version'
> {
  tensorCount: number;
  problems: number;
}

export class IndexedFiles {
  readonly index = new LayerIndex();
  private readonly heads = new Map<string, CheckpointHead>();
  /** Files that were read or tried, by path; what they were then. */
  private readonly known = new Map<string, { stamp: string; indexed: boolean }>();
  private readonly listeners = new Set<() => void>();
  private deaths = 0;
  private disposed = false;

  constructor(
    private readonly reader: Pick<HeaderReader, 'read' | 'dispose'>,
    private readonly quarantine: Quarantine,
    private readonly log: IndexLog,
  ) {}

  /** Reads those of the files that were not read yet, as far as the limits go. */
  async readNew(files: readonly string[]): Promise<void> {
    let refused = 0;
    for (const file of likeliestFirst(files)) {
      if (this.disposed || refused >= MAX_REFUSED || this.deaths >= MAX_DEATHS) return;
      if (this.known.has(file)) continue;
      if (this.indexedCount >= MAX_INDEXED) return;
      if (!(await this.read(file))) refused += 1;
    }
  }

  /**
   * Forgets what is gone or stands for itself no longer; what changed is new to `readNew`, and answers as it was until then.
   *
   * @param touched files that may have changed; undefined for all
   * @param files that there are
   * @param all false where there may be others
   */
  async review(touched: readonly string[] | undefined, files: readonly string[], all: boolean): Promise<void> {
    const there = new Set(files);
    for (const file of touched ?? [...this.known.keys()]) {
      const known = this.known.get(file);
      if (!known) continue;
      const isSame = (await stampOf(file)) === known.stamp;
      if (isSame && (there.has(file) || !all)) continue;
      this.known.delete(file);
      if (!there.has(file)) this.forget(file);
    }
  }

  /** Those that are known, by path. */
  get files(): readonly string[] {
    return [...this.heads.keys()];
  }

  head(file: string): CheckpointHead | undefined {
    return this.heads.get(file);
  }

  /** Called when a file is known, known anew, or forgotten. */
  onChange(listener: () => void): { dispose(): void } {
    this.listeners.add(listener);
    return { dispose: () => void this.listeners.delete(listener) };
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  dispose(): void {
    this.disposed = true;
    this.listeners.clear();
    this.reader.dispose();
  }

  private forget(file: string): void {
    this.index.remove(file);
    if (this.heads.delete(file)) this.tell();
  }

  private get indexedCount(): number {
    let count = 0;
    for (const { indexed } of this.known.values()) if (indexed) count += 1;
    return count;
  }

  /** @returns whether it is in the index now */
  private async read(file: string): Promise<boolean> {
    const stamp = await stampOf(file);
    const indexed = !(await this.quarantine.holds(file)) && (await this.readAs(stamp, file));
    if (!indexed) this.forget(file);
    this.known.set(file, { stamp, indexed });
    return indexed;
  }

  private async readAs(stamp: string, file: string): Promise<boolean> {
    try {
      const { tensors, problems, ...summary } = await this.reader.read(file);
      const { format, architecture, parameters, bytes, dtypes, version } = summary;
      const added = await this.index.add(file, tensors);
      const counts = { tensorCount: tensors.kindOf.length, problems: problems.length };
      if (added) {
        this.heads.set(file, { format, architecture, parameters, bytes, dtypes, version, ...counts });
        this.tell();
      }
      if (!added) this.log.warn(`${file} is left out of hovers: too many tensors are known already.`);
      return added;
    } catch (error) {
      if (error instanceof HeaderReaderDiedError) await this.died(file, stamp, error.message);
      // Suffixes like .bin belong to others, too: not being a checkpoint is no news.
      else this.log.debug(`not indexed for hovers: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }

  private async died(file: string, stamp: string, how: string): Promise<void> {
    if (this.disposed) return;
    this.deaths += 1;
    this.log.warn(`${file} is left out of hovers until it changes: the process that read its header was ${how}.`);
    if (this.deaths === MAX_DEATHS)
      this.log.warn(`${MAX_DEATHS} processes died so: this window reads no more headers.`);
    await this.quarantine.add(file, stamp);
  }
}
