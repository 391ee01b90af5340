/** Which files of own numbers belong to which checkpoint, from one window to the next. VS Code keeps the list. */

/** The store of the list: a `vscode.Memento`. */
export interface OwnNumbersStore {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

const KEY = 'ownNumbers';

/** Checkpoints kept, the latest ones. */
const MOST_CHECKPOINTS = 100;

export class OwnNumbersMemory {
  constructor(private readonly store: OwnNumbersStore) {}

  files(checkpoint: string): readonly string[] {
    return this.entries().get(checkpoint) ?? [];
  }

  async keep(checkpoint: string, files: readonly string[]): Promise<void> {
    const entries = this.entries();
    entries.delete(checkpoint);
    if (files.length > 0) entries.set(checkpoint, files);
    await this.store.update(KEY, [...entries].slice(-MOST_CHECKPOINTS));
  }

  /** Whatever was stored: another version of this extension may have written it. */
  private entries(): Map<string, readonly string[]> {
    const stored = this.store.get(KEY);
    if (!Array.isArray(stored)) return new Map();
    const isText = (each: unknown): each is string => typeof each === 'string';
    const entries = stored.filter(
      (entry): entry is [string, string[]] =>
        Array.isArray(entry) && isText(entry[0]) && Array.isArray(entry[1]) && entry[1].every(isText),
    );
    return new Map(entries);
  }
}
