/**
 * A table in CSV: names in the first column, or in one called `name`, `tensor`, `layer`, `parameter` or `module`. Commas,
 * semicolons or tabs.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4180
 */
import { checkedColumns, MOST_ROWS, TableError, type RawRow, type RawTable } from './rawTable';

const NAME_COLUMNS = /^(names?|tensors?|layers?|parameters?|params?|modules?|keys?)$/i;

interface CsvLine {
  /** Of its beginning, counted from 1. */
  readonly line: number;
  readonly cells: string[];
}

/** @throws TableError */
export function csvTable(text: string): RawTable {
  const lines = csvLines(text, separatorOf(text));
  const head = lines.next();
  if (head.done === true)
    throw new TableError('is empty: it needs a line of column names, then a line for each tensor');
  const { cells: header } = head.value;
  const named = header.findIndex((cell) => NAME_COLUMNS.test(cell.trim()));
  const at = Math.max(0, named);
  const columns = checkedColumns(header.filter((_, i) => i !== at));
  const rows: RawRow[] = [];
  const problems: string[] = [];
  for (const { line, cells } of lines) {
    if (cells.length !== header.length) {
      problems.push(`Line ${line} has ${cells.length} cells and the first line ${header.length}: it is left out.`);
      continue;
    }
    if (rows.length === MOST_ROWS) throw new TableError(`has more than ${MOST_ROWS} rows; leave some out`);
    rows.push({ line, name: cells[at]!.trim(), cells: cells.filter((_, i) => i !== at) });
  }
  return { columns, rows, problems };
}

/** The one that parts the first line into most cells. */
function separatorOf(text: string): string {
  const first = /^[^\r\n]*/.exec(text)![0];
  const counts = [',', ';', '\t'].map((each) => ({ each, count: first.split(each).length }));
  return counts.reduce((most, next) => (next.count > most.count ? next : most)).each;
}

/** Empty lines are passed over. @throws TableError for a quote without an end */
function* csvLines(text: string, separator: string): Generator<CsvLine> {
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const begun = line;
    const cells: string[] = [];
    for (;;) {
      let cell: string;
      if (text[at] === '"') {
        const parts: string[] = [];
        let from = at + 1;
        for (;;) {
          const end = text.indexOf('"', from);
          if (end < 0) throw new TableError(`has a quote in line ${line} without an end`);
          parts.push(text.slice(from, end));
          from = end + 1;
          if (text[from] !== '"') break;
          parts.push('"');
          from += 1;
        }
        cell = parts.join('');
        line += cell.split('\n').length - 1;
        at = from;
      } else {
        const end = endOfCell(text, at, separator);
        cell = text.slice(at, end);
        at = end;
      }
      cells.push(cell);
      if (text[at] !== separator) break;
      at += 1;
    }
    const [breaks] = /^(\r\n|\r|\n)?/.exec(text.slice(at, at + 2))!;
    if (breaks === '' && at < text.length) {
      throw new TableError(`has text behind a closing quote in line ${line}; double the quotes inside of a cell`);
    }
    at += breaks.length;
    line += 1;
    if (cells.length > 1 || cells[0]!.trim() !== '') yield { line: begun, cells };
  }
}

function endOfCell(text: string, from: number, separator: string): number {
  let at = from;
  while (at < text.length && text[at] !== separator && text[at] !== '\n' && text[at] !== '\r') at += 1;
  return at;
}
