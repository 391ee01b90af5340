/**
 * Weight entries of a TensorFlow.js manifest: how each element is stored, and what it is worth.
 *
 * @see https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/io_utils.ts (`decodeWeights`)
 */
import type { DType } from '../../shared/tensors';
import { elementSize, widen } from '../elements/dtype';
import { elementCount } from '../elements/shape';
import { shortened } from './tensorflowJsManifest';

/** Affine (value = code·scale + min) for the integer codes; float16 codes are the values themselves. */
export type Quantization =
  { readonly code: 'U8' | 'U16'; readonly scale: number; readonly min: number } | { readonly code: 'F16' };

export interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** Type of the elements as they are read, after dequantising. */
  readonly dtype: DType;
  readonly count: number;
  /** Bytes of one element in the file. */
  readonly storedSize: number;
  readonly quantization?: Quantization;
}

const TYPES: Readonly<Record<string, DType>> = {
  float32: 'F32',
  float16: 'F16',
  int32: 'I32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
  complex64: 'C64',
};

const CODES: Readonly<Record<string, Quantization['code']>> = { uint8: 'U8', uint16: 'U16', float16: 'F16' };

/** An entry that cannot be read. `storedBytes` is known where the entries after it can still be found. */
export interface RefusedEntry {
  readonly name: string | undefined;
  readonly code: 'malformed' | 'unsupported';
  readonly message: string;
  readonly storedBytes?: number;
  /** Elements, where their number is known but not how each is stored. */
  readonly count?: number;
  /** A string tensor: its bytes are `count` times a 4-byte length and as many bytes. */
  readonly strings?: number;
}

/** One each: a manifest can hold a million of them. */
const NO_OBJECT = refused(undefined, 'malformed', 'a weight is not an object');
const NAMELESS = refused(undefined, 'malformed', 'a weight has no name');

export function parseWeight(entry: unknown): WeightEntry | RefusedEntry {
  if (typeof entry !== 'object' || entry === null) return NO_OBJECT;
  const { name, shape, dtype, quantization } = entry as Record<string, unknown>;
  if (typeof name !== 'string') return NAMELESS;
  const count = elementCount(shape);
  if (typeof count === 'string') return refused(name, 'malformed', count);
  if (dtype === 'string') {
    return { ...refused(name, 'unsupported', 'holds text, which has no values to show'), strings: count };
  }
  const type = typeof dtype === 'string' && Object.hasOwn(TYPES, dtype) ? TYPES[dtype]! : undefined;
  if (!type) {
    const known = Object.keys(TYPES).join(', ');
    const message = `has the element type ${quoted(dtype)}, known are ${known}`;
    return { ...refused(name, 'unsupported', message), count };
  }
  const base = { name, shape: shape as number[], dtype: type, count };
  if (quantization === undefined || quantization === null) return { ...base, storedSize: elementSize(type) };
  const parsed = parseQuantization(quantization, type);
  if (typeof parsed === 'string') return { ...refused(name, 'malformed', parsed), count };
  const storedSize = elementSize(parsed.code);
  if (type !== 'F32' && !(type === 'I32' && parsed.code !== 'F16')) {
    const message = `is ${String(dtype)} quantised to ${parsed.code}, which TensorFlow.js does not define`;
    return { ...refused(name, 'unsupported', message), storedBytes: count * storedSize };
  }
  return { ...base, storedSize, quantization: parsed };
}

function refused(name: string | undefined, code: RefusedEntry['code'], message: string): RefusedEntry {
  return { name, code, message };
}

/** A value of the file in a message. */
function quoted(value: unknown): string {
  return value === undefined ? 'none' : shortened(JSON.stringify(value));
}

function parseQuantization(value: unknown, type: DType): Quantization | string {
  const { dtype, scale, min } = value as Record<string, unknown>;
  const code = typeof dtype === 'string' && Object.hasOwn(CODES, dtype) ? CODES[dtype]! : undefined;
  if (code === undefined) return `is quantised to ${quoted(dtype)}, known are ${Object.keys(CODES).join(', ')}`;
  if (code === 'F16') return { code };
  // A constant tensor is written with scale 1 or 0: any finite number is a scale.
  if (typeof scale !== 'number' || typeof min !== 'number') return `is quantised as ${type} without "scale" and "min"`;
  return { code, scale, min };
}

/**
 * Stored codes as the elements they stand for, little-endian: float32 rounded once from double arithmetic, integers
 * rounded to the nearest, both as TensorFlow.js does.
 */
export function dequantise(codes: Uint8Array, quantization: Quantization, dtype: DType): Uint8Array {
  const values = widen(codes, quantization.code);
  if (quantization.code !== 'F16') {
    const { scale, min } = quantization;
    for (let i = 0; i < values.length; i++) values[i] = values[i]! * scale + min;
  }
  const elements = dtype === 'I32' ? Int32Array.from(values, Math.round) : Float32Array.from(values);
  return new Uint8Array(elements.buffer);
}
