/**
 * ggml's K types: 256 elements in groups of 16 or 32, whose scales (and minima) are themselves small integers behind
 * one float16. Every product and sum is rounded to float32, as ggml's C code does it.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c (`dequantize_row_q*_K`)
 */
import { float16Values } from '../elements/dtype';
import type { DecodeBlocks } from './ggufBlocks';

/** 16 groups of 16: d·s·q − dmin·m, scale and minimum in the halves of one byte. */
export const decodeQ2_K: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 84) {
    const d = half[bytes[at + 80]! | (bytes[at + 81]! << 8)]!;
    const dmin = half[bytes[at + 82]! | (bytes[at + 83]! << 8)]!;
    for (let group = 0; group < 16; group++, to += 16) {
      const scale = Math.fround(d * (bytes[at + group]! & 15));
      const minimum = Math.fround(dmin * (bytes[at + group]! >> 4));
      const codes = at + 16 + 32 * (group >> 3) + 16 * (group & 1);
      const shift = (group & 6) as 0 | 2 | 4 | 6;
      for (let j = 0; j < 16; j++) out[to + j] = Math.fround(scale * ((bytes[codes + j]! >> shift) & 3)) - minimum;
    }
  }
};

/** 16 groups of 16: d·(s − 32)·(q − 4), the third bits of q and the upper bits of s apart. */
export const decodeQ3_K: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 110) {
    const d = half[bytes[at + 108]! | (bytes[at + 109]! << 8)]!;
    for (let group = 0; group < 16; group++, to += 16) {
      const low = (bytes[at + 96 + (group & 7)]! >> (group < 8 ? 0 : 4)) & 15;
      const high = (bytes[at + 104 + (group & 3)]! >> (2 * (group >> 2))) & 3;
      const scale = Math.fround(d * ((low | (high << 4)) - 32));
      const within = 16 * (group & 1);
      const codes = at + 32 + 32 * (group >> 3) + within;
      const shift = group & 6;
      const bit = group >> 1;
      for (let j = 0; j < 16; j++) {
        const third = (bytes[at + within + j]! >> bit) & 1;
        out[to + j] = scale * (((bytes[codes + j]! >> shift) & 3) + 4 * third - 4);
      }
    }
  }
};

/** 8 groups of 32: d·s·q − dmin·m, scales and minima of six bits. */
export const decodeQ4_K: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 144) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const dmin = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let pair = 0; pair < 4; pair++, to += 64) {
      const scale0 = Math.fround(d * sixBitScale(bytes, at + 4, 2 * pair));
      const minimum0 = Math.fround(dmin * sixBitMinimum(bytes, at + 4, 2 * pair));
      const scale1 = Math.fround(d * sixBitScale(bytes, at + 4, 2 * pair + 1));
      const minimum1 = Math.fround(dmin * sixBitMinimum(bytes, at + 4, 2 * pair + 1));
      const codes = at + 16 + 32 * pair;
      for (let j = 0; j < 32; j++) {
        const code = bytes[codes + j]!;
        out[to + j] = Math.fround(scale0 * (code & 15)) - minimum0;
        out[to + 32 + j] = Math.fround(scale1 * (code >> 4)) - minimum1;
      }
    }
  }
};

/** As Q4_K, with the fifth bits of q in 32 bytes of their own. */
export const decodeQ5_K: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 176) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const dmin = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let pair = 0; pair < 4; pair++, to += 64) {
      const scale0 = Math.fround(d * sixBitScale(bytes, at + 4, 2 * pair));
      const minimum0 = Math.fround(dmin * sixBitMinimum(bytes, at + 4, 2 * pair));
      const scale1 = Math.fround(d * sixBitScale(bytes, at + 4, 2 * pair + 1));
      const minimum1 = Math.fround(dmin * sixBitMinimum(bytes, at + 4, 2 * pair + 1));
      const codes = at + 48 + 32 * pair;
      for (let j = 0; j < 32; j++) {
        const code = bytes[codes + j]!;
        const high = bytes[at + 16 + j]! >> (2 * pair);
        out[to + j] = Math.fround(scale0 * ((code & 15) + ((high & 1) << 4))) - minimum0;
        out[to + 32 + j] = Math.fround(scale1 * ((code >> 4) + ((high & 2) << 3))) - minimum1;
      }
    }
  }
};

/** Scale of group 0 to 7 among the twelve bytes of 6-bit scales and minima. */
function sixBitScale(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return bytes[at + group]! & 63;
  return (bytes[at + group + 4]! & 15) | ((bytes[at + group - 4]! >> 6) << 4);
}

function sixBitMinimum(bytes: Uint8Array, at: number, group: number): number {
  if (group < 4) return bytes[at + group + 4]! & 63;
  return (bytes[at + group + 4]! >> 4) | ((bytes[at + group]! >> 6) << 4);
}

/** 16 groups of 16: d·s·(q − 32), s a signed byte, the upper two bits of q apart. */
export const decodeQ6_K: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  const scales = new Float64Array(16);
  for (let block = 0; block < count; block++, at += 210) {
    const d = half[bytes[at + 208]! | (bytes[at + 209]! << 8)]!;
    for (let group = 0; group < 16; group++) {
      scales[group] = Math.fround(d * ((bytes[at + 192 + group]! << 24) >> 24));
    }
    for (let part = 0; part < 2; part++, to += 128) {
      for (let j = 0; j < 32; j++) {
        const low0 = bytes[at + 64 * part + j]!;
        const low1 = bytes[at + 64 * part + 32 + j]!;
        const high = bytes[at + 128 + 32 * part + j]!;
        const group = 8 * part + (j >> 4);
        out[to + j] = scales[group]! * (((low0 & 15) | ((high & 3) << 4)) - 32);
        out[to + 32 + j] = scales[group + 2]! * (((low1 & 15) | ((high & 12) << 2)) - 32);
        out[to + 64 + j] = scales[group + 4]! * (((low0 >> 4) | (high & 48)) - 32);
        out[to + 96 + j] = scales[group + 6]! * (((low1 >> 4) | ((high & 192) >> 2)) - 32);
      }
    }
  }
};

/** d·q with signed bytes q and a float32 d; sums that products use come last. */
export const decodeQ8_K: DecodeBlocks = (bytes, at, count, out, to) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0; block < count; block++, at += 292, to += 256) {
    const d = view.getFloat32(at, true);
    for (let j = 0; j < 256; j++) out[to + j] = d * codes[at + 4 + j]!;
  }
};
