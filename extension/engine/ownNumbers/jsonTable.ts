/**
 * A table in JSON: an object keyed by tensor name, whose values are numbers, or objects of numbers by column. Read entry by
 * entry, so that a name that stands twice is seen, and lines can be told.
 */
import { JsonSyntaxError, objectEntries, parseValue, skipSpace } from '../../checkpoint/files/jsonObject';
import { checkedColumns, MOST_COLUMNS, MOST_ROWS, TableError, type RawRow, type RawTable } from './rawTable';

/** @param single name of the column where values are bare numbers @throws TableError */
export function jsonTable(json: Buffer, single: string): RawTable {
  const lines = new LineCounter(json);
  try {
    return readTable(json, single, lines);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new TableError(`line ${lines.at(error.offset)}: ${error.message}`);
  }
}

function readTable(json: Buffer, single: string, lines: LineCounter): RawTable {
  if (json[skipSpace(json, 0)] === 0x5b) {
    throw new TableError('is a list; write an object keyed by tensor name: {"name": {"loss": 0.5}}');
  }
  const columns: string[] = [];
  const places = new Map<string, number>();
  const rows: { line: number; name: string; cells: Map<number, unknown> }[] = [];
  const problems: string[] = [];
  const placeOf = (column: string): number => {
    let place = places.get(column);
    if (place === undefined) {
      if (columns.length === MOST_COLUMNS) checkedColumns([...columns, column]);
      places.set(column, (place = columns.push(column) - 1));
    }
    return place;
  };
  const entries = objectEntries(json);
  let next = entries.next();
  for (; next.done !== true; next = entries.next()) {
    const { key: name, keyOffset, start, end } = next.value;
    const line = lines.at(keyOffset);
    if (rows.length === MOST_ROWS) throw new TableError(`has more than ${MOST_ROWS} entries; leave some out`);
    const cells = new Map<number, unknown>();
    if (json[start] === 0x7b) {
      const inner = objectEntries(json, start);
      for (const { key, start: from, end: to } of inner) {
        const place = placeOf(key);
        if (cells.has(place))
          problems.push(`Line ${line}: "${key}" of ${name} stands twice; the first number is taken.`);
        else cells.set(place, valueOf(json, from, to));
      }
    } else cells.set(placeOf(single), valueOf(json, start, end));
    rows.push({ line, name, cells });
  }
  const after = skipSpace(json, next.value);
  if (after < json.length) throw new JsonSyntaxError('text behind the end of the object', after);
  if (rows.length === 0) throw new TableError('is an empty object');
  const named = checkedColumns(columns);
  const filled = rows.map(({ line, name, cells }): RawRow => {
    return { line, name, cells: named.map((_, place) => cells.get(place) ?? null) };
  });
  return { columns: named, rows: filled, problems };
}

/** Python writes these, which JSON does not have. */
const NOT_FINITE = /^-?(NaN|Infinity)$/;

function valueOf(json: Buffer, start: number, end: number): unknown {
  const text = end - start <= 9 ? json.toString('latin1', start, end) : '';
  return NOT_FINITE.test(text) ? text : parseValue(json, start, end);
}

/** Lines of offsets that mostly grow. */
class LineCounter {
  private offset = 0;
  private line = 1;

  constructor(private readonly json: Buffer) {}

  at(offset: number): number {
    if (offset < this.offset) [this.offset, this.line] = [0, 1];
    for (let at = this.json.indexOf(0x0a, this.offset); at >= 0 && at < offset; at = this.json.indexOf(0x0a, at + 1)) {
      this.line += 1;
      this.offset = at + 1;
    }
    return this.line;
  }
}
