/**
 * Chosen key/value pairs of a GGUF header, whole: a vocabulary has hundreds of thousands of texts, which `readGgufHeader`
 * abbreviates for people.
 */
import { CheckpointError } from '../checkpointError';
import type { FileReader } from '../files/fileReader';
import { GgufCursor } from './ggufCursor';
import { readPreamble } from './ggufHeader';
import { readValue } from './ggufMetadata';

/** A number, truth value or text as the header shows it, the texts or the numbers of an array. */
export type GgufField = string | readonly string[] | Float64Array;

/** Ten times the largest vocabularies with their merges. */
const MAX_ITEMS = 10_000_000;

/** Longest text of an array: tokens of white space have some hundred bytes. */
const MAX_ITEM_BYTES = 65_536;

const MAX_KEY_BYTES = 65_535;

const TYPE = { text: 8, array: 9 } as const;

interface NumberReader {
  readonly size: number;
  readonly read: (view: DataView, at: number, little: boolean) => number;
}

const NUMBERS: ReadonlyMap<number, NumberReader> = new Map<number, NumberReader>([
  [0, { size: 1, read: (view, at) => view.getUint8(at) }],
  [1, { size: 1, read: (view, at) => view.getInt8(at) }],
  [2, { size: 2, read: (view, at, little) => view.getUint16(at, little) }],
  [3, { size: 2, read: (view, at, little) => view.getInt16(at, little) }],
  [4, { size: 4, read: (view, at, little) => view.getUint32(at, little) }],
  [5, { size: 4, read: (view, at, little) => view.getInt32(at, little) }],
  [6, { size: 4, read: (view, at, little) => view.getFloat32(at, little) }],
  [12, { size: 8, read: (view, at, little) => view.getFloat64(at, little) }],
]);

/**
 * The pairs whose keys begin with `prefix`, by the rest of the key.
 *
 * @throws CheckpointError `unknown-format`, `truncated`, `malformed`, `limit`; `unsupported` for arrays of arrays, truth
 *   values or 64-bit integers
 */
export async function readGgufFields(
  reader: FileReader,
  prefix: string,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, GgufField>> {
  const cursor = new GgufCursor(reader, signal);
  const { pairs } = await readPreamble(cursor);
  const fields = new Map<string, GgufField>();
  const count = { arrays: 0 };
  for (let i = 0; i < pairs; i++) {
    const key = await cursor.text(MAX_KEY_BYTES);
    await cursor.need(4);
    const start = cursor.offset;
    const wanted = key.startsWith(prefix) && !fields.has(key.slice(prefix.length));
    if (wanted && cursor.uint32() === TYPE.array) {
      fields.set(key.slice(prefix.length), await readArray(cursor, key));
    } else {
      cursor.offset = start;
      const value = await readValue(cursor, key, count);
      if (wanted) fields.set(key.slice(prefix.length), value);
    }
  }
  return fields;
}

async function readArray(cursor: GgufCursor, key: string): Promise<readonly string[] | Float64Array> {
  await cursor.need(12);
  const { file, offset } = cursor;
  const type = cursor.uint32();
  const length = cursor.uint64();
  if (length > MAX_ITEMS) {
    const message = `${key} has ${length} items; more than ${MAX_ITEMS} are not read`;
    throw new CheckpointError('limit', message, { file, offset });
  }
  if (type === TYPE.text) {
    const texts: string[] = [];
    for (let i = 0; i < length; i++) texts.push(await cursor.text(MAX_ITEM_BYTES));
    return texts;
  }
  const number = NUMBERS.get(type);
  if (!number) {
    throw new CheckpointError('unsupported', `${key} is an array of the type ${type}`, { file, offset });
  }
  if (length * number.size > cursor.left) cursor.skip(length * number.size);
  const values = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    if (!cursor.has(number.size)) await cursor.need(number.size);
    const bytes = cursor.take(number.size);
    values[i] = number.read(new DataView(bytes.buffer, bytes.byteOffset, number.size), 0, !cursor.bigEndian);
  }
  return values;
}
