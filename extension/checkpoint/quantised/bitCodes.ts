/** Codes of a few bits each, one after the other in words of 32 bits, the lowest bit of a word first. */

/**
 * Code `index` of a run of words that are `stride` apart; it may begin in one word and end in the next.
 *
 * @param from position of the run's first word
 * @param bits fewer than 32
 */
export function codeAt(words: Uint32Array, from: number, stride: number, index: number, bits: number): number {
  const bit = index * bits;
  const at = from + (bit >>> 5) * stride;
  const shift = bit & 31;
  const low = words[at]! >>> shift;
  const code = shift + bits > 32 ? low | (words[at + stride]! << (32 - shift)) : low;
  // No power: it takes longer than all the rest.
  return code & ((1 << bits) - 1);
}
