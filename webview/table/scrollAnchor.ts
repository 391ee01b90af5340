/** The row at the top of the table, held there while the table finds its height and numbers come in. */
import { ROW_HEIGHT } from './tableActions';
import type { ShownRow } from './tableOrder';

interface AnchoredTable {
  readonly element: HTMLElement;
  readonly rows: readonly ShownRow[];
}

export class ScrollAnchor {
  /** Key of the row; null once it was scrolled, or if there is none. */
  private key: string | null = null;

  constructor(private readonly table: AnchoredTable) {}

  /** Scrolls to a row and stays there, whatever rows come, until a person scrolls; null lets go. */
  hold(key: string | null): void {
    this.key = key;
    this.keep();
  }

  /** The rows, or the height of the table, are others. */
  keep(): void {
    if (this.key !== null) this.table.element.scrollTop = this.wanted;
  }

  /** To be called when the table was scrolled: by a person if it is not where it is held. */
  scrolled(): void {
    if (this.key !== null && Math.abs(this.table.element.scrollTop - this.wanted) > 1) this.key = null;
  }

  /** Key of the row at the top; null while one is held there, or nothing is in sight. */
  get top(): string | null {
    const { element, rows } = this.table;
    if (this.key !== null || element.clientHeight === 0) return null;
    return rows[Math.floor(element.scrollTop / ROW_HEIGHT)]?.node.key ?? null;
  }

  /** Where the held row is at the top, as far as the table can be scrolled; where it is now if there is no such row. */
  private get wanted(): number {
    const { scrollTop, scrollHeight, clientHeight } = this.table.element;
    const index = this.table.rows.findIndex((row) => row.node.key === this.key);
    return index < 0 ? scrollTop : Math.min(index * ROW_HEIGHT, Math.max(0, scrollHeight - clientHeight));
  }
}
