/** Rows of the table as text: names and numbers as they are, not as the reader's language writes them. Pure. */
import { tabSeparated, type TableCell, type TextTable } from '../../extension/shared/exports/tableText';
import { ESTIMATED } from '../numbers/estimates';
import type { TreeNode } from '../model/moduleTree';
import { NAME_COLUMN } from './columnLayout';
import type { SortValue } from './tableOrder';

/** A column of the table, as far as it is copied. */
export interface CopiedColumn {
  key: string;
  label: string;
  align: 'start' | 'end';
  sort: SortValue;
  text?: (node: TreeNode) => string | null;
  cell(node: TreeNode): { estimated?: boolean };
}

/**
 * For a spreadsheet: columns between tabs, full precision.
 *
 * @param columns as the table shows them; their keys are the first line
 * @param nodes one line each
 */
export function copiedNumbers(columns: readonly CopiedColumn[], nodes: readonly TreeNode[]): string {
  return [...tabSeparated(copiedTable(columns, nodes, 'key'))].join('');
}

/** @param titles of the columns: keys for programs, or labels for people */
export function copiedTable(
  columns: readonly CopiedColumn[],
  nodes: readonly TreeNode[],
  titles: 'key' | 'label',
): TextTable {
  return {
    columns: columns.map((column) => ({ title: column[titles], align: column.align })),
    rows: nodes.map((node) => columns.map((column) => cellOf(column, node))),
  };
}

function cellOf(column: CopiedColumn, node: TreeNode): TableCell {
  if (column.key === NAME_COLUMN) return { name: node.name };
  const value = column.text ? column.text(node) : column.sort(node);
  // No number for a program: it would be taken for a measured one.
  return typeof value === 'number' && column.cell(node).estimated === true ? `${ESTIMATED} ${value}` : value;
}
