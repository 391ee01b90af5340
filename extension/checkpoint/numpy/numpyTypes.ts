/**
 * Element types as NumPy spells them (`<f4`): byte order, kind, bytes.
 *
 * @see https://numpy.org/doc/stable/reference/arrays.interface.html#arrays-interface
 */
import type { DType } from '../../shared/tensors';

/** By kind and bytes. `f1` is ml_dtypes' float8_e5m2, the only one of its small floats that does not call itself `V`. */
export const NUMPY_CODES: Readonly<Record<string, DType>> = {
  f8: 'F64',
  f4: 'F32',
  f2: 'F16',
  f1: 'F8_E5M2',
  i8: 'I64',
  i4: 'I32',
  i2: 'I16',
  i1: 'I8',
  u8: 'U64',
  u4: 'U32',
  u2: 'U16',
  u1: 'U8',
  b1: 'BOOL',
  c8: 'C64',
  c16: 'C128',
};

export interface NumpyElement {
  readonly dtype: DType;
  readonly bigEndian: boolean;
}

/** Undefined where NumPy's type is none of ours. */
export function numpyElement(code: string): NumpyElement | undefined {
  const match = /^([<>=|]?)([a-zA-Z]\d*)$/.exec(code);
  const known = match && Object.hasOwn(NUMPY_CODES, match[2]!) ? NUMPY_CODES[match[2]!] : undefined;
  return known && { dtype: known, bigEndian: match![1] === '>' };
}
