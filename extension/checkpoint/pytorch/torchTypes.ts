/** PyTorch's names of element types and storages. @see torch/storage.py, c10/core/ScalarType.h */
import type { DType } from '../../shared/tensors';
import { elementSize } from '../elements/dtype';
import { PickleDType } from '../pickle/pickleValues';

const KNOWN: readonly (readonly [DType, storage: string, ...names: string[]])[] = [
  ['F64', 'Double', 'float64', 'double'],
  ['F32', 'Float', 'float32', 'float'],
  ['F16', 'Half', 'float16', 'half'],
  ['BF16', 'BFloat16', 'bfloat16'],
  ['F8_E4M3', 'Float8_e4m3fn', 'float8_e4m3fn'],
  ['F8_E5M2', 'Float8_e5m2', 'float8_e5m2'],
  ['F8_E4M3FNUZ', 'Float8_e4m3fnuz', 'float8_e4m3fnuz'],
  ['F8_E5M2FNUZ', 'Float8_e5m2fnuz', 'float8_e5m2fnuz'],
  ['F8_E8M0', 'Float8_e8m0fnu', 'float8_e8m0fnu'],
  ['I64', 'Long', 'int64', 'long'],
  ['I32', 'Int', 'int32', 'int'],
  ['I16', 'Short', 'int16', 'short'],
  ['I8', 'Char', 'int8'],
  ['U64', 'UInt64', 'uint64'],
  ['U32', 'UInt32', 'uint32'],
  ['U16', 'UInt16', 'uint16'],
  ['U8', 'Byte', 'uint8'],
  ['BOOL', 'Bool', 'bool'],
  ['C64', 'ComplexFloat', 'complex64', 'cfloat'],
  ['C128', 'ComplexDouble', 'complex128', 'cdouble'],
];

/** Types whose size is known, so that what lies behind them in a file can be found, but whose values are not read. */
const SIZED_ONLY: readonly (readonly [bytes: number, storage: string, ...names: string[]])[] = [
  [4, 'ComplexHalf', 'complex32', 'chalf'],
  [1, 'QInt8', 'qint8'],
  [1, 'QUInt8', 'quint8'],
  [4, 'QInt32', 'qint32'],
  [1, 'QUInt4x2', 'quint4x2'],
  [1, 'QUInt2x4', 'quint2x4'],
];

const dtypes = new Map<string, PickleDType>();
const storages = new Map<string, PickleDType>();

function add(type: PickleDType, storage: string, names: readonly string[]): void {
  for (const module of ['torch', 'torch.cuda', 'torch.storage']) storages.set(`${module}.${storage}Storage`, type);
  for (const name of names) dtypes.set(`torch.${name}`, type);
}
for (const [dtype, storage, ...names] of KNOWN) {
  add(new PickleDType(names[0]!, dtype, elementSize(dtype)), storage, names);
}
for (const [bytes, storage, ...names] of SIZED_ONLY) add(new PickleDType(names[0]!, undefined, bytes), storage, names);
add(new PickleDType('float4_e2m1fn_x2', 'U8', 1, 'F4'), 'Float4_e2m1fn_x2', ['float4_e2m1fn_x2']);
const untyped = new PickleDType('untyped bytes', 'U8', 1);
for (const storage of ['Untyped', '_Untyped']) add(untyped, storage, []);

/** `torch.float32` → its type. */
export function torchDType(name: string): PickleDType | undefined {
  return dtypes.get(name);
}

/** `torch.FloatStorage`, `torch.cuda.FloatStorage`, `torch.storage.UntypedStorage`, … → the type of its elements. */
export function torchStorageType(name: string): PickleDType | undefined {
  return storages.get(name);
}
