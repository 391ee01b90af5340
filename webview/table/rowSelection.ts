/** Rows that a person has chosen together, as lists of VS Code have it: Ctrl adds and takes away, Shift takes a range. Pure. */
import type { ShownRow } from './tableOrder';

export class RowSelection {
  private keys = new Set<string>();
  /** Where a range begins. */
  private anchor: string | null = null;

  get size(): number {
    return this.keys.size;
  }

  has(key: string): boolean {
    return this.keys.has(key);
  }

  /** Those of the rows that are chosen, top first: what a filter hides is left out. */
  in(rows: readonly ShownRow[]): ShownRow[] {
    return this.keys.size === 0 ? [] : rows.filter(({ node }) => this.keys.has(node.key));
  }

  /** A range begins here. */
  startAt(key: string): void {
    this.anchor = key;
  }

  only(key: string): void {
    this.keys = new Set([key]);
    this.anchor = key;
  }

  clear(): void {
    this.keys = new Set();
    this.anchor = null;
  }

  toggle(key: string): void {
    if (!this.keys.delete(key)) this.keys.add(key);
    this.anchor = key;
  }

  /**
   * The rows from where the last choice was made to this one, and no others.
   *
   * @param from index of the row that the range begins at if nothing was chosen, or what was is not there
   */
  rangeTo(rows: readonly ShownRow[], from: number, to: number): void {
    const known = this.anchor === null ? -1 : rows.findIndex(({ node }) => node.key === this.anchor);
    const start = known < 0 ? from : known;
    this.anchor = rows[start]?.node.key ?? null;
    const range = rows.slice(Math.min(start, to), Math.max(start, to) + 1);
    this.keys = new Set(range.map(({ node }) => node.key));
  }

  all(rows: readonly ShownRow[]): void {
    this.keys = new Set(rows.map(({ node }) => node.key));
  }
}
