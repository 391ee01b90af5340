/** Attributes of groups and datasets: texts, lists of texts and small numbers, in words. */
import { CheckpointError } from '../checkpointError';
import { elementSize, widen } from '../elements/dtype';
import type { Hdf5Bytes } from './hdf5Bytes';
import { lengthWithout, type Hdf5Cursor } from './hdf5Cursor';
import { readDataspace, type Dataspace } from './hdf5Dataspace';
import { readDatatype, type Hdf5Type } from './hdf5Datatype';
import { FractalHeap } from './hdf5FractalHeap';
import { GlobalHeaps } from './hdf5GlobalHeap';
import { findMessage, MESSAGE, messageBody, sharedMessage, type Message } from './hdf5ObjectHeader';
import { walkTree2 } from './hdf5Tree2';
import { swapBytes } from '../elements/tensorView';

/** Longest text: the configuration of a model of a thousand layers has 1 MB. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/** Names of layers are one list. */
const MAX_VALUES = 100_000;

/** What a value in words takes at least, however few bytes of the file it is made of: none, where a type has no size. */
const VALUE_BYTES = 32;

/** Keras writes a handful on each group. */
const MAX_ATTRIBUTES = 10_000;

const SPACE_PADDED = 2;
const SPACE = 0x20;

/** A value in words, or several. */
export type AttributeValue = string | readonly string[];

/**
 * By name, those with a value that can be told in words.
 *
 * @param onDamage is told what is wrong with an attribute that cannot be read
 * @throws CheckpointError where the file cannot be read: `changed`, `io`; what `onDamage` throws
 */
export async function readAttributes(
  messages: readonly Message[],
  bytes: Hdf5Bytes,
  onDamage: (error: CheckpointError) => void,
): Promise<Map<string, AttributeValue>> {
  const found = new Map<string, AttributeValue>();
  const heaps = new GlobalHeaps(bytes);
  const read = async (body: () => Promise<Hdf5Cursor>): Promise<void> => {
    if (found.size >= MAX_ATTRIBUTES) return;
    try {
      const { name, value } = await readAttribute(await body(), bytes, heaps);
      if (value !== undefined) found.set(name, value);
    } catch (error) {
      onDamage(damage(error));
    }
  };
  for (const message of messages) {
    if (message.type === MESSAGE.attribute) await read(() => messageBody(message, bytes));
  }
  try {
    const info = await findMessage(messages, MESSAGE.attributeInfo, bytes);
    if (info) await readDense(info, bytes, read);
  } catch (error) {
    onDamage(damage(error));
  }
  return found;
}

/** What is wrong with one attribute, where the rest can be sound. @throws everything else */
function damage(error: unknown): CheckpointError {
  if (error instanceof CheckpointError && !['changed', 'io'].includes(error.code)) return error;
  throw error;
}

/** Many or large attributes lie in a heap. */
async function readDense(
  info: Hdf5Cursor,
  bytes: Hdf5Bytes,
  read: (body: () => Promise<Hdf5Cursor>) => Promise<void>,
): Promise<void> {
  info.skip(1);
  if (info.uint8() & 1) info.skip(2);
  const [heapAddress, tree] = [info.address(), info.address()];
  if (heapAddress === undefined || tree === undefined) return;
  const heap = await FractalHeap.open(bytes, heapAddress);
  // An identifier of 8 bytes comes first.
  await walkTree2(bytes, tree, (record) => read(() => heap.object(record.take(8))));
}

async function readAttribute(
  cursor: Hdf5Cursor,
  bytes: Hdf5Bytes,
  heaps: GlobalHeaps,
): Promise<{ name: string; value: AttributeValue | undefined }> {
  const version = cursor.uint8();
  if (version < 1 || version > 3) throw cursor.error('unsupported', `has an attribute of version ${version}`);
  const flags = cursor.uint8();
  const [nameBytes, typeBytes, spaceBytes] = [cursor.uint16(), cursor.uint16(), cursor.uint16()];
  // The name's character set, which is ASCII or UTF-8.
  if (version === 3) cursor.skip(1);
  const part = (length: number): Hdf5Cursor => {
    const taken = cursor.part(length);
    // Version 1 fills parts up to 8 bytes.
    if (version === 1) cursor.skip(Math.min(cursor.left, -length & 7));
    return taken;
  };
  const name = part(nameBytes).text();
  const stored = part(typeBytes);
  const type = readDatatype(version > 1 && flags & 1 ? await sharedMessage(stored, MESSAGE.datatype, bytes) : stored);
  const space = part(spaceBytes);
  const shape = readDataspace(version > 1 && flags & 2 ? await sharedMessage(space, MESSAGE.dataspace, bytes) : space);
  if (shape.count > MAX_VALUES) {
    throw cursor.error('limit', `has an attribute of ${shape.count} values; at most ${MAX_VALUES} are read`);
  }
  bytes.spend(VALUE_BYTES * shape.count);
  return { name, value: await valueOf(cursor, type, shape, heaps) };
}

async function valueOf(
  data: Hdf5Cursor,
  type: Hdf5Type,
  { shape, count }: Dataspace,
  heaps: GlobalHeaps,
): Promise<AttributeValue | undefined> {
  const one = (values: string[]): AttributeValue | undefined => (shape.length === 0 ? values[0] : values);
  if (type.kind === 'number') {
    if (type.dtype.startsWith('C')) return undefined;
    const elements = Buffer.from(data.take(count * elementSize(type.dtype)));
    if (type.bigEndian) swapBytes(elements, type.size);
    return one([...widen(elements, type.dtype)].map(type.dtype === 'BOOL' ? (value) => String(value !== 0) : String));
  }
  if (type.kind !== 'text' && type.kind !== 'variable text') return undefined;
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const place = data.part(type.size);
    texts.push(type.kind === 'text' ? fixedText(place.bytes, type.padding) : await heaps.text(place, MAX_TEXT_BYTES));
  }
  return one(texts);
}

function fixedText(bytes: Buffer, padding: number): string {
  if (padding === SPACE_PADDED) return bytes.toString('utf8', 0, lengthWithout(bytes, SPACE));
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
