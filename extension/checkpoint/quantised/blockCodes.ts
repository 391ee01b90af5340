/**
 * The codes of a `QuantisedPart`: which number each stands for, how they are packed, and what they decode to. An element is
 * the number of its code times the scale of its block, rounded once to float32. Encoders (`compression/quantisers`) and
 * readers share this file.
 *
 * A file holds the codes of 8 bits as elements of their own (I8, F8_E4M3, U8 for bipolar integers). Codes of fewer bits
 * follow one another in bytes, the lowest bit of a byte first; each row begins a byte.
 */
import type { QuantiserName } from '../../shared/compression/methodOptions';
import type { QuantisedPart } from '../../shared/compression/parts';
import { scalesType } from '../../shared/compression/quantisers';
import type { DType } from '../../shared/tensors';
import { BITSANDBYTES_TABLES } from './bitsandbytesTables';
import { codeAt } from './bitCodes';
import { fp4Values } from '../elements/packedElements';
import { widen } from '../elements/dtype';

/**
 * NormalFloat of 3 bits: NF4's rule, quantiles of the normal distribution that are evenly apart from 1 − 0.9677083 to 1/2
 * and from there to 0.9677083, over the largest of them.
 *
 * @see LQ-LoRA, arXiv 2311.12023
 */
const NF3 = [
  ...[-1, -0.4786291718482971, -0.21714182198047638, 0],
  ...[0.16093017160892487, 0.33791518211364746, 0.5626169443130493, 1],
].map(Math.fround);

/**
 * The number that each code stands for, in units of the scale; NaN for a code that stands for none. Every number is one of
 * float32.
 *
 * @param bits of bipolar integers, Σ 2^i·(2bᵢ − 1) over their bits bᵢ
 */
export function codeNumbers(quantiser: QuantiserName, bits: number): Float64Array {
  const all = Uint8Array.from({ length: 256 }, (_, code) => code);
  switch (quantiser) {
    case 'nf4':
      return Float64Array.from(BITSANDBYTES_TABLES.NF4);
    case 'nf3':
      return Float64Array.from(NF3);
    case 'int8':
      return widen(all, 'I8');
    case 'int4':
      return Float64Array.from({ length: 16 }, (_, code) => code - 8);
    case 'fp8':
      return widen(all, 'F8_E4M3');
    case 'mxfp4':
      return Float64Array.from({ length: 16 }, (_, code) => fp4Values(Uint8Array.of(code))[0]!);
    case 'bipolar':
      return Float64Array.from({ length: 2 ** bits }, (_, code) => 2 * code - (2 ** bits - 1));
  }
}

/** Element type of the stored codes. */
export function codesType(quantiser: QuantiserName): DType {
  if (quantiser === 'int8') return 'I8';
  return quantiser === 'fp8' ? 'F8_E4M3' : 'U8';
}

/** Reverses how scales are stored: `bytes` of `scalesType`. */
export function readScales(quantiser: QuantiserName, bytes: Uint8Array): Float64Array {
  const type = scalesType(quantiser);
  return widen(bytes, type === 'U8' ? 'F8_E8M0' : type);
}

/** Bytes of a row of codes. */
export function packedRowBytes(columns: number, bits: number): number {
  return Math.ceil((columns * bits) / 8);
}

/** @param codes one a byte, rows of `columns` */
export function packCodes(codes: Uint8Array, columns: number, bits: number): Uint8Array {
  if (bits === 8) return codes;
  const rows = codes.length / columns;
  const perRow = packedRowBytes(columns, bits);
  const packed = new Uint8Array(rows * perRow);
  for (let row = 0; row < rows; row++) {
    for (let i = 0, bit = 8 * row * perRow; i < columns; i++, bit += bits) {
      const shifted = codes[row * columns + i]! << (bit & 7);
      const at = bit >>> 3;
      packed[at] = packed[at]! | shifted;
      if (shifted > 255) packed[at + 1] = packed[at + 1]! | (shifted >> 8);
    }
  }
  return packed;
}

/** Reverses `packCodes`. */
export function unpackCodes(packed: Uint8Array, columns: number, bits: number): Uint8Array {
  if (bits === 8) return packed;
  const perRow = packedRowBytes(columns, bits);
  const rows = packed.length / perRow;
  const codes = new Uint8Array(rows * columns);
  const words = new Uint32Array(Math.ceil(perRow / 4));
  const bytes = new Uint8Array(words.buffer);
  for (let row = 0; row < rows; row++) {
    bytes.set(packed.subarray(row * perRow, (row + 1) * perRow));
    for (let i = 0; i < columns; i++) codes[row * columns + i] = codeAt(words, 0, 1, i, bits);
  }
  return codes;
}

/** What is needed of a part to decode some of its rows. */
export type CodedRows = Pick<QuantisedPart, 'quantiser' | 'bits' | 'block' | 'codes' | 'scales'>;

/**
 * Decodes whole rows.
 *
 * @param rows codes of these rows, one a byte, and their scales, ⌈columns/block⌉ a row
 * @param use gets each row's number and its elements, in an array that the next row overwrites
 */
export function decodeRowsOf(
  { quantiser, bits, block, codes, scales }: CodedRows,
  columns: number,
  use: (row: number, elements: Float32Array) => void,
): void {
  const numbers = codeNumbers(quantiser, bits);
  const blocks = Math.ceil(columns / block);
  const elements = new Float32Array(columns);
  for (let row = 0, at = 0; at < codes.length; row++) {
    for (let b = 0, i = 0; b < blocks; b++) {
      const scale = scales[row * blocks + b]!;
      for (const end = Math.min(columns, i + block); i < end; i++, at++) elements[i] = numbers[codes[at]!]! * scale;
    }
    use(row, elements);
  }
}
