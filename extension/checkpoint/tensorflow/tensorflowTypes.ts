/**
 * TensorFlow's element types by their numbers.
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/types.proto (`DataType`)
 */
import type { DType } from '../../shared/tensors';

export interface TensorflowType {
  /** As TensorFlow's Python API has it. */
  readonly name: string;
  /** Undefined where this program does not read its elements. */
  readonly dtype?: DType;
}

export const DT_STRING = 7;

const TYPES: ReadonlyMap<number, TensorflowType> = new Map<number, TensorflowType>([
  [1, { name: 'float32', dtype: 'F32' }],
  [2, { name: 'float64', dtype: 'F64' }],
  [3, { name: 'int32', dtype: 'I32' }],
  [4, { name: 'uint8', dtype: 'U8' }],
  [5, { name: 'int16', dtype: 'I16' }],
  [6, { name: 'int8', dtype: 'I8' }],
  [DT_STRING, { name: 'string' }],
  [8, { name: 'complex64', dtype: 'C64' }],
  [9, { name: 'int64', dtype: 'I64' }],
  [10, { name: 'bool', dtype: 'BOOL' }],
  // Codes whose scale is in other tensors, and known to the program alone.
  [11, { name: 'qint8', dtype: 'I8' }],
  [12, { name: 'quint8', dtype: 'U8' }],
  [13, { name: 'qint32', dtype: 'I32' }],
  [14, { name: 'bfloat16', dtype: 'BF16' }],
  [15, { name: 'qint16', dtype: 'I16' }],
  [16, { name: 'quint16', dtype: 'U16' }],
  [17, { name: 'uint16', dtype: 'U16' }],
  [18, { name: 'complex128', dtype: 'C128' }],
  [19, { name: 'float16', dtype: 'F16' }],
  [20, { name: 'resource' }],
  [21, { name: 'variant' }],
  [22, { name: 'uint32', dtype: 'U32' }],
  [23, { name: 'uint64', dtype: 'U64' }],
  [24, { name: 'float8_e5m2', dtype: 'F8_E5M2' }],
  [25, { name: 'float8_e4m3fn', dtype: 'F8_E4M3' }],
  [26, { name: 'float8_e4m3fnuz', dtype: 'F8_E4M3FNUZ' }],
  [27, { name: 'float8_e4m3b11fnuz' }],
  [28, { name: 'float8_e5m2fnuz', dtype: 'F8_E5M2FNUZ' }],
  [29, { name: 'int4' }],
  [30, { name: 'uint4' }],
  [31, { name: 'int2' }],
  [32, { name: 'uint2' }],
]);

/** Quantised types are shown as their codes, under their own name. */
export function isQuantised({ name }: TensorflowType): boolean {
  return /^qu?int/.test(name);
}

export function tensorflowType(number: number): TensorflowType {
  return TYPES.get(number) ?? { name: `type ${number}` };
}
