/**
 * The scale of a block of bipolar integers. These have no 0 and few levels: with the largest magnitude at the outermost
 * level most elements would be rounded far outwards (with 1 bit, all of them). So codes and the scale that fits them best
 * (least squares) are found in turn, from there on; for 1 bit that ends at the mean magnitude, which is optimal.
 *
 * @see Lloyd 1982; XNOR-Net, arXiv 1603.05279, for 1 bit
 */
import { FLOAT32_MAX } from './blockScale';
import type { NearestCode } from './nearestCode';

/** The error falls at each turn, and after few of them by next to nothing. */
const TURNS = 8;

/**
 * @param most scale at which the outermost level is the largest magnitude
 * @returns a float32 scale whose squared error over w[start … end) is at most that of `most`
 */
export function fittedScale(
  w: Float64Array,
  start: number,
  end: number,
  most: number,
  numbers: Float64Array,
  nearest: NearestCode,
): number {
  let best = { scale: most, error: Infinity };
  for (let turn = 0, scale = most; turn < TURNS && scale > 0; turn++) {
    let [error, cross, squares] = [0, 0, 0];
    for (let i = start; i < end; i++) {
      // In units of the largest magnitude, whose square may be no number of float64.
      const x = w[i]! / most;
      const number = numbers[nearest(w[i]! / scale)]!;
      error += (x - number * (scale / most)) ** 2;
      cross += x * number;
      squares += number * number;
    }
    if (error >= best.error) break;
    best = { scale, error };
    scale = Math.fround((cross / squares) * most);
    if (Math.fround(scale * numbers.at(-1)!) > FLOAT32_MAX) break;
  }
  return best.scale;
}
