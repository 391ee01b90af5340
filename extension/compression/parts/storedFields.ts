/** Arrays of a part as the tensors of a file. */
import { narrow, type FloatDType } from '../narrow';
import type { StoredField } from './part';

export interface StoredFloats {
  readonly field: StoredField;
  /** What a reader of the file will compute with. */
  readonly values: Float64Array;
  /** Values that were beyond the range of the dtype. */
  readonly saturated: number;
}

/** Numbers rounded to `dtype`. */
export function floatField(
  field: string,
  values: Float64Array,
  shape: readonly number[],
  dtype: FloatDType,
): StoredFloats {
  const narrowed = narrow(values, dtype);
  return {
    field: { field, dtype, shape, bytes: narrowed.bytes },
    values: narrowed.values,
    saturated: narrowed.saturated,
  };
}

/** Indices below 2³¹, as I32: PyTorch indexes with signed integers. */
export function indexField(field: string, indices: Uint32Array, shape: readonly number[]): StoredField {
  const bytes = new Uint8Array(4 * indices.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < indices.length; i++) view.setInt32(4 * i, indices[i]!, true);
  return { field, dtype: 'I32', shape, bytes };
}
