/**
 * ggml's ternary types: 256 elements −d, 0 or d, five to a byte in base 3 (TQ1_0) or four to a byte (TQ2_0).
 *
 * @see https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c (`dequantize_row_tq*`)
 */
import { float16Values } from '../elements/dtype';
import type { DecodeBlocks } from './ggufBlocks';

/** Runs of bytes in a TQ1_0 block, and how many elements each of their bytes holds. */
const RUNS = [
  { from: 0, length: 32, digits: 5 },
  { from: 32, length: 16, digits: 5 },
  { from: 48, length: 4, digits: 4 },
] as const;

/** A byte is the fraction 0.xxxxx in base 3, times 256: tripling brings the next digit to the front. */
export const decodeTQ1_0: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 54) {
    const d = half[bytes[at + 52]! | (bytes[at + 53]! << 8)]!;
    for (const { from, length, digits } of RUNS) {
      for (let digit = 0, power = 1; digit < digits; digit++, power *= 3, to += length) {
        for (let j = 0; j < length; j++) {
          const rest = (bytes[at + from + j]! * power) & 255;
          out[to + j] = (((rest * 3) >> 8) - 1) * d;
        }
      }
    }
  }
};

export const decodeTQ2_0: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 66) {
    const d = half[bytes[at + 64]! | (bytes[at + 65]! << 8)]!;
    for (let run = 0; run < 8; run++, to += 32) {
      const from = at + 32 * (run >> 2);
      const shift = 2 * (run & 3);
      for (let j = 0; j < 32; j++) out[to + j] = (((bytes[from + j]! >> shift) & 3) - 1) * d;
    }
  }
};
