/**
 * NumPy arrays, scalars and dtypes inside a pickle.
 *
 * @see https://numpy.org/doc/stable/reference/generated/numpy.ndarray.__reduce__.html, numpy/core/src/multiarray/methods.c
 */
import type { DType } from '../../shared/tensors';
import { elementSize } from '../elements/dtype';
import { contiguousStrides } from '../elements/shape';
import { numpyElement } from '../numpy/numpyTypes';
import { COST, type OpeningBudget } from '../files/openingBudget';
import { asCounts, BadArguments, itemsOf } from './pickleArguments';
import {
  NumpyDType,
  PickleArray,
  PickleBytes,
  PickleGlobal,
  PickleSequence,
  PickleTensor,
  PickleUnreadable,
  type PickleValue,
} from './pickleValues';

/** Types that NumPy knows through the ml_dtypes package. */
const CLASSES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ['ml_dtypes.bfloat16', 'BF16'],
  ['ml_dtypes.float8_e4m3fn', 'F8_E4M3'],
  ['ml_dtypes.float8_e5m2', 'F8_E5M2'],
  ['ml_dtypes.float8_e4m3fnuz', 'F8_E4M3FNUZ'],
  ['ml_dtypes.float8_e5m2fnuz', 'F8_E5M2FNUZ'],
  ['ml_dtypes.float8_e8m0fnu', 'F8_E8M0'],
]);

/** Longest name of an element type: one more character than any has makes it unknown. */
const MAX_TYPE_NAME = 64;

/** `numpy.dtype(code, …)`. */
export function numpyDType(args: readonly PickleValue[]): NumpyDType {
  const [code] = args;
  const name =
    typeof code === 'string' ? code.slice(0, MAX_TYPE_NAME) : code instanceof PickleGlobal ? code.name : 'unknown';
  const element = numpyElement(name);
  const dtype = CLASSES.get(name) ?? element?.dtype;
  const made = new NumpyDType(name, dtype, dtype ? elementSize(dtype) : 0);
  made.bigEndian = element?.bigEndian ?? /^>/.test(name);
  return made;
}

/** BUILD of a dtype: (version, byte order, …). */
export function buildNumpyDType(target: NumpyDType, state: PickleValue): void {
  const order = itemsOf(state)[1];
  if (order === '>' || order === '<') target.bigEndian = order === '>';
}

/** BUILD of an array: (version, shape, dtype, is Fortran, data), without the version in old pickles. */
export function buildArray(target: PickleArray, state: PickleValue, budget: OpeningBudget): void {
  const items = itemsOf(state);
  const [shape, dtype, fortran, data] = items.length === 4 ? items : items.slice(1);
  target.content = readable(() => arrayTensor(data, dtype, shape, fortran === true || fortran === 1, budget));
}

/** `numpy.core.numeric._frombuffer(buffer, dtype, shape, order)`, as protocol 5 writes arrays. */
export function arrayFromBuffer(args: readonly PickleValue[], budget: OpeningBudget): PickleArray {
  const [data, dtype, shape, order] = args;
  const array = new PickleArray();
  array.content = readable(() => arrayTensor(data, dtype, shape, order === 'F', budget));
  return array;
}

/** `numpy.core.multiarray.scalar(dtype, bytes)`: the number itself. @throws BadArguments */
export function numpyScalar(args: readonly PickleValue[], budget: OpeningBudget): PickleValue {
  const [type, data] = args;
  const { dtype, bigEndian, name } = asNumpyDType(type);
  const bytes = asBytes(data, budget);
  if (!dtype || bytes.length !== elementSize(dtype)) throw new BadArguments(`a NumPy scalar of type ${name}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (dtype) {
    case 'F64':
      return view.getFloat64(0, !bigEndian);
    case 'F32':
      return view.getFloat32(0, !bigEndian);
    case 'I64':
      return narrow(view.getBigInt64(0, !bigEndian));
    case 'U64':
      return narrow(view.getBigUint64(0, !bigEndian));
    case 'I32':
      return view.getInt32(0, !bigEndian);
    case 'U32':
      return view.getUint32(0, !bigEndian);
    case 'I16':
      return view.getInt16(0, !bigEndian);
    case 'U16':
      return view.getUint16(0, !bigEndian);
    case 'I8':
      return view.getInt8(0);
    case 'U8':
      return view.getUint8(0);
    case 'BOOL':
      return view.getUint8(0) !== 0;
    default:
      // Half precision and complex scalars: shown as an array of one element.
      return readable(() => new PickleTensor(new PickleBytes(bytes), dtype, 0, [], [], { bigEndian }));
  }
}

function arrayTensor(
  data: PickleValue | undefined,
  type: PickleValue | undefined,
  shapeValue: PickleValue | undefined,
  fortran: boolean,
  budget: OpeningBudget,
): PickleTensor {
  const { dtype, bigEndian, name } = asNumpyDType(type);
  const shape = asCounts(shapeValue, 'shape');
  if (!dtype || data instanceof PickleSequence) {
    throw new BadArguments(`a NumPy array of element type ${name}`, 'unsupported');
  }
  return new PickleTensor(new PickleBytes(asBytes(data, budget)), dtype, 0, shape, contiguousStrides(shape, fortran), {
    bigEndian,
  });
}

function readable<T extends PickleTensor>(make: () => T): T | PickleUnreadable {
  try {
    return make();
  } catch (error) {
    if (error instanceof BadArguments) return new PickleUnreadable(error.code, error.message);
    throw error;
  }
}

function asNumpyDType(value: PickleValue | undefined): NumpyDType {
  if (!(value instanceof NumpyDType)) throw new BadArguments('a NumPy array without an element type');
  return value;
}

/** Python 2 pickles hold the elements as text, one byte a character. A copy can be had again and again. */
function asBytes(value: PickleValue | undefined, budget: OpeningBudget): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') {
    budget.take(COST.buffer + value.length);
    return Buffer.from(value, 'latin1');
  }
  throw new BadArguments('a NumPy array whose elements are not bytes', 'unsupported');
}

function narrow(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
