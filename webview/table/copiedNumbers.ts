/** Numbers of rows as text for a spreadsheet: columns between tabs, full precision, C locale. Pure. */
import { visibleCell } from '../../extension/shared/visibleText';
import { ESTIMATED } from '../numbers/estimates';
import type { TreeNode } from '../model/moduleTree';
import { NAME_COLUMN } from './columnLayout';
import type { SortValue } from './tableOrder';

/** A column of the table, as far as it is copied. */
export interface CopiedColumn {
  key: string;
  sort: SortValue;
  text?: (node: TreeNode) => string | null;
  cell(node: TreeNode): { estimated?: boolean };
}

/**
 * @param columns as the table shows them; their keys are the first line
 * @param nodes one line each
 */
export function copiedNumbers(columns: readonly CopiedColumn[], nodes: readonly TreeNode[]): string {
  const lines = [columns.map(({ key }) => key), ...nodes.map((node) => columns.map((column) => cellOf(column, node)))];
  return lines.map((cells) => `${cells.join('\t')}\n`).join('');
}

function cellOf(column: CopiedColumn, node: TreeNode): string {
  if (column.key === NAME_COLUMN) return visibleCell(node.name);
  const value = column.text ? column.text(node) : column.sort(node);
  if (value === null) return '';
  if (typeof value === 'string') return visibleCell(value);
  // No number for a program: it would be taken for a measured one.
  return column.cell(node).estimated === true ? `${ESTIMATED} ${value}` : String(value);
}
