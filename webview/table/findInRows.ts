/**
 * Where a text stands in the names of rows: each place counts once, at the row whose own part of the name it ends in. So
 * `layers.3` is found at the module and not at everything below it, as a search in the visible text would have it. Pure.
 */
import type { TreeNode } from '../model/moduleTree';
import type { ShownRow } from './tableOrder';

/** @param wanted in lower case */
export function findInRows(rows: readonly ShownRow[], wanted: string): TreeNode[] {
  if (wanted === '') return [];
  return rows.flatMap((row) => {
    const { text, own } = shownName(row);
    const at = text.toLowerCase().lastIndexOf(wanted);
    return at >= 0 && at + wanted.length > own ? [row.node] : [];
  });
}

/** Indexes of the row's visible text that belong to the places found; empty for a row without one. */
export function foundMarks(row: ShownRow, wanted: string): Set<number> {
  const marks = new Set<number>();
  const { text, own } = shownName(row);
  const lower = text.toLowerCase();
  // If a letter's small form is longer, places in the one text are not those of the other.
  if (wanted === '' || lower.length !== text.length) return marks;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + 1)) {
    for (let i = Math.max(own, at); i < at + wanted.length; i++) marks.add(i - own);
  }
  return marks;
}

/** The whole name, and the place from which on the row shows it: in the tree, what it adds to its parent. */
function shownName({ node, depth, matches, found }: ShownRow): { text: string; own: number } {
  const { name, label } = node;
  if (isWhole({ node, depth, matches })) return { text: found ?? name, own: 0 };
  return name.endsWith(label) ? { text: name, own: name.length - label.length } : { text: label, own: 0 };
}

/** True in a list, whose rows show whole names. */
export function isWhole({ node, depth, matches }: Pick<ShownRow, 'node' | 'depth' | 'matches'>): boolean {
  return matches !== undefined || depth < node.depth;
}
