/**
 * Element types: sizes, and the exact widening of stored elements to float64. Stored elements are little-endian, as
 * is every machine this program runs on, so typed arrays read them directly.
 */
import type { DType } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { l10n } from '../../shared/language/l10n';

const SIZES: Readonly<Record<DType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  F8_E8M0: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  C64: 8,
  C128: 16,
};

/** Every element type, in the order of the type's declaration. */
export const dtypes = Object.keys(SIZES) as readonly DType[];

export function isDType(name: unknown): name is DType {
  return typeof name === 'string' && Object.hasOwn(SIZES, name);
}

/** Bytes of one element. */
export function elementSize(dtype: DType): number {
  return SIZES[dtype];
}

/** Types whose tensors get a spectrum. */
export function isFloating(dtype: DType): boolean {
  return dtype.startsWith('F') || dtype === 'BF16';
}

/** 2³²: the weight of the upper half of a 64-bit integer. */
const UPPER_WORD = 4294967296;

/**
 * Elements as float64: exact for every type but 64-bit integers beyond ±2⁵³, which go to the nearest double. Booleans
 * become 0 and 1 (any stored byte but 0 is true).
 *
 * @param bytes whole elements, at any byte offset of their buffer
 * @param out where to write, at least as long as there are elements; a new array without it
 * @returns exactly the elements: `out` itself or its beginning
 * @throws CheckpointError `unsupported` for complex types, `malformed` where `bytes` ends inside an element
 */
export function widen(bytes: Uint8Array, dtype: DType, out?: Float64Array): Float64Array {
  const size = SIZES[dtype];
  const count = bytes.length / size;
  if (!Number.isInteger(count)) {
    throw new CheckpointError('malformed', `${bytes.length} bytes are not a whole number of ${dtype} elements`);
  }
  if (out && out.length < count) throw new RangeError(`${count} elements do not fit into ${out.length}`);
  const target = out ? (out.length === count ? out : out.subarray(0, count)) : new Float64Array(count);
  switch (dtype) {
    case 'F64':
      target.set(new Float64Array(...view(bytes, size)));
      break;
    case 'F32':
      target.set(new Float32Array(...view(bytes, size)));
      break;
    case 'F16':
    case 'BF16':
      lookUp(new Uint16Array(...view(bytes, size)), table(dtype), target);
      break;
    case 'F8_E4M3':
    case 'F8_E5M2':
    case 'F8_E4M3FNUZ':
    case 'F8_E5M2FNUZ':
    case 'F8_E8M0':
      lookUp(bytes, table(dtype), target);
      break;
    case 'I64': {
      const upper = new Int32Array(...view(bytes, size, 2));
      widenWords(new Uint32Array(upper.buffer, upper.byteOffset, upper.length), upper, target);
      break;
    }
    case 'U64': {
      const words = new Uint32Array(...view(bytes, size, 2));
      widenWords(words, words, target);
      break;
    }
    case 'I32':
      target.set(new Int32Array(...view(bytes, size)));
      break;
    case 'U32':
      target.set(new Uint32Array(...view(bytes, size)));
      break;
    case 'I16':
      target.set(new Int16Array(...view(bytes, size)));
      break;
    case 'U16':
      target.set(new Uint16Array(...view(bytes, size)));
      break;
    case 'I8':
      target.set(new Int8Array(...view(bytes, size)));
      break;
    case 'U8':
      target.set(bytes);
      break;
    case 'BOOL':
      for (let i = 0; i < count; i++) target[i] = bytes[i] === 0 ? 0 : 1;
      break;
    case 'C64':
    case 'C128':
      throw new CheckpointError('unsupported', l10n.english('complex elements ({0}) are not analysed', dtype));
  }
  return target;
}

/** Constructor arguments of a typed array over `bytes`, copied first where they are not aligned to `size`. */
function view(bytes: Uint8Array, size: number, partsPerElement = 1): [ArrayBufferLike, number, number] {
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return [aligned.buffer, aligned.byteOffset, (bytes.length / size) * partsPerElement];
}

/** upper·2³² is exact, so the one addition rounds once: the nearest double. */
function widenWords(lower: Uint32Array, upper: Int32Array | Uint32Array, target: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = upper[2 * i + 1]! * UPPER_WORD + lower[2 * i]!;
}

function lookUp(codes: Uint8Array | Uint16Array, values: Float32Array, target: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = values[codes[i]!]!;
}

/** The value of every float16 bit pattern. */
export function float16Values(): Float32Array {
  return table('F16');
}

type TabledType = 'F16' | 'BF16' | 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ' | 'F8_E8M0';
const tables = new Map<TabledType, Float32Array>();

/** The value of every bit pattern. float32 holds all of them exactly and halves the table's share of the cache. */
function table(dtype: TabledType): Float32Array {
  let values = tables.get(dtype);
  if (!values) {
    values = makeTable(dtype);
    tables.set(dtype, values);
  }
  return values;
}

function makeTable(dtype: TabledType): Float32Array {
  switch (dtype) {
    case 'BF16': {
      // The upper half of a float32.
      const bits = Uint32Array.from({ length: 65536 }, (_, code) => (code << 16) >>> 0);
      return new Float32Array(bits.buffer);
    }
    case 'F16':
      return Float32Array.from({ length: 65536 }, (_, code) => decodeFloat(code, 5, 10));
    case 'F8_E5M2':
      return Float32Array.from({ length: 256 }, (_, code) => decodeFloat(code, 5, 2));
    case 'F8_E4M3':
      // The "FN" variant, as PyTorch and safetensors mean it: no infinities, all-ones exponents are ordinary numbers
      // except for the one pattern S.1111.111, which is NaN.
      return Float32Array.from({ length: 256 }, (_, code) =>
        (code & 0x7f) === 0x7f ? NaN : decodeFloat(code, 4, 3, { finite: true }),
      );
    case 'F8_E4M3FNUZ':
      return unsignedZero(4, 3);
    case 'F8_E5M2FNUZ':
      return unsignedZero(5, 2);
    case 'F8_E8M0':
      // An exponent alone: no sign, no zero; all ones is NaN. 2⁻¹²⁷ is a denormal float32, and exact.
      return Float32Array.from({ length: 256 }, (_, code) => (code === 255 ? NaN : 2 ** (code - 127)));
  }
}

/**
 * The "FNUZ" variants: no infinities, a bias larger by one, and NaN in the place of −0.
 *
 * @see https://arxiv.org/abs/2206.02915
 */
function unsignedZero(exponentBits: number, fractionBits: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, code) =>
    code === 0x80 ? NaN : decodeFloat(code, exponentBits, fractionBits, { finite: true }) / 2,
  );
}

/** An IEEE 754 style number: sign, exponent, fraction; `finite` where the top exponent holds numbers too. */
export function decodeFloat(code: number, exponentBits: number, fractionBits: number, { finite = false } = {}): number {
  const sign = code >> (exponentBits + fractionBits) ? -1 : 1;
  const exponent = (code >> fractionBits) & ((1 << exponentBits) - 1);
  const fraction = (code & ((1 << fractionBits) - 1)) / (1 << fractionBits);
  const bias = (1 << (exponentBits - 1)) - 1;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  if (!finite && exponent === (1 << exponentBits) - 1) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}
