/**
 * Datatype messages: the element type of a dataset, or words for one that is not ours. Text, which attributes consist
 * of, is told apart.
 */
import type { DType } from '../../shared/tensors';
import type { Hdf5Cursor } from './hdf5Cursor';

/** What a field of the type means for its elements. */
export type Hdf5Type =
  | {
      readonly kind: 'number';
      readonly size: number;
      readonly dtype: DType;
      readonly bigEndian: boolean;
      readonly label?: string;
    }
  | { readonly kind: 'text'; readonly size: number; readonly padding: number }
  | { readonly kind: 'variable text'; readonly size: number }
  | { readonly kind: 'opaque'; readonly size: number }
  | { readonly kind: 'other'; readonly size: number; readonly description: string };

const CLASS = {
  integer: 0,
  float: 1,
  text: 3,
  opaque: 5,
  compound: 6,
  enumeration: 8,
  variable: 9,
  complex: 11,
} as const;

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  2: 'times',
  4: 'bit fields',
  7: 'references to other objects',
  10: 'arrays',
};

const INTEGERS: Readonly<Record<number, readonly [signed: DType, unsigned: DType]>> = {
  1: ['I8', 'U8'],
  2: ['I16', 'U16'],
  4: ['I32', 'U32'],
  8: ['I64', 'U64'],
};

/** By bits of exponent and of mantissa, in a format of that size without gaps. */
const FLOATS: Readonly<Record<string, DType>> = {
  '8 5 2 15': 'F8_E5M2',
  '16 5 10 15': 'F16',
  '16 8 7 127': 'BF16',
  '32 8 23 127': 'F32',
  '64 11 52 1023': 'F64',
};

const IMPLIED_BIT = 2;

/** Types are nested a few levels deep; bounds the calls. */
const MAX_DEPTH = 8;

/** Enumerations of h5py's booleans have two members. */
const BOOLEAN_MEMBERS = ['FALSE', 'TRUE'];

/** @throws CheckpointError `malformed`, `unsupported` */
export function readDatatype(cursor: Hdf5Cursor, depth = 0): Hdf5Type {
  if (depth > MAX_DEPTH) throw cursor.error('limit', `has a type nested deeper than ${MAX_DEPTH} levels`);
  const first = cursor.uint8();
  const [type, version] = [first & 15, first >> 4];
  const flags = cursor.uint(3);
  const size = cursor.uint32();
  const other = (description: string): Hdf5Type => ({ kind: 'other', size, description });
  switch (type) {
    case CLASS.integer:
      return integer(cursor, flags, size);
    case CLASS.float:
      return float(cursor, flags, size);
    case CLASS.text:
      return { kind: 'text', size, padding: flags & 15 };
    case CLASS.opaque:
      cursor.skip(Math.min(cursor.left, flags & 0xff));
      return { kind: 'opaque', size };
    case CLASS.compound:
      return compound(cursor, { version, members: flags & 0xffff, size }, depth);
    case CLASS.enumeration:
      return enumeration(cursor, { version, members: flags & 0xffff, size }, depth);
    case CLASS.variable:
      return (flags & 15) === 1 ? { kind: 'variable text', size } : other('lists of varying length');
    case CLASS.complex:
      return pairOf(readDatatype(cursor, depth + 1), size) ?? other('complex numbers of an unusual type');
    default:
      return other(DESCRIPTIONS[type] ?? `elements of the class ${type}`);
  }
}

function integer(cursor: Hdf5Cursor, flags: number, size: number): Hdf5Type {
  const [offset, precision] = [cursor.uint16(), cursor.uint16()];
  const dtype = INTEGERS[size]?.[flags & 8 ? 0 : 1];
  if (dtype === undefined || offset !== 0 || precision !== 8 * size) {
    return { kind: 'other', size, description: `integers of ${precision} bits in ${size} bytes` };
  }
  return { kind: 'number', size, dtype, bigEndian: (flags & 1) !== 0 };
}

function float(cursor: Hdf5Cursor, flags: number, size: number): Hdf5Type {
  const [offset, precision] = [cursor.uint16(), cursor.uint16()];
  const [exponentAt, exponentBits, mantissaAt, mantissaBits] = [
    cursor.uint8(),
    cursor.uint8(),
    cursor.uint8(),
    cursor.uint8(),
  ];
  const bias = cursor.uint32();
  const signAt = (flags >> 8) & 0xff;
  const dtype = FLOATS[`${8 * size} ${exponentBits} ${mantissaBits} ${bias}`];
  const dense = offset === 0 && precision === 8 * size && mantissaAt === 0 && exponentAt === mantissaBits;
  const usual = dense && signAt === precision - 1 && ((flags >> 4) & 3) === IMPLIED_BIT;
  // Bit 6 is the order of VAX.
  if (dtype === undefined || !usual || flags & 0x40) {
    const shape = `${exponentBits} bits of exponent and ${mantissaBits} of mantissa`;
    return { kind: 'other', size, description: `floats of ${precision} bits with ${shape}` };
  }
  return { kind: 'number', size, dtype, bigEndian: (flags & 1) !== 0 };
}

interface Members {
  readonly version: number;
  readonly members: number;
  readonly size: number;
}

/** The only compounds that are read are h5py's complex numbers: a pair of equal floats `r` and `i`. */
function compound(cursor: Hdf5Cursor, { version, members, size }: Members, depth: number): Hdf5Type {
  const other: Hdf5Type = { kind: 'other', size, description: `records of ${members} fields` };
  if (members !== 2) return other;
  const parts: Hdf5Type[] = [];
  for (const [name, at] of [
    ['r', 0],
    ['i', size / 2],
  ] as const) {
    const matches = cursor.text(version < 3 ? 8 : 1) === name;
    const offset = cursor.uint(version < 3 ? 4 : bytesFor(size));
    // Version 1 has room for the shape of an array.
    if (version === 1) cursor.skip(28);
    const part = readDatatype(cursor, depth + 1);
    if (!matches || offset !== at) return other;
    parts.push(part);
  }
  const [real, imaginary] = parts;
  const equal = JSON.stringify(real) === JSON.stringify(imaginary);
  return (equal && pairOf(real!, size)) || other;
}

function pairOf(part: Hdf5Type, size: number): Hdf5Type | undefined {
  if (part.kind !== 'number' || size !== 2 * part.size) return undefined;
  const dtype = part.dtype === 'F32' ? 'C64' : part.dtype === 'F64' ? 'C128' : undefined;
  return dtype && { kind: 'number', size, dtype, bigEndian: part.bigEndian };
}

/** Booleans of h5py; others are the integers that they are stored as. */
function enumeration(cursor: Hdf5Cursor, { version, members }: Members, depth: number): Hdf5Type {
  const base = readDatatype(cursor, depth + 1);
  if (base.kind !== 'number' || members !== BOOLEAN_MEMBERS.length) return { ...base, ...label(base) };
  const names = BOOLEAN_MEMBERS.map(() => cursor.text(version < 3 ? 8 : 1));
  const values = cursor.take(members * base.size);
  const boolean = base.size === 1 && names.join() === BOOLEAN_MEMBERS.join() && values[0] === 0 && values[1] === 1;
  return boolean ? { ...base, dtype: 'BOOL' } : { ...base, ...label(base) };
}

function label(base: Hdf5Type): { label?: string } {
  return base.kind === 'number' ? { label: 'enumeration' } : {};
}

/** Bytes in which version 3 writes offsets within so many bytes. */
function bytesFor(size: number): number {
  return size < 2 ** 8 ? 1 : size < 2 ** 16 ? 2 : size < 2 ** 24 ? 3 : 4;
}
