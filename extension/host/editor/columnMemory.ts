/** How the table's columns were arranged last, for all views of a workspace. Knows nothing of VS Code, which keeps it. */
import { isUsual, parseColumnLayout, type ColumnLayout } from '../../shared/columnLayout';

/** The store: a `vscode.Memento`. */
export interface ColumnStore {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

const KEY = 'columns';

export class ColumnMemory {
  constructor(private readonly store: ColumnStore) {}

  read(): ColumnLayout {
    return parseColumnLayout(this.store.get(KEY));
  }

  /** What the program shows by itself is not kept: a later version may show something else. */
  async write(layout: ColumnLayout): Promise<void> {
    await this.store.update(KEY, isUsual(layout) ? undefined : parseColumnLayout(layout));
  }
}
