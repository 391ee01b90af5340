/** Reads a person's own numbers of layers from a CSV or JSON file, and says what of it does not fit the checkpoint. */
import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileError } from '../../checkpoint/files/fileReader';
import { didYouMean } from '../../shared/names/nearestNames';
import type { OwnNumbers } from '../../shared/ownNumbers';
import type { CheckpointSummary } from '../../shared/tensors';
import { EngineError } from '../layer/engineLayer';
import { csvTable } from './csvTable';
import { jsonTable } from './jsonTable';
import { layerNames } from './layerNames';
import { LONGEST_COLUMN, TableError, type RawTable } from './rawTable';

/** Numbers of 100 000 layers in many columns have some 20 MB. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Names and problems that are told; the others are counted. */
const MOST_TOLD = 20;

/** Decimal, as all programs write it: no hexadecimal, no thousands. */
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** What stands for no number. */
const NOTHING = /^(null|none|na|n\/a|-)?$/i;

/**
 * @throws EngineError `own-numbers` for a file that is no table of numbers, or fits nothing of the checkpoint
 * @throws CheckpointError as reading
 */
export async function readOwnNumbers(
  { tensors }: Pick<CheckpointSummary, 'tensors'>,
  file: string,
  signal: AbortSignal,
): Promise<OwnNumbers> {
  const refuse = (why: string): EngineError => new EngineError('own-numbers', `${file}: ${why}`);
  let content: Buffer;
  try {
    const stats = await stat(file);
    if (!stats.isFile()) throw refuse('is not a regular file');
    if (stats.size > MAX_BYTES) throw refuse(`has ${stats.size} bytes; at most ${MAX_BYTES} are read`);
    content = await readFile(file, { signal });
  } catch (error) {
    if (error instanceof EngineError || signal.aborted) throw error;
    throw fileError(error, file);
  }
  try {
    return ownNumbers(tensors, file, rawTable(content, file));
  } catch (error) {
    throw error instanceof TableError ? refuse(error.message) : error;
  }
}

function rawTable(content: Buffer, file: string): RawTable {
  const text = content.subarray(0, 3).toString('hex') === 'efbbbf' ? content.subarray(3) : content;
  if (!isUtf8(text) || text.includes(0)) throw new TableError('is not UTF-8 text; save it as CSV or JSON in UTF-8');
  const { name, ext } = path.parse(file);
  if (ext.toLowerCase() === '.json') return jsonTable(text, name.slice(0, LONGEST_COLUMN));
  return csvTable(text.toString('utf8'));
}

function ownNumbers(tensors: CheckpointSummary['tensors'], file: string, table: RawTable): OwnNumbers {
  const layersOf = layerNames(tensors);
  const told = new Told(table.problems);
  const unmatched: string[] = [];
  const rowOf = new Map<string, readonly (number | null)[]>();
  const isText = textColumns(table);
  for (const [column, name] of table.columns.entries()) {
    if (isText[column]) told.add(`The column "${name}" has no numbers and is left out.`);
  }
  for (const { line, name, cells } of table.rows) {
    const layers = layersOf(name);
    if (!layers) {
      unmatched.push(name);
      continue;
    }
    const numbers = cells.map((cell, column) => {
      if (isText[column]) return null;
      const value = numberOf(cell);
      if (value !== undefined) return value;
      told.add(
        `Line ${line}: "${table.columns[column]!}" of ${name} is ${shown(cell)}, no finite number: it stays empty.`,
      );
      return null;
    });
    for (const layer of layers) {
      if (rowOf.has(layer)) told.add(`Line ${line}: ${layer} stands in the file twice; the first row is taken.`);
      else rowOf.set(layer, numbers);
    }
  }
  if (rowOf.size === 0) throw new TableError(`names no tensor of this checkpoint${nearest(unmatched, tensors)}`);
  const layers = [...rowOf.keys()];
  const columns = table.columns.flatMap((name, column) =>
    isText[column] ? [] : [{ name, values: layers.map((layer) => rowOf.get(layer)![column]!) }],
  );
  if (columns.length === 0) throw new TableError('has no column of numbers');
  return {
    ...{ path: file, layers, columns, rows: table.rows.length },
    unmatched: { names: unmatched.slice(0, MOST_TOLD), count: unmatched.length },
    problems: told.problems,
  };
}

/** True for columns that have texts and not one number: names of types, say. */
function textColumns({ columns, rows }: RawTable): boolean[] {
  const [texts, numbers] = [columns.map(() => false), columns.map(() => false)];
  for (const { cells } of rows) {
    cells.forEach((cell, column) => {
      const value = numberOf(cell);
      if (value === undefined) texts[column] = true;
      else if (value !== null) numbers[column] = true;
    });
  }
  return columns.map((_, column) => texts[column]! && !numbers[column]!);
}

/** @returns null for an empty cell, undefined for what is no number */
function numberOf(cell: unknown): number | null | undefined {
  if (cell === null) return null;
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : undefined;
  if (typeof cell !== 'string') return undefined;
  const text = cell.trim();
  if (NOTHING.test(text)) return null;
  const value = NUMBER.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** Characters of a bad cell that are told. */
const LONGEST_CELL = 40;

function shown(cell: unknown): string {
  const text = typeof cell === 'string' ? cell.trim() : JSON.stringify(cell);
  return `"${text.length > LONGEST_CELL ? `${text.slice(0, LONGEST_CELL)}…` : text}"`;
}

function nearest(unmatched: readonly string[], tensors: CheckpointSummary['tensors']): string {
  const [first] = unmatched;
  if (first === undefined) return ': it has no rows';
  const names = tensors.map(({ name }) => name);
  return `: its first name is "${first.slice(0, 100)}"${didYouMean(first, names)}`;
}

/** Problems: the first ones, and how many. */
class Told {
  private readonly messages: string[] = [];
  private count = 0;

  constructor(problems: readonly string[]) {
    for (const problem of problems) this.add(problem);
  }

  add(problem: string): void {
    this.count += 1;
    if (this.messages.length < MOST_TOLD) this.messages.push(problem);
  }

  get problems(): OwnNumbers['problems'] {
    return { messages: this.messages, count: this.count };
  }
}
