/**
 * Key/value pairs of a GGUF header as text. Arrays, which can be vocabularies of 100 000s, are abbreviated while they
 * are read: nothing but what is shown is kept.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (`gguf_metadata_value_type`)
 */
import { CheckpointError } from '../checkpointError';
import type { GgufCursor } from './ggufCursor';

/** Arrays of up to this many are shown whole: one number a block of a large model. */
const WHOLE_ARRAY = 128;

/** Items that are shown of longer ones. */
const ITEMS_SHOWN = 8;

/** Chat templates have some ten thousand characters. */
const MAX_TEXT_BYTES = 65_536;

/** Longest text in an array that is kept. */
const MAX_ITEM_BYTES = 100;

/** ggml refuses arrays in arrays altogether; bounds the recursion, and the walk through all values. */
const MAX_DEPTH = 8;
const MAX_ARRAYS = 100_000;

/** Arrays of all values that were read so far. */
export interface ArrayCount {
  arrays: number;
}

const TYPE = { bool: 7, text: 8, array: 9 } as const;

interface NumberType {
  readonly size: 1 | 2 | 4 | 8;
  readonly read: (view: DataView, littleEndian: boolean) => string;
}

const NUMBERS: ReadonlyMap<number, NumberType> = new Map<number, NumberType>([
  [0, { size: 1, read: (view) => String(view.getUint8(0)) }],
  [1, { size: 1, read: (view) => String(view.getInt8(0)) }],
  [2, { size: 2, read: (view, little) => String(view.getUint16(0, little)) }],
  [3, { size: 2, read: (view, little) => String(view.getInt16(0, little)) }],
  [4, { size: 4, read: (view, little) => String(view.getUint32(0, little)) }],
  [5, { size: 4, read: (view, little) => String(view.getInt32(0, little)) }],
  [6, { size: 4, read: (view, little) => float32Text(view.getFloat32(0, little)) }],
  [TYPE.bool, { size: 1, read: (view) => String(view.getUint8(0) !== 0) }],
  [10, { size: 8, read: (view, little) => String(view.getBigUint64(0, little)) }],
  [11, { size: 8, read: (view, little) => String(view.getBigInt64(0, little)) }],
  [12, { size: 8, read: (view, little) => String(view.getFloat64(0, little)) }],
]);

/**
 * The value that comes next, as a person reads it.
 *
 * @throws CheckpointError `malformed` for an unknown type, after which nothing can be found, `limit`; what the cursor
 *   throws
 */
export async function readValue(cursor: GgufCursor, key: string, count: ArrayCount): Promise<string> {
  await cursor.need(4);
  const type = cursor.uint32();
  if (type === TYPE.text) return cursor.text(MAX_TEXT_BYTES);
  if (type !== TYPE.array) return readNumber(cursor, numberType(cursor, key, type));
  return readArray(cursor, key, count, 0);
}

async function readArray(cursor: GgufCursor, key: string, count: ArrayCount, depth: number): Promise<string> {
  if (depth > MAX_DEPTH || count.arrays++ > MAX_ARRAYS) {
    const message = `up to the value of ${key.slice(0, 200)} there are more than ${MAX_ARRAYS} arrays, or more than ${MAX_DEPTH} in one another`;
    throw new CheckpointError('limit', message, { file: cursor.file, offset: cursor.offset });
  }
  await cursor.need(12);
  const type = cursor.uint32();
  const length = cursor.uint64();
  const shown = length <= WHOLE_ARRAY ? length : ITEMS_SHOWN;
  const items: string[] = [];
  const number = type === TYPE.text || type === TYPE.array ? undefined : numberType(cursor, key, type);
  if (number) {
    // The last byte must be there before anything is walked: a length is only a claim.
    if (length * number.size > cursor.left) cursor.skip(length * number.size);
    for (let i = 0; i < shown; i++) items.push(await readNumber(cursor, number));
    cursor.skip((length - shown) * number.size);
  } else if (type === TYPE.text) {
    for (let i = 0; i < shown; i++) items.push(JSON.stringify(await cursor.text(MAX_ITEM_BYTES)));
    await skipTexts(cursor, length - shown);
  } else {
    for (let i = 0; i < length; i++) {
      const item = await readArray(cursor, key, count, depth + 1);
      if (i < ITEMS_SHOWN) items.push(item);
    }
  }
  const rest = items.length < length ? `, … ${length} in all` : '';
  return `[${items.join(', ')}${rest}]`;
}

async function skipTexts(cursor: GgufCursor, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    // No await for each of a million words.
    if (!cursor.has(8)) await cursor.need(8);
    cursor.skip(cursor.uint64());
  }
}

function numberType(cursor: GgufCursor, key: string, type: number): NumberType {
  const known = NUMBERS.get(type);
  if (known) return known;
  const message = `the value of ${key} has the type ${type}, which GGUF does not define`;
  throw new CheckpointError('malformed', message, { file: cursor.file, offset: cursor.offset });
}

async function readNumber(cursor: GgufCursor, { size, read }: NumberType): Promise<string> {
  await cursor.need(size);
  const bytes = cursor.take(size);
  return read(new DataView(bytes.buffer, bytes.byteOffset, size), !cursor.bigEndian);
}

/** The fewest digits that mean the same float32: 0.00001, not 0.000009999999747378752. */
function float32Text(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
}
