/**
 * Files that a process died of. They are left alone until they change: read again, they would end the next process, too.
 * Knows nothing of VS Code, which keeps the list from one window to the next.
 */
import { stat } from 'node:fs/promises';

/** The store of the list: a `vscode.Memento`. */
export interface QuarantineStore {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

/** Entries kept, the latest ones: a folder with more of them is none that anybody works in. */
const MOST_ENTRIES = 256;

export class Quarantine {
  /** Size and times of each file, by its path. */
  private readonly stamps: Map<string, string>;

  constructor(
    private readonly store: QuarantineStore,
    private readonly key: string,
  ) {
    this.stamps = new Map(entriesOf(store.get(key)));
  }

  /** True while the file is the one that was put here. */
  async holds(file: string): Promise<boolean> {
    const stamp = this.stamps.get(file);
    if (stamp === undefined) return false;
    if ((await stampOf(file)) === stamp) return true;
    this.stamps.delete(file);
    return false;
  }

  /** @param stamp of the file when the process began with it, by `stampOf` */
  async add(file: string, stamp: string): Promise<void> {
    this.stamps.delete(file);
    this.stamps.set(file, stamp);
    for (const oldest of this.stamps.keys()) {
      if (this.stamps.size <= MOST_ENTRIES) break;
      this.stamps.delete(oldest);
    }
    await this.store.update(this.key, [...this.stamps]);
  }

  /** It was read after all. */
  async remove(file: string): Promise<void> {
    if (this.stamps.delete(file)) await this.store.update(this.key, [...this.stamps]);
  }
}

/** Changes when the file's size, mtime or ctime does; empty for one that cannot be asked. */
export async function stampOf(file: string): Promise<string> {
  try {
    const { size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return ''; // gone, or not ours to see: reading it says which
  }
}

/** Whatever was stored: another version of this extension may have written it. */
function entriesOf(stored: unknown): [string, string][] {
  if (!Array.isArray(stored)) return [];
  return stored.filter(
    (entry): entry is [string, string] =>
      Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === 'string'),
  );
}
