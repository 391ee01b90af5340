/**
 * Arrays as Flax packs them: an extension of MessagePack that holds the shape, the name of the element type and the elements.
 *
 * @see https://github.com/google/flax/blob/main/flax/serialization.py (`_ndarray_to_bytes`)
 */
import type { DType } from '../../shared/tensors';
import { elementSize } from '../elements/dtype';
import type { MsgpackReader, MsgpackToken } from './msgpackReader';
import { elementCount, MAX_RANK } from '../elements/shape';

/** The longest name of a type has 15 characters. */
const MAX_TYPE_NAME = 64;

/** `_MsgpackExtType` */
const NDARRAY = 1;
export const NATIVE_COMPLEX = 2;
const SCALAR = 3;

const DTYPES: Readonly<Record<string, DType>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
  complex64: 'C64',
  complex128: 'C128',
};

/** Bytes of the file. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
}

export interface FlaxArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Joined they are the elements, row-major and little-endian. */
  readonly pieces: readonly Piece[];
}

/** An array as it is stored: whether it fits its name's shape is not looked at yet. */
export interface StoredArray {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly piece: Piece;
}

/** An array that cannot be read, though the file goes on behind it. */
export class ArrayError extends Error {
  constructor(
    readonly code: 'malformed' | 'unsupported',
    message: string,
  ) {
    super(message);
  }
}

/** `(shape, name of the element type, elements)` @throws ArrayError; CheckpointError `truncated` */
export async function readArray(
  reader: MsgpackReader,
  { code, length }: MsgpackToken & { kind: 'extension' },
): Promise<StoredArray> {
  const end = reader.position + length;
  if (end > reader.size) {
    const message = `the file ends at byte ${reader.size}, but the array goes on to byte ${end}`;
    throw reader.error('truncated', message);
  }
  if (code !== NDARRAY && code !== SCALAR) {
    throw new ArrayError('unsupported', `is of the extension type ${code}, which Flax does not write`);
  }
  const inside = (): void => {
    if (reader.position > end) throw new ArrayError('malformed', 'is longer than the extension that holds it');
  };
  const tuple = await reader.next();
  const sizes = await reader.next();
  if (tuple.kind !== 'array' || tuple.count !== 3 || sizes.kind !== 'array' || sizes.count > MAX_RANK) {
    throw new ArrayError('malformed', 'is not a shape, a type and elements');
  }
  const shape: unknown[] = [];
  for (let i = 0; i < sizes.count; i++) shape.push(sizeOf(await reader.next()));
  inside();
  const count = elementCount(shape);
  if (typeof count === 'string') throw new ArrayError('malformed', count);
  const type = await reader.next();
  if ((type.kind !== 'text' && type.kind !== 'bytes') || type.length > MAX_TYPE_NAME) {
    throw new ArrayError('malformed', 'does not say what its elements are');
  }
  const name = await reader.text(type.length);
  const data = await reader.next();
  inside();
  if (data.kind !== 'bytes' && data.kind !== 'text') throw new ArrayError('malformed', 'has no elements');
  if (reader.position + data.length !== end) {
    throw new ArrayError('malformed', 'does not end with the extension that holds it');
  }
  const dtype = Object.hasOwn(DTYPES, name) ? DTYPES[name]! : undefined;
  if (!dtype)
    throw new ArrayError('unsupported', `has elements of the type ${JSON.stringify(name)}, which are not read`);
  if (count * elementSize(dtype) !== data.length) {
    const message = `has ${data.length} bytes of elements, but the shape [${shape.join(', ')}] of ${name} needs ${count * elementSize(dtype)}`;
    throw new ArrayError('malformed', message);
  }
  return { shape: shape as number[], dtype, piece: { offset: reader.position, length: data.length } };
}

/** The array that the chunks make up, or a sentence that says why they do not. */
export function joinChunks(name: string, shape: unknown, chunks: readonly StoredArray[]): FlaxArray | string {
  const elements = elementCount(shape);
  if (typeof elements === 'string') return elements;
  const dtype = chunks[0]?.dtype;
  if (dtype === undefined || chunks.some((chunk) => chunk.dtype !== dtype)) {
    return 'has no chunks, or chunks of several types';
  }
  const pieces = chunks.map(({ piece }) => piece);
  const stored = pieces.reduce((sum, { length }) => sum + length, 0);
  const needed = elements * elementSize(dtype);
  if (stored !== needed) return `has ${stored} bytes in its chunks, but its shape needs ${needed}`;
  return { name, shape: shape as number[], dtype, pieces };
}

/** A size, or something that no shape has. */
export function sizeOf(token: MsgpackToken): unknown {
  return token.kind === 'plain' ? Number(token.value) : undefined;
}
