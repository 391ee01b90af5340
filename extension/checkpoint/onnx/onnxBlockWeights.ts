/**
 * Operators of onnxruntime whose weights are packed codes in blocks: MatMulNBits and MatMulBnb4, which hold a weight
 * transposed (outputs × inputs, as it is shown), and GatherBlockQuantized.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { product } from '../../shared/matrixAxes';
import { CheckpointError } from '../checkpointError';
import { BITSANDBYTES_TABLES } from '../quantised/bitsandbytesTables';
import { type TensorInfo } from '../checkpoint';
import { widen } from '../elements/dtype';
import { decodeLinear, fromStart, granularityOf, type LinearWeight, type ReadNumbers } from '../quantised/linearWeight';
import type { CodesUse } from './onnxCodes';
import type { Operators, ScopedCall } from './onnxOperators';
import {
  contradiction,
  expectFloats,
  expectShape,
  type PartReader,
  type QuantisedWeight,
} from '../quantised/quantisedWeight';
import { decodeRows } from '../quantised/rowBlocks';

type Weight = Omit<QuantisedWeight, 'name'>;

/** Bits of codes whose order is known: the first in the lowest bits of a byte. */
const PACKED_BITS: ReadonlySet<number> = new Set([2, 4, 8]);

export function blockMatMul(call: ScopedCall, operators: Operators<TensorInfo>): CodesUse | undefined {
  const codes = operators.tensor(call, 1);
  return codes && { codes, weight: () => blockMatMulWeight(codes, call, operators) };
}

/** Codes are (outputs, blocks, bytes of a block). Zero points are packed, too, those of an output from a whole byte on. */
function blockMatMulWeight(codes: TensorInfo, call: ScopedCall, operators: Operators<TensorInfo>): Weight {
  const bits = call.integers.get('bits') ?? 4;
  const { shape, block } = matMulSides(call);
  const [outputs, inputs] = shape;
  const blocks = Math.ceil(inputs / block);
  const scales = need(call, operators, 2, 'scales');
  const zeros = optional(call, operators, 3, 'zero points');
  const stored = {
    shape,
    encoding: `MatMulNBits ${bits}-bit g${block}`,
    parts: [codes, scales, ...(zeros ? [zeros] : [])],
  };
  if (!PACKED_BITS.has(bits)) return unreadable(stored, `packs codes of ${bits} bits in an order that is not known`);
  // Deprecated, and onnxruntime reads zero points beside it in a way of its own.
  if (call.inputs[4]) return unreadable(stored, 'gives its inputs scales in an order of its own (g_idx)');
  if ((block * bits) % 8 !== 0) throw contradiction(`it has blocks of ${block}, which end inside a byte`);
  const rowBytes = (blocks * block * bits) / 8;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  expectBytes(codes);
  expectCount(codes, outputs * rowBytes);
  expectFloats(scales);
  expectCount(scales, outputs * blocks);
  const packedZeros = zeros?.dtype === 'U8';
  if (zeros && packedZeros) expectBytes(zeros);
  else if (zeros) expectFloats(zeros);
  if (zeros) expectCount(zeros, outputs * (packedZeros ? zeroBytes : blocks));

  const grid = { axis: 1, block, own: true };
  const weight: LinearWeight = {
    shape,
    codes,
    readCodes: unpacked(codes, bits, rowBytes, inputs),
    scale: { ...grid, tensor: scales, read: rowsOf(scales, blocks) },
    zero: zeros
      ? { ...grid, tensor: zeros, read: packedZeros ? unpacked(zeros, bits, zeroBytes, blocks) : rowsOf(zeros, blocks) }
      : 2 ** (bits - 1),
  };
  return { ...stored, decode: (rows, reader) => decodeLinear(weight, rows, reader) };
}

export function bitsandbytesMatMul(call: ScopedCall, operators: Operators<TensorInfo>): CodesUse | undefined {
  const codes = operators.tensor(call, 1);
  return codes && { codes, weight: () => bitsandbytesWeight(codes, call, operators) };
}

/** Codes are those of the flattened weight, the first of two in the upper half of its byte. */
function bitsandbytesWeight(codes: TensorInfo, call: ScopedCall, operators: Operators<TensorInfo>): Weight {
  const { shape, block } = matMulSides(call);
  const [outputs, inputs] = shape;
  const absmax = need(call, operators, 2, 'absmax');
  const type = call.integers.get('quant_type');
  const name = type === 0 ? 'FP4' : 'NF4';
  const stored = { shape, encoding: `MatMulBnb4 ${name} g${block}`, parts: [codes, absmax] };
  if (type !== 0 && type !== 1) return unreadable(stored, `has the unknown quant_type ${type ?? '(none)'}`);
  expectBytes(codes);
  expectCount(codes, Math.ceil((outputs * inputs) / 2));
  expectFloats(absmax);
  expectCount(absmax, Math.ceil((outputs * inputs) / block));
  const values = BITSANDBYTES_TABLES[name];
  return {
    ...stored,
    decode: (rows, reader) =>
      decodeRows(codes, shape, rows, async ({ first, target }) => {
        const [start, end] = [first.start * inputs, first.end * inputs];
        const firstByte = Math.floor(start / 2);
        const firstBlock = Math.floor(start / block);
        const bytes = await elements(codes, firstByte, Math.ceil(end / 2), reader);
        const scales = widen(await elements(absmax, firstBlock, Math.ceil(end / block), reader), absmax.dtype);
        for (let i = start; i < end; i++) {
          const byte = bytes[Math.floor(i / 2) - firstByte]!;
          const code = i % 2 === 0 ? byte >> 4 : byte & 15;
          target[i - start] = values[code]! * scales[Math.floor(i / block) - firstBlock]!;
        }
      }),
  };
}

export function blockGather(call: ScopedCall, operators: Operators<TensorInfo>): CodesUse | undefined {
  const codes = operators.tensor(call, 0);
  return codes && { codes, weight: () => blockGatherWeight(codes, call, operators) };
}

/** Codes are of a 4-bit type, or bytes that hold one or several along the last axis; so are zero points. */
function blockGatherWeight(codes: TensorInfo, call: ScopedCall, operators: Operators<TensorInfo>): Weight {
  const bits = codes.encoding ? 4 : (call.integers.get('bits') ?? 4);
  const block = call.integers.get('block_size') ?? 128;
  const scales = need(call, operators, 2, 'scales');
  const zeros = optional(call, operators, 3, 'zero points');
  const perByte = codes.encoding ? 1 : 8 / bits;
  const rows = codes.shape.slice(0, -1);
  const last = codes.shape.at(-1) ?? 0;
  if (rows.length === 0 || product(codes.shape) === 0) throw contradiction(`${codes.name} is no table`);
  const shape = [...rows, last * (PACKED_BITS.has(bits) ? perByte : 1)];
  const stored = { shape, encoding: `U${bits} g${block}`, parts: [codes, scales, ...(zeros ? [zeros] : [])] };
  if (!PACKED_BITS.has(bits)) return unreadable(stored, `packs codes of ${bits} bits in an order that is not known`);
  const axis = fromStart(call.integers.get('quantize_axis') ?? 1, shape);
  if (perByte > 1 && axis !== shape.length - 1) throw contradiction(`its blocks lie along axis ${axis}, not the last`);
  if (!(block > 0)) throw contradiction(`it has blocks of ${block}`);
  if (codes.encoding?.name !== 'I4' && codes.encoding?.name !== 'U4') expectBytes(codes);
  if (zeros && typeOf(zeros) !== typeOf(codes)) {
    throw contradiction(`${zeros.name} has the element type ${typeOf(zeros)}, and its codes ${typeOf(codes)}`);
  }
  expectFloats(scales);
  const grid = granularityOf(scales, shape, axis, block);
  const along = scales.shape.at(-1) ?? 1;
  if (zeros) expectShape(zeros, [...scales.shape.slice(0, -1), Math.ceil(along / perByte)]);
  const packed = (tensor: TensorInfo, count: number): { read?: ReadNumbers } =>
    perByte > 1
      ? {
          read: async (reader, band) =>
            unpack(await reader.bytes(tensor, band), bits, Math.ceil(count / perByte), count),
        }
      : {};
  const { read: readCodes } = packed(codes, shape.at(-1)!);
  const weight: LinearWeight = {
    shape,
    codes,
    ...(readCodes && { readCodes }),
    scale: { ...grid, tensor: scales },
    zero: zeros ? { ...grid, tensor: zeros, ...packed(zeros, along) } : codes.encoding ? 0 : 2 ** (bits - 1),
  };
  return {
    ...stored,
    encoding: `${codes.encoding?.name ?? `U${bits}`} g${block}`,
    decode: (band, reader) => decodeLinear(weight, band, reader),
  };
}

/** @throws CheckpointError `malformed` where the attributes are no sizes */
function matMulSides({ integers }: ScopedCall): { shape: [outputs: number, inputs: number]; block: number } {
  const size = (key: string): number => {
    const value = integers.get(key);
    if (Number.isSafeInteger(value) && value! > 0) return value!;
    throw contradiction(`its ${key} is ${value ?? 'missing'}`);
  };
  return { shape: [size('N'), size('K')], block: size('block_size') };
}

function need(call: ScopedCall, operators: Operators<TensorInfo>, index: number, what: string): TensorInfo {
  const tensor = operators.tensor(call, index);
  if (!tensor) throw contradiction(`its ${what} are no constant that can be read`);
  return tensor;
}

function optional(
  call: ScopedCall,
  operators: Operators<TensorInfo>,
  index: number,
  what: string,
): TensorInfo | undefined {
  return call.inputs[index] ? need(call, operators, index, what) : undefined;
}

/** As it is stored. */
function typeOf({ dtype, encoding }: TensorInfo): string {
  return encoding?.name ?? dtype;
}

function expectBytes(tensor: TensorInfo): void {
  if (typeOf(tensor) !== 'U8') throw contradiction(`${tensor.name} has the element type ${typeOf(tensor)}, not U8`);
}

function expectCount({ name, shape }: TensorInfo, count: number): void {
  if (product(shape) !== count) throw contradiction(`${name} has ${product(shape)} elements where ${count} belong`);
}

function unreadable(stored: Omit<Weight, 'decode'>, reason: string): Weight {
  return {
    ...stored,
    unreadable: reason,
    decode: () => Promise.reject(new CheckpointError('unsupported', reason)),
  };
}

/** The elements from `start` to `end` of the flattened tensor, as bytes. */
async function elements(tensor: TensorInfo, start: number, end: number, reader: PartReader): Promise<Uint8Array> {
  const step = product(tensor.shape) / (tensor.shape[0] ?? 1);
  const rows = { start: Math.floor(start / step), end: Math.ceil(end / step) };
  const bytes = await reader.bytes(tensor, rows);
  const size = tensor.byteLength / product(tensor.shape);
  return bytes.subarray((start - rows.start * step) * size, (end - rows.start * step) * size);
}

/** Rows of `perRow` numbers, in whatever shape they are stored. */
function rowsOf(tensor: TensorInfo, perRow: number): ReadNumbers {
  return async (reader, rows) =>
    widen(await elements(tensor, rows!.start * perRow, rows!.end * perRow, reader), tensor.dtype);
}

/** Rows of `count` codes, which take `rowBytes` each. */
function unpacked(tensor: TensorInfo, bits: number, rowBytes: number, count: number): ReadNumbers {
  return async (reader, rows) =>
    unpack(await elements(tensor, rows!.start * rowBytes, rows!.end * rowBytes, reader), bits, rowBytes, count);
}

function unpack(bytes: Uint8Array, bits: number, rowBytes: number, count: number): Float64Array {
  const rows = bytes.length / rowBytes;
  const codes = new Float64Array(rows * count);
  const mask = 2 ** bits - 1;
  for (let row = 0; row < rows; row++) {
    for (let i = 0, byte = row * rowBytes, shift = 0; i < count; i++) {
      codes[row * count + i] = (bytes[byte]! >> shift) & mask;
      shift += bits;
      byte += shift >> 3;
      shift &= 7;
    }
  }
  return codes;
}
