/**
 * A table as text: Markdown for issues and notes, tabs for spreadsheets. Numbers in the C locale. Texts may come from
 * files: none becomes markup, another cell, or a formula.
 *
 * @see https://github.github.com/gfm/#tables-extension-
 */
import { visibleCell } from '../visibleText';
import { markdownCell, markdownText } from './markdownText';

/** `null` is an empty cell. A name stands as code in Markdown. */
export type TableCell = number | string | null | { readonly name: string };

export interface TextTable {
  readonly columns: readonly { readonly title: string; readonly align: 'start' | 'end' }[];
  readonly rows: Iterable<readonly TableCell[]>;
}

/** Significant digits of a number that is read by people. */
const READ_DIGITS = 5;

/** One line at a time, each with its line break. */
export function* markdownTable({ columns, rows }: TextTable): Generator<string> {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  yield line(columns.map(({ title }) => markdownText(title)));
  yield line(columns.map(({ align }) => (align === 'end' ? '---:' : '---')));
  for (const row of rows) yield line(row.map(markdownOf));
}

function markdownOf(cell: TableCell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return Number.isInteger(cell) ? String(cell) : shortNumber(cell);
  return typeof cell === 'string' ? markdownText(cell) : markdownCell(cell.name);
}

/** As few characters as say the number at this precision. */
function shortNumber(value: number): string {
  return String(Number(value.toPrecision(READ_DIGITS)));
}

/** One line at a time, each with its line break; numbers in full. */
export function* tabSeparated({ columns, rows }: TextTable): Generator<string> {
  const line = (cells: readonly string[]): string => `${cells.join('\t')}\n`;
  yield line(columns.map(({ title }) => visibleCell(title)));
  for (const row of rows) yield line(row.map(tabOf));
}

function tabOf(cell: TableCell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = visibleCell(typeof cell === 'string' ? cell : cell.name);
  // A spreadsheet takes a quote in front for the beginning of a cell of several lines.
  return text.startsWith('"') ? `'${text}` : text;
}
