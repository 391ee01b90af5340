/** How the table was arranged last, for all views of a workspace. Knows nothing of VS Code, which keeps it. */
import { isUsual, parseColumnLayout, type ColumnLayout } from '../../shared/columnLayout';
import { parseTableShares, type TableShares } from '../../shared/tableShares';

/** The store: a `vscode.Memento`. */
export interface TableStore {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

/** A view that shows the arrangement of the others. */
export interface ColumnReader {
  columnsChanged(layout: ColumnLayout): void;
}

const KEY = 'columns';
const SHARES_KEY = 'tableShares';

export class TableMemory {
  private readonly readers = new Set<ColumnReader>();

  constructor(private readonly store: TableStore) {}

  read(): ColumnLayout {
    return parseColumnLayout(this.store.get(KEY));
  }

  get shares(): TableShares {
    return parseTableShares(this.store.get(SHARES_KEY));
  }

  /** For views that open later: one that is open keeps the room it has. */
  async keepShares(shares: TableShares): Promise<void> {
    await this.store.update(SHARES_KEY, parseTableShares(shares));
  }

  /** @returns what ends it */
  tell(reader: ColumnReader): { dispose(): void } {
    this.readers.add(reader);
    return { dispose: () => this.readers.delete(reader) };
  }

  /**
   * What the program shows by itself is not kept: a later version may show something else.
   *
   * @param by has it already, and is not told
   */
  async write(layout: ColumnLayout, by?: ColumnReader): Promise<void> {
    const kept = parseColumnLayout(layout);
    const stored = this.store.update(KEY, isUsual(kept) ? undefined : kept);
    for (const reader of this.readers) if (reader !== by) reader.columnsChanged(kept);
    await stored;
  }
}
