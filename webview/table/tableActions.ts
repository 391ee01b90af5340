/** What a person can do with a row of the table, and what the keyboard needs of the table. */
import type { TreeNode } from '../model/moduleTree';
import type { Column } from './columns';
import type { ShownRow } from './tableOrder';

/** Must equal `--row-height` in the style sheet. */
export const ROW_HEIGHT = 24;

export interface TableActions {
  open(node: TreeNode, how: 'pointer' | 'keyboard'): void;
  toggle(node: TreeNode, expand: boolean): void;
  /** @param nodes the row, or all that are chosen together if it is one of them */
  menu(nodes: readonly TreeNode[], at: { x: number; y: number }): void;
  /** Other rows are chosen together. */
  chosen(): void;
  sort(column: Column): void;
  /** @param width in pixels; null for the usual one */
  resize(column: string, width: number | null): void;
  /** A width is settled. */
  resized(): void;
  moveColumn(column: string, target: string, side: 'before' | 'behind'): void;
  /** The columns of numbers have more room or less: the table's width changed, or the names'. */
  widthChanged(): void;
  /** Rows in sight, top first, after scrolling has come to rest. */
  visible(nodes: TreeNode[]): void;
  /** Letters typed while the table has the focus. */
  type(text: string): void;
}

/** The table as its keyboard handler sees it. */
export interface KeyboardTable {
  readonly element: HTMLElement;
  readonly rows: readonly ShownRow[];
  /** Index of the row the keyboard is on; −1 in an empty table. */
  readonly active: number;
  /** Rows that fit into the view. */
  readonly pageSize: number;
  moveTo(index: number): void;
  /** Moves there, and chooses the rows on the way. */
  extendTo(index: number): void;
  toggleChosen(): void;
  chooseAll(): void;
  /** @returns false if there were no several rows chosen */
  forgetChosen(): boolean;
  /** What a menu of the active row is for. */
  readonly menuNodes: readonly TreeNode[];
  scrollColumns(direction: -1 | 1): void;
  /** The place for a menu of the active row, in pixels of the page. */
  activePlace(): { x: number; y: number };
}
