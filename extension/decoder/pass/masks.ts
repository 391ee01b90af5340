/** Which earlier tokens a token sees, as what is added to its scores. */

/** As transformers has it: beside it any score vanishes, and no row is without a number. */
const HIDDEN_SCORE = -3.4028234663852886e38;

/**
 * length × length: row i sees the columns up to i.
 *
 * @param window tokens that it sees at most, itself included
 */
export function causalMask(length: number, window = Infinity): Float32Array {
  const mask = new Float32Array(length * length).fill(HIDDEN_SCORE);
  for (let row = 0; row < length; row++) {
    const first = Math.max(0, row - window + 1);
    mask.fill(0, row * length + first, row * length + row + 1);
  }
  return mask;
}
