/** A table as it stands in a file, before its names and numbers are looked at. */

export interface RawRow {
  /** Counted from 1. */
  readonly line: number;
  readonly name: string;
  /** One for each column; texts are what CSV has. */
  readonly cells: readonly unknown[];
}

export interface RawTable {
  readonly columns: readonly string[];
  readonly rows: readonly RawRow[];
  /** Rows that could not be taken, in sentences with their lines. */
  readonly problems: readonly string[];
}

/** A file that is no table of numbers by name; reads after the file's name. */
export class TableError extends Error {
  override readonly name = 'TableError';
}

/** Layers of the largest models, several times over. */
export const MOST_ROWS = 500_000;

/** More columns than anybody looks at beside those that there are. */
export const MOST_COLUMNS = 32;

/** A header of a column is shown in the table. */
export const LONGEST_COLUMN = 60;

/** @throws TableError for names of columns that could not be told apart, or too many */
export function checkedColumns(columns: readonly string[]): string[] {
  if (columns.length === 0) throw new TableError('has names and no numbers: it needs a column for them');
  if (columns.length > MOST_COLUMNS) {
    throw new TableError(`has ${columns.length} columns; at most ${MOST_COLUMNS} are taken, so leave some out`);
  }
  const named = columns.map((column, i) => column.trim() || `column ${i + 2}`);
  const long = named.find((name) => name.length > LONGEST_COLUMN);
  if (long !== undefined) {
    throw new TableError(`has a column name of ${long.length} characters; at most ${LONGEST_COLUMN} are taken`);
  }
  const twice = named.find((name, i) => named.indexOf(name) !== i);
  if (twice !== undefined) throw new TableError(`has two columns called "${twice}"; give them different names`);
  return named;
}
