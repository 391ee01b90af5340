/**
 * ggml's IQ types of 256 elements: groups of 4 or 8 elements are vectors out of a codebook (`ggufGrids.ts`), with signs
 * and scales of their own. Every product and sum is rounded to float32, as ggml's C code does it.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c (`dequantize_row_iq*`)
 */
import { float16Values } from '../elements/dtype';
import { decodeLevels, IQ4_LEVELS, type DecodeBlocks } from './ggufBlocks';
import { grid } from './ggufGrids';

/** What IQ1 types add to a vector's elements, or take away. */
const DELTA = 0.125;

/** Signs of 8 elements in 7 bits: an even number of them is negative, so that the eighth follows. */
const SIGNS = Uint8Array.from({ length: 128 }, (_, bits) => {
  let parity = bits;
  for (const shift of [4, 2, 1]) parity ^= parity >> shift;
  return bits | ((parity & 1) << 7);
});

/** 8 groups of 32: four vectors, and in 32 bits their signs and a scale. */
export const decodeIQ2_XXS: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  const vectors = grid('IQ2_XXS');
  for (let block = 0; block < count; block++, at += 66) {
    const d = half[pair(bytes, at)]!;
    for (let group = 0; group < 8; group++) {
      const codes = at + 2 + 8 * group;
      const rest = word(bytes, codes + 4);
      const scale = Math.fround(d * (0.5 + (rest >>> 28))) * 0.25;
      for (let l = 0; l < 4; l++, to += 8) {
        signed(vectors, 8 * bytes[codes + l]!, 8, SIGNS[(rest >>> (7 * l)) & 127]!, scale, out, to);
      }
    }
  }
};

/** 16-bit codes: nine bits of vector, seven of signs. */
export const decodeIQ2_XS: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  const vectors = grid('IQ2_XS');
  for (let block = 0; block < count; block++, at += 74) {
    const d = half[pair(bytes, at)]!;
    for (let l = 0; l < 32; l++, to += 8) {
      const code = pair(bytes, at + 2 + 2 * l);
      const scale = quarterScale(d, bytes[at + 66 + (l >> 2)]!, l);
      signed(vectors, 8 * (code & 511), 8, SIGNS[code >> 9]!, scale, out, to);
    }
  }
};

/** Ten bits of vector, eight of signs. */
export const decodeIQ2_S: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  const vectors = grid('IQ2_S');
  for (let block = 0; block < count; block++, at += 82) {
    const d = half[pair(bytes, at)]!;
    for (let l = 0; l < 32; l++, to += 8) {
      const high = (bytes[at + 66 + (l >> 2)]! >> (2 * (l & 3))) & 3;
      const scale = quarterScale(d, bytes[at + 74 + (l >> 2)]!, l);
      signed(vectors, 8 * (bytes[at + 2 + l]! | (high << 8)), 8, bytes[at + 34 + l]!, scale, out, to);
    }
  }
};

/** d·(½ + s)/4, s the lower half of the byte for the first two vectors of four, the upper for the others. */
function quarterScale(d: number, scales: number, vector: number): number {
  return Math.fround(d * (0.5 + (vector & 2 ? scales >> 4 : scales & 15))) * 0.25;
}

/** Vectors of four; in 32 bits the signs and a scale of 32 elements. */
export const decodeIQ3_XXS: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  const vectors = grid('IQ3_XXS');
  for (let block = 0; block < count; block++, at += 98) {
    const d = half[pair(bytes, at)]!;
    for (let group = 0; group < 8; group++) {
      const rest = word(bytes, at + 66 + 4 * group);
      const scale = Math.fround(d * (0.5 + (rest >>> 28))) * 0.5;
      for (let l = 0; l < 4; l++, to += 8) {
        const signs = SIGNS[(rest >>> (7 * l)) & 127]!;
        const codes = at + 2 + 8 * group + 2 * l;
        signed(vectors, 4 * bytes[codes]!, 4, signs, scale, out, to);
        signed(vectors, 4 * bytes[codes + 1]!, 4, signs >> 4, scale, out, to + 4);
      }
    }
  }
};

/** Vectors of four with nine bits, eight bits of signs for two of them. */
export const decodeIQ3_S: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  const vectors = grid('IQ3_S');
  for (let block = 0; block < count; block++, at += 110) {
    const d = half[pair(bytes, at)]!;
    for (let group = 0; group < 8; group++) {
      const scales = bytes[at + 106 + (group >> 1)]!;
      const scale = Math.fround(d * (1 + 2 * (group & 1 ? scales >> 4 : scales & 15)));
      const high = bytes[at + 66 + group]!;
      for (let l = 0; l < 4; l++, to += 8) {
        const codes = at + 2 + 8 * group + 2 * l;
        const signs = bytes[at + 74 + 4 * group + l]!;
        const first = bytes[codes]! | ((high << (8 - 2 * l)) & 256);
        const second = bytes[codes + 1]! | ((high << (7 - 2 * l)) & 256);
        signed(vectors, 4 * first, 4, signs, scale, out, to);
        signed(vectors, 4 * second, 4, signs >> 4, scale, out, to + 4);
      }
    }
  }
};

/** 8 groups of 32: four vectors of 11 bits, a 3-bit scale and the sign of what is added. */
export const decodeIQ1_S: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  const vectors = grid('IQ1');
  for (let block = 0; block < count; block++, at += 50) {
    const d = half[pair(bytes, at)]!;
    for (let group = 0; group < 8; group++) {
      const high = pair(bytes, at + 34 + 2 * group);
      const scale = Math.fround(d * (2 * ((high >> 12) & 7) + 1));
      const delta = high & 0x8000 ? -DELTA : DELTA;
      for (let l = 0; l < 4; l++, to += 8) {
        const vector = bytes[at + 2 + 4 * group + l]! | (((high >> (3 * l)) & 7) << 8);
        shifted(vectors, 8 * vector, delta, scale, out, to);
      }
    }
  }
};

/** The same with scales for 16 elements; the float16 scale of all is in the upper bits of four words of them. */
export const decodeIQ1_M: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  const vectors = grid('IQ1');
  for (let block = 0; block < count; block++, at += 56) {
    let bits = 0;
    for (let i = 0; i < 4; i++) bits |= (pair(bytes, at + 48 + 2 * i) >> 12) << (4 * i);
    const d = half[bits]!;
    for (let l = 0; l < 32; l++, to += 8) {
      const three = (pair(bytes, at + 48 + 2 * (l >> 3)) >> (3 * ((l >> 1) & 3))) & 7;
      const high = (bytes[at + 32 + (l >> 1)]! >> (4 * (l & 1))) & 15;
      const scale = Math.fround(d * (2 * three + 1));
      shifted(vectors, 8 * (bytes[at + l]! | ((high & 7) << 8)), high & 8 ? -DELTA : DELTA, scale, out, to);
    }
  }
};

/** 8 groups of 32 non-linear 4-bit levels with 6-bit scales. */
export const decodeIQ4_XS: DecodeBlocks = (bytes, at, count, out, to) => {
  const half = float16Values();
  for (let block = 0; block < count; block++, at += 136) {
    const d = half[pair(bytes, at)]!;
    const high = pair(bytes, at + 2);
    for (let group = 0; group < 8; group++, to += 32) {
      const low = (bytes[at + 4 + (group >> 1)]! >> (4 * (group & 1))) & 15;
      const scale = Math.fround(d * ((low | (((high >> (2 * group)) & 3) << 4)) - 32));
      decodeLevels(bytes, at + 8 + 16 * group, 16, IQ4_LEVELS, scale, out, to);
    }
  }
};

/** A vector times a scale; a set bit of `signs` makes its element negative. The scale may still have to be rounded. */
function signed(
  vectors: Int8Array,
  from: number,
  length: number,
  signs: number,
  scale: number,
  out: Float32Array,
  to: number,
): void {
  const rounded = Math.fround(scale);
  for (let j = 0; j < length; j++) {
    const value = rounded * vectors[from + j]!;
    out[to + j] = (signs >> j) & 1 ? -value : value;
  }
}

function shifted(vectors: Int8Array, from: number, delta: number, scale: number, out: Float32Array, to: number): void {
  for (let j = 0; j < 8; j++) out[to + j] = scale * (vectors[from + j]! + delta);
}

function pair(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function word(bytes: Uint8Array, at: number): number {
  return pair(bytes, at) | (pair(bytes, at + 2) << 16);
}
