/**
 * The element types of ggml: how many elements and bytes a block has, and what decodes it.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/include/ggml.h (`enum ggml_type`)
 * @see https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h (`block_*`)
 */
import type { DType } from '../../shared/tensors';
import * as plain from './ggufBlocks';
import type { DecodeBlocks } from './ggufBlocks';
import * as codebook from './ggufIBlocks';
import * as k from './ggufKBlocks';
import * as ternary from './ggufTernary';

/** Numbers of several bytes in a block, which stand the other way round in big-endian files. */
export interface BlockNumbers {
  readonly at: number;
  readonly size: 2 | 4;
  /** How many of them stand one after the other; one by default. */
  readonly count?: number;
}

/** Stored element by element. */
interface PlainType {
  readonly name: string;
  readonly dtype: DType;
}

/** Stored in blocks that stand for `elements` float32 numbers. */
export interface BlockType {
  readonly name: string;
  readonly elements: number;
  readonly bytes: number;
  readonly decode: DecodeBlocks;
  readonly numbers: readonly BlockNumbers[];
}

/** Nothing here reads it, and why. */
interface UnreadType {
  readonly name: string;
  readonly unreadable: string;
}

export type GgmlType = PlainType | BlockType | UnreadType;

/** A scale in front. */
const SCALE: BlockNumbers = { at: 0, size: 2 };

/** A scale and a minimum in front. */
const TWO: BlockNumbers = { at: 0, size: 2, count: 2 };

/** For numbers that ggml declares as single bytes but copies to and from 32-bit words, the words count. */
const TYPES: ReadonlyMap<number, GgmlType> = new Map<number, GgmlType>([
  [0, { name: 'F32', dtype: 'F32' }],
  [1, { name: 'F16', dtype: 'F16' }],
  [2, block('Q4_0', 32, 18, plain.decodeQ4_0, SCALE)],
  [3, block('Q4_1', 32, 20, plain.decodeQ4_1, TWO)],
  [4, removed('Q4_2')],
  [5, removed('Q4_3')],
  [6, block('Q5_0', 32, 22, plain.decodeQ5_0, SCALE, { at: 2, size: 4 })],
  [7, block('Q5_1', 32, 24, plain.decodeQ5_1, TWO, { at: 4, size: 4 })],
  [8, block('Q8_0', 32, 34, plain.decodeQ8_0, SCALE)],
  [9, block('Q8_1', 32, 36, plain.decodeQ8_1, TWO)],
  [10, block('Q2_K', 256, 84, k.decodeQ2_K, { at: 80, size: 2, count: 2 })],
  [11, block('Q3_K', 256, 110, k.decodeQ3_K, { at: 108, size: 2 })],
  [12, block('Q4_K', 256, 144, k.decodeQ4_K, TWO)],
  [13, block('Q5_K', 256, 176, k.decodeQ5_K, TWO)],
  [14, block('Q6_K', 256, 210, k.decodeQ6_K, { at: 208, size: 2 })],
  [15, block('Q8_K', 256, 292, k.decodeQ8_K, { at: 0, size: 4 }, { at: 260, size: 2, count: 16 })],
  [16, block('IQ2_XXS', 256, 66, codebook.decodeIQ2_XXS, SCALE, { at: 2, size: 4, count: 16 })],
  [17, block('IQ2_XS', 256, 74, codebook.decodeIQ2_XS, SCALE, { at: 2, size: 2, count: 32 })],
  [18, block('IQ3_XXS', 256, 98, codebook.decodeIQ3_XXS, SCALE, { at: 66, size: 4, count: 8 })],
  [19, block('IQ1_S', 256, 50, codebook.decodeIQ1_S, SCALE, { at: 34, size: 2, count: 8 })],
  [20, block('IQ4_NL', 32, 18, plain.decodeIQ4_NL, SCALE)],
  [21, block('IQ3_S', 256, 110, codebook.decodeIQ3_S, SCALE)],
  [22, block('IQ2_S', 256, 82, codebook.decodeIQ2_S, SCALE)],
  [23, block('IQ4_XS', 256, 136, codebook.decodeIQ4_XS, TWO)],
  [24, { name: 'I8', dtype: 'I8' }],
  [25, { name: 'I16', dtype: 'I16' }],
  [26, { name: 'I32', dtype: 'I32' }],
  [27, { name: 'I64', dtype: 'I64' }],
  [28, { name: 'F64', dtype: 'F64' }],
  [29, block('IQ1_M', 256, 56, codebook.decodeIQ1_M, { at: 48, size: 2, count: 4 })],
  [30, { name: 'BF16', dtype: 'BF16' }],
  [31, removed('Q4_0_4_4')],
  [32, removed('Q4_0_4_8')],
  [33, removed('Q4_0_8_8')],
  [34, block('TQ1_0', 256, 54, ternary.decodeTQ1_0, { at: 52, size: 2 })],
  [35, block('TQ2_0', 256, 66, ternary.decodeTQ2_0, { at: 64, size: 2 })],
  [36, removed('IQ4_NL_4_4')],
  [37, removed('IQ4_NL_4_8')],
  [38, removed('IQ4_NL_8_8')],
  [39, block('MXFP4', 32, 17, plain.decodeMXFP4)],
  [40, block('NVFP4', 64, 36, plain.decodeNVFP4)],
  [41, block('Q1_0', 128, 18, plain.decodeQ1_0, SCALE)],
  [42, block('Q2_0', 64, 18, plain.decodeQ2_0, SCALE)],
]);

export function ggmlType(id: number): GgmlType {
  return (
    TYPES.get(id) ?? { name: `ggml type ${id}`, unreadable: `type ${id}, which is none of ggml's that are known here` }
  );
}

/** Turns the numbers in whole blocks round, in place. */
export function swapBlocks(bytes: Uint8Array, { bytes: blockBytes, numbers }: BlockType): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0; block < buffer.length; block += blockBytes) {
    for (const { at, size, count = 1 } of numbers) {
      const run = buffer.subarray(block + at, block + at + size * count);
      if (size === 2) run.swap16();
      else run.swap32();
    }
  }
}

function block(
  name: string,
  elements: number,
  bytes: number,
  decode: DecodeBlocks,
  ...numbers: BlockNumbers[]
): BlockType {
  return { name, elements, bytes, decode, numbers };
}

function removed(name: string): UnreadType {
  return { name, unreadable: `type ${name}, which ggml has given up; quantise the original anew` };
}
