/** HDF5 files that h5py and Keras wrote for the tests, and the values that h5py reads from them. */
import { inflateSync } from 'node:zlib';
import type { DType } from '../../../extension/shared/tensors';
import { fixtures } from '../../unit/checkpoint/hdf5/hdf5Fixtures.json';

const DTYPES: Readonly<Record<string, DType>> = {
  ...{ float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16' },
  ...{ int64: 'I64', int32: 'I32', int16: 'I16', int8: 'I8' },
  ...{ uint64: 'U64', uint32: 'U32', uint16: 'U16', uint8: 'U8' },
  ...{ bool: 'BOOL', complex64: 'C64', complex128: 'C128', empty: 'F32' },
};

export interface Hdf5Fixture {
  readonly name: string;
  readonly suffix: string;
  readonly file: Buffer;
  readonly tensors: ReadonlyMap<string, ExpectedTensor>;
}

export interface ExpectedTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly hex: string;
}

interface Packed {
  readonly file: string;
  readonly suffix?: string;
  /** null where a dataset holds no numbers. */
  readonly tensors: Readonly<Record<string, { shape: number[]; dtype: string; bytes: string } | null>>;
}

const packed = fixtures as unknown as Readonly<Record<string, Packed>>;

export const hdf5Fixtures: readonly Hdf5Fixture[] = Object.keys(packed).map(hdf5Fixture);

export function hdf5Fixture(name: string): Hdf5Fixture {
  const { file, suffix, tensors } = packed[name]!;
  const expected = Object.entries(tensors).flatMap(([tensor, found]): [string, ExpectedTensor][] =>
    found
      ? [[tensor, { shape: found.shape, dtype: DTYPES[found.dtype]!, hex: unpack(found.bytes).toString('hex') }]]
      : [],
  );
  return { name, suffix: suffix ?? '.h5', file: unpack(file), tensors: new Map(expected) };
}

function unpack(text: string): Buffer {
  return inflateSync(Buffer.from(text, 'base64'));
}
