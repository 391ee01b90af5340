/**
 * Rounding float64 to the element types checkpoints store: to nearest, ties to even, straight from float64 (by way of
 * float32 some ties would be rounded twice). Values beyond the largest finite one become that one and are counted: an
 * infinity in a weight would spoil every output of the layer.
 *
 * @see IEEE 754-2019 §4.3.1; OCP 8-bit Floating Point Specification (OFP8) 1.0 for E4M3 and E5M2; arXiv 2206.02915 for the FNUZ types
 */
import type { DType } from '../shared/tensors';

export type FloatDType = 'F64' | 'F32' | 'F16' | 'BF16' | 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ';

interface SmallFloat {
  readonly bytes: 1 | 2;
  readonly mantissaBits: number;
  /** Exponent of the smallest normal number. */
  readonly minExponent: number;
  /** Code of the largest finite number. */
  readonly largest: number;
  /** Codes of +Inf (E4M3 and FNUZ types have none: their largest stands in) and of a quiet NaN. */
  readonly infinity: number;
  readonly nan: number;
  /** NaN has the code that −0 would have. */
  readonly unsignedZero?: boolean;
}

const SMALL_FLOATS: Readonly<Record<Exclude<FloatDType, 'F64' | 'F32'>, SmallFloat>> = {
  F16: { bytes: 2, mantissaBits: 10, minExponent: -14, largest: 0x7bff, infinity: 0x7c00, nan: 0x7e00 },
  BF16: { bytes: 2, mantissaBits: 7, minExponent: -126, largest: 0x7f7f, infinity: 0x7f80, nan: 0x7fc0 },
  F8_E4M3: { bytes: 1, mantissaBits: 3, minExponent: -6, largest: 0x7e, infinity: 0x7e, nan: 0x7f },
  F8_E5M2: { bytes: 1, mantissaBits: 2, minExponent: -14, largest: 0x7b, infinity: 0x7c, nan: 0x7e },
  F8_E4M3FNUZ: {
    ...{ bytes: 1, mantissaBits: 3, minExponent: -7, largest: 0x7f },
    ...{ infinity: 0x7f, nan: 0x80, unsignedZero: true },
  },
  F8_E5M2FNUZ: {
    ...{ bytes: 1, mantissaBits: 2, minExponent: -15, largest: 0x7f },
    ...{ infinity: 0x7f, nan: 0x80, unsignedZero: true },
  },
};

const LARGEST_FLOAT32 = 3.4028234663852886e38;

export interface Narrowed {
  /** Little-endian elements in the stored type. */
  bytes: Uint8Array;
  /** The stored values again, as float64: what a reader of the file will compute with. */
  values: Float64Array;
  /** Finite values beyond the type's range, stored as its largest value. */
  saturated: number;
}

export function isFloatDType(dtype: DType): dtype is FloatDType {
  return dtype === 'F64' || dtype === 'F32' || dtype in SMALL_FLOATS;
}

/** Rounds every value to `dtype`. NaN stays NaN, ±Inf stay where the type has them. */
export function narrow(values: Float64Array, dtype: FloatDType): Narrowed {
  if (dtype === 'F64') {
    const copy = values.slice();
    return { bytes: littleEndian(copy, 8), values: copy, saturated: 0 };
  }
  return dtype === 'F32' ? narrowToFloat32(values) : narrowToSmallFloat(values, SMALL_FLOATS[dtype]);
}

function narrowToFloat32(values: Float64Array): Narrowed {
  const stored = new Float32Array(values);
  let saturated = 0;
  for (let i = 0; i < stored.length; i++) {
    if (Math.abs(stored[i]!) === Infinity && Number.isFinite(values[i]!)) {
      stored[i] = Math.sign(stored[i]!) * LARGEST_FLOAT32;
      saturated++;
    }
  }
  return { bytes: littleEndian(stored, 4), values: new Float64Array(stored), saturated };
}

const bits = new DataView(new ArrayBuffer(8));

function narrowToSmallFloat(values: Float64Array, type: SmallFloat): Narrowed {
  const { mantissaBits, minExponent, largest } = type;
  const implicit = 2 ** mantissaBits;
  const signBit = type.bytes === 2 ? 0x8000 : 0x80;
  const codes = type.bytes === 2 ? new Uint16Array(values.length) : new Uint8Array(values.length);
  const stored = new Float64Array(values.length);
  const largestValue = decode(largest, type);
  let saturated = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    bits.setFloat64(0, value);
    const high = bits.getUint16(0);
    const sign = high & 0x8000 ? signBit : 0;
    if (Number.isNaN(value)) {
      codes[i] = sign | type.nan;
      stored[i] = NaN;
      continue;
    }
    const magnitude = Math.abs(value);
    if (magnitude === Infinity) {
      codes[i] = sign | type.infinity;
      stored[i] = type.infinity === largest ? Math.sign(value) * largestValue : value;
      continue;
    }
    // Float64's own subnormals read as exponent −1023, far below any minExponent, which is all that matters.
    const exponent = Math.max(((high >> 4) & 0x7ff) - 1023, minExponent);
    const quantum = 2 ** (exponent - mantissaBits);
    const steps = roundHalfToEven(magnitude / quantum);
    // A carry into the next power of two runs over into the exponent by itself; below the normals there is no exponent.
    let code = (exponent - minExponent) * implicit + steps;
    let rounded = steps * quantum;
    if (code > largest) {
      code = largest;
      rounded = largestValue;
      saturated++;
    }
    codes[i] = type.unsignedZero && code === 0 ? 0 : sign | code;
    stored[i] = sign ? -rounded : rounded;
  }
  return { bytes: littleEndian(codes, type.bytes), values: stored, saturated };
}

/** Value of a finite, positive code. */
function decode(code: number, { mantissaBits, minExponent }: SmallFloat): number {
  const implicit = 2 ** mantissaBits;
  const exponent = Math.floor(code / implicit);
  const steps = exponent === 0 ? code : (code % implicit) + implicit;
  return steps * 2 ** (Math.max(exponent - 1, 0) + minExponent - mantissaBits);
}

/** For 0 ≤ x < 2⁵¹: adding and subtracting 2⁵² leaves no room for a fraction, and float64 itself rounds ties to even. */
function roundHalfToEven(x: number): number {
  return x + 2 ** 52 - 2 ** 52;
}

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function littleEndian(elements: Float64Array | Float32Array | Uint16Array | Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  if (hostIsLittleEndian || size === 1) return bytes;
  for (let start = 0; start < bytes.length; start += size) bytes.subarray(start, start + size).reverse();
  return bytes;
}
