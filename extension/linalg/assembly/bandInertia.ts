/** Signs of the pivots of a symmetric band matrix, factored without exchanges. */

/**
 * Row i of `a` (n × (width + 1), without gaps) holds elements (i, i − width) … (i, i); it is overwritten by what is left of it.
 * Pivots below `smallest` in magnitude count as `smallest`.
 *
 * @param column room for `width` numbers
 * @returns how many pivots are positive
 */
export function positivePivots(a: usize, n: i32, width: i32, smallest: f64, column: usize): i32 {
  const step = (<usize>width) << 3;
  const stride = step + 8;
  let positive = 0;
  let diagonal = a + step;
  for (let i = 0; i < n; i++, diagonal += stride) {
    const found = load<f64>(diagonal);
    const pivot = Math.abs(found) < smallest ? smallest : found;
    if (pivot > 0) positive++;
    const reach = min(width, n - 1 - i);
    // Element (i + 1 + r, i) lies one place further left in each row.
    for (let r: usize = 0, at = diagonal + step; r < <usize>reach; r++, at += step)
      store<f64>(column + (r << 3), load<f64>(at));
    for (let r = 0, row = diagonal + step + 8; r < reach; r++, row += step) {
      const factor = load<f64>(column + ((<usize>r) << 3)) / pivot;
      if (factor != 0) subtractMultiple(row, column, r + 1, factor);
    }
  }
  return positive;
}

/** row −= factor·x, `count` numbers each. */
function subtractMultiple(row: usize, x: usize, count: i32, factor: f64): void {
  const f = f64x2.splat(factor);
  const whole = (<usize>(count & ~1)) << 3;
  for (let at: usize = 0; at < whole; at += 16) {
    v128.store(row + at, f64x2.sub(v128.load(row + at), f64x2.mul(f, v128.load(x + at))));
  }
  if (count & 1) store<f64>(row + whole, load<f64>(row + whole) - factor * load<f64>(x + whole));
}
