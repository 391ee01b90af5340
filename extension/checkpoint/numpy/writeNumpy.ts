/**
 * The beginning of an `.npy` file, byte for byte as NumPy writes it (version 1.0).
 *
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import type { DType } from '../../shared/tensors';
import { NUMPY_CODES } from './numpyTypes';

/** The header ends at a multiple of this. */
const ALIGNMENT = 64;

/** NumPy leaves room for the first length to grow to as many digits. */
const GROWTH_DIGITS = 21;

const MAGIC = '\x93NUMPY\x01\x00';
const LENGTH_BYTES = 2;

/** How a type is written: NumPy has no 8-bit floats and no bfloat16 of its own, and float32 holds each of them exactly. */
export function numpyDescription(dtype: DType): { descr: string; type: string; as: DType } {
  const code = Object.entries(NUMPY_CODES).find(([, known]) => known === dtype)?.[0];
  if (code === undefined || code === 'f1') return numpyDescription('F32');
  const [kind, size] = [code[0]!, Number(code.slice(1))];
  return {
    descr: `${size === 1 ? '|' : '<'}${code}`,
    type: kind === 'b' ? 'bool' : `${KINDS[kind]!}${8 * size}`,
    as: dtype,
  };
}

const KINDS: Readonly<Record<string, string>> = { f: 'float', i: 'int', u: 'uint', c: 'complex' };

/** @param descr NumPy's spelling of the type: `<f4` */
export function numpyHeader(descr: string, shape: readonly number[]): Uint8Array {
  const lengths = shape.length === 1 ? `(${shape[0]!},)` : `(${shape.join(', ')})`;
  const growth = shape.length === 0 ? 0 : Math.max(0, GROWTH_DIGITS - String(shape[0]!).length);
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${lengths}, }${' '.repeat(growth)}`;
  const before = MAGIC.length + LENGTH_BYTES;
  const padding = ALIGNMENT - ((before + dictionary.length + 1) % ALIGNMENT);
  const text = `${dictionary}${' '.repeat(padding)}\n`;
  const header = Buffer.alloc(before + text.length);
  header.write(MAGIC, 0, 'latin1');
  header.writeUInt16LE(text.length, MAGIC.length);
  header.write(text, before, 'latin1');
  return header;
}
