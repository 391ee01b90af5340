/**
 * ggml's plain quantised blocks: 32 to 128 elements behind one scale (and, in the `_1` types, one minimum), and the
 * 4-bit floats of MXFP4 and NVFP4. Every product and sum is rounded to float32, as ggml's C code does it.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c (`dequantize_row_*`)
 */
import { float16Values } from '../elements/dtype';

/** Decodes `count` blocks that begin at `at` of `bytes`, to `to` of `out`. Blocks are little-endian. */
export type DecodeBlocks = (bytes: Uint8Array, at: number, count: number, out: Float32Array, to: number) => void;

/** d·(q − 8) */
export const decodeQ4_0: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 18, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let j = 0; j < 16; j++) {
      const code = bytes[at + 2 + j]!;
      out[to + j] = ((code & 15) - 8) * d;
      out[to + 16 + j] = ((code >> 4) - 8) * d;
    }
  }
};

/** d·q + m */
export const decodeQ4_1: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 20, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const m = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let j = 0; j < 16; j++) {
      const code = bytes[at + 4 + j]!;
      out[to + j] = Math.fround((code & 15) * d) + m;
      out[to + 16 + j] = Math.fround((code >> 4) * d) + m;
    }
  }
};

/** d·(q − 16), the fifth bits of q in four bytes of their own. */
export const decodeQ5_0: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 22, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const high = word(bytes, at + 2);
    for (let j = 0; j < 16; j++) {
      const code = bytes[at + 6 + j]!;
      out[to + j] = (((code & 15) | (((high >>> j) & 1) << 4)) - 16) * d;
      out[to + 16 + j] = (((code >> 4) | (((high >>> (j + 16)) & 1) << 4)) - 16) * d;
    }
  }
};

/** d·q + m */
export const decodeQ5_1: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 24, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const m = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    const high = word(bytes, at + 4);
    for (let j = 0; j < 16; j++) {
      const code = bytes[at + 8 + j]!;
      out[to + j] = Math.fround(((code & 15) | (((high >>> j) & 1) << 4)) * d) + m;
      out[to + 16 + j] = Math.fround(((code >> 4) | (((high >>> (j + 16)) & 1) << 4)) * d) + m;
    }
  }
};

/** d·q with signed bytes q. */
export const decodeQ8_0: DecodeBlocks = (bytes, at, count, out, to) => decodeBytes(bytes, at, count, out, to, 2);

/** As Q8_0, with a sum behind the scale that products use and values do not. */
export const decodeQ8_1: DecodeBlocks = (bytes, at, count, out, to) => decodeBytes(bytes, at, count, out, to, 4);

/** @param before bytes in front of a block's codes */
function decodeBytes(
  bytes: Uint8Array,
  at: number,
  count: number,
  out: Float32Array,
  to: number,
  before: number,
): void {
  const half = float16Values();
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0; block < count; block++, at += before + 32, to += 32) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const from = at + before;
    for (let j = 0; j < 32; j++) out[to + j] = codes[from + j]! * d;
  }
}

/** ±d */
export const decodeQ1_0: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 18, to += 128) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let j = 0; j < 128; j++) out[to + j] = (bytes[at + 2 + (j >> 3)]! >> (j & 7)) & 1 ? d : -d;
  }
};

/** d·(q − 1) */
export const decodeQ2_0: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 18, to += 64) {
    const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let j = 0; j < 64; j++) out[to + j] = (((bytes[at + 2 + (j >> 2)]! >> (2 * (j & 3))) & 3) - 1) * d;
  }
};

/** Levels of the non-linear 4-bit types, denser near zero. */
export const IQ4_LEVELS = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

export const decodeIQ4_NL: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 18, to += 32) {
    decodeLevels(bytes, at + 2, 16, IQ4_LEVELS, half[bytes[at]! | (bytes[at + 1]! << 8)]!, out, to);
  }
};

/** Twice the values of the 4-bit float E2M1; its −0 counts as 0. */
const E2M1_LEVELS = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** Half of each scale 2^(code − 127), since the levels are doubled. ggml makes no NaN of 255. */
const E8M0_HALVES = Float32Array.from({ length: 256 }, (_, code) => 2 ** (code - 128));

/** E2M1 behind a power of two. */
export const decodeMXFP4: DecodeBlocks = (bytes, at, count, out, to) => {
  for (let block = 0; block < count; block++, at += 17, to += 32) {
    decodeLevels(bytes, at + 1, 16, E2M1_LEVELS, E8M0_HALVES[bytes[at]!]!, out, to);
  }
};

/** Four groups of 16 E2M1, each behind an unsigned 8-bit float. */
export const decodeNVFP4: DecodeBlocks = (bytes, at, count, out, to) => {
  for (let block = 0; block < count; block++, at += 36, to += 64) {
    for (let group = 0; group < 4; group++) {
      const scale = halvedE4M3(bytes[at + group]!);
      decodeLevels(bytes, at + 4 + 8 * group, 8, E2M1_LEVELS, scale, out, to + 16 * group);
    }
  }
};

/** Half of an 8-bit float E4M3, whose sign is not looked at. */
function halvedE4M3(code: number): number {
  if (code === 0 || code === 0x7f) return 0;
  const exponent = (code >> 3) & 15;
  const fraction = code & 7;
  return 0.5 * (exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7));
}

/** The lower halves of `length` bytes, then their upper halves, as levels times `d`. */
export function decodeLevels(
  bytes: Uint8Array,
  at: number,
  length: number,
  levels: Int8Array,
  d: number,
  out: Float32Array,
  to: number,
): void {
  for (let j = 0; j < length; j++) {
    const code = bytes[at + j]!;
    out[to + j] = levels[code & 15]! * d;
    out[to + length + j] = levels[code >> 4]! * d;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
