/**
 * Element types of less than a byte: what `read` decodes them to. Elements follow one another as a string of bits, the
 * lowest bit of a byte first, so that the first of two 4-bit elements is the lower half of its byte (PyTorch's
 * float4_e2m1fn_x2, ONNX). safetensors names its 6-bit types without an order; they are taken to be packed likewise.
 *
 * @see https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf (E2M1, E2M3, E3M2)
 * @see https://onnx.ai/onnx/technical/int4.html
 */
import type { DType, PackedType } from '../../shared/tensors';
import { type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { decodeFloat } from './dtype';
import type { RowRange } from './rowBand';

interface Packing {
  readonly bits: number;
  readonly dtype: DType & ('F32' | 'I8' | 'U8');
  /** The number that a code stands for; none of the floating types has infinities or NaN. */
  readonly value: (code: number) => number;
}

const PACKINGS: Readonly<Record<PackedType, Packing>> = {
  F4: { bits: 4, dtype: 'F32', value: (code) => decodeFloat(code, 2, 1, { finite: true }) },
  F6_E2M3: { bits: 6, dtype: 'F32', value: (code) => decodeFloat(code, 2, 3, { finite: true }) },
  F6_E3M2: { bits: 6, dtype: 'F32', value: (code) => decodeFloat(code, 3, 2, { finite: true }) },
  I4: { bits: 4, dtype: 'I8', value: (code) => (code ^ 8) - 8 },
  U4: { bits: 4, dtype: 'U8', value: (code) => code },
  I2: { bits: 2, dtype: 'I8', value: (code) => (code ^ 2) - 2 },
  U2: { bits: 2, dtype: 'U8', value: (code) => code },
};

const ARRAYS = { F32: Float32Array, I8: Int8Array, U8: Uint8Array } as const;

export function isPackedType(name: unknown): name is PackedType {
  return typeof name === 'string' && Object.hasOwn(PACKINGS, name);
}

/** The type that `decodePacked` gives. */
export function decodedType(type: PackedType): DType {
  return PACKINGS[type].dtype;
}

/** Bits of one element. */
export function packedBits(type: PackedType): number {
  return PACKINGS[type].bits;
}

/** Bytes of a run of elements, the last one filled up. */
export function packedBytes(type: PackedType, count: number): number {
  return Math.ceil((count * PACKINGS[type].bits) / 8);
}

/** The bytes in which a band of rows lies, and its elements among those in them. */
export interface PackedBand {
  readonly offset: number;
  readonly length: number;
  /** Elements before the first. */
  readonly skip: number;
  readonly count: number;
}

/** @throws RangeError where the rows are not within the tensor */
export function packedBand(
  { name, shape }: Pick<TensorInfo, 'name' | 'shape'>,
  type: PackedType,
  rows?: RowRange,
): PackedBand {
  const total = shape.reduce((product, size) => product * size, 1);
  const rowCount = shape[0] ?? 1;
  const { start, end } = rows ?? { start: 0, end: rowCount };
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start || end > rowCount) {
    throw new RangeError(`rows ${start} to ${end} of tensor ${name}, which has ${rowCount}`);
  }
  const perRow = rowCount === 0 ? 0 : total / rowCount;
  const [first, count] = [start * perRow, (end - start) * perRow];
  // So many elements, at most, begin at the beginning of a byte: 4 of 6 bits, 2 of 4, 4 of 2.
  const skip = first % 4;
  const offset = ((first - skip) * PACKINGS[type].bits) / 8;
  return { offset, length: count === 0 ? 0 : packedBytes(type, skip + count), skip, count };
}

/** Bytes of two E2M1 elements each. */
export function fp4Values(bytes: Uint8Array): Float32Array {
  const elements = decodePacked(bytes, 'F4', 0, 2 * bytes.length);
  return new Float32Array(elements.buffer, elements.byteOffset, 2 * bytes.length);
}

function allocate(dtype: Packing['dtype'], count: number): Float32Array | Int8Array | Uint8Array {
  try {
    return new ARRAYS[dtype](count);
  } catch (error) {
    const message = `${count} decoded elements do not fit into memory at once`;
    throw new CheckpointError('limit', message, { cause: error, remedy: 'read fewer rows' });
  }
}

/**
 * @param bytes that hold the elements
 * @param skip elements left out at the start
 * @returns `count` elements of `decodedType`, little-endian
 */
export function decodePacked(bytes: Uint8Array, type: PackedType, skip: number, count: number): Uint8Array {
  const { bits, dtype, value } = PACKINGS[type];
  const values = Float32Array.from({ length: 2 ** bits }, (_, code) => value(code));
  const elements = allocate(dtype, count);
  const mask = 2 ** bits - 1;
  const first = skip * bits;
  for (let i = 0, at = first >> 3, shift = first & 7; i < count; i++) {
    const code = ((bytes[at]! | ((bytes[at + 1] ?? 0) << 8)) >> shift) & mask;
    elements[i] = values[code]!;
    shift += bits;
    at += shift >> 3;
    shift &= 7;
  }
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}
