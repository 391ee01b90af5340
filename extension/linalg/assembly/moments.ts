/** Sums over a block of elements that stays in the first-level cache, four lanes at a time. */

/**
 * Writes Σx, min, max, the number of zeros, Σ(x − mean)² and Σx² of `count` elements. The last two are taken in a
 * second pass, when the mean is known, so that numbers far from zero keep their deviation.
 */
export function moments(x: usize, count: i32, out: usize): void {
  const sum = range(x, count, out);
  squares(x, count, sum / <f64>count, out + 32);
}

/** Σx, which is returned too, min, max and zeros. NaN is passed over by min and max, not by Σx. */
function range(x: usize, count: i32, out: usize): f64 {
  let sum0 = f64x2.splat(0);
  let sum1 = f64x2.splat(0);
  let min0 = f64x2.splat(Infinity);
  let min1 = f64x2.splat(Infinity);
  let max0 = f64x2.splat(-Infinity);
  let max1 = f64x2.splat(-Infinity);
  let zeros0 = i64x2.splat(0);
  let zeros1 = i64x2.splat(0);
  const zero = f64x2.splat(0);
  const whole = x + (((<usize>count) & ~3) << 3);
  const end = x + ((<usize>count) << 3);
  for (; x < whole; x += 32) {
    const a = v128.load(x);
    const b = v128.load(x, 16);
    sum0 = f64x2.add(sum0, a);
    sum1 = f64x2.add(sum1, b);
    min0 = f64x2.pmin(min0, a);
    min1 = f64x2.pmin(min1, b);
    max0 = f64x2.pmax(max0, a);
    max1 = f64x2.pmax(max1, b);
    // A comparison that holds is −1.
    zeros0 = i64x2.sub(zeros0, f64x2.eq(a, zero));
    zeros1 = i64x2.sub(zeros1, f64x2.eq(b, zero));
  }
  sum0 = f64x2.add(sum0, sum1);
  min0 = f64x2.pmin(min0, min1);
  max0 = f64x2.pmax(max0, max1);
  zeros0 = i64x2.add(zeros0, zeros1);
  let sum = f64x2.extract_lane(sum0, 0) + f64x2.extract_lane(sum0, 1);
  let low = min(f64x2.extract_lane(min0, 0), f64x2.extract_lane(min0, 1));
  let high = max(f64x2.extract_lane(max0, 0), f64x2.extract_lane(max0, 1));
  let zeros = <f64>(i64x2.extract_lane(zeros0, 0) + i64x2.extract_lane(zeros0, 1));
  for (; x < end; x += 8) {
    const value = load<f64>(x);
    sum += value;
    if (value < low) low = value;
    if (value > high) high = value;
    if (value == 0) zeros += 1;
  }
  store<f64>(out, sum);
  store<f64>(out, low, 8);
  store<f64>(out, high, 16);
  store<f64>(out, zeros, 24);
  return sum;
}

/** Σ(x − mean)² and Σx² */
function squares(x: usize, count: i32, mean: f64, out: usize): void {
  let deviations0 = f64x2.splat(0);
  let deviations1 = f64x2.splat(0);
  let squares0 = f64x2.splat(0);
  let squares1 = f64x2.splat(0);
  const centre = f64x2.splat(mean);
  const whole = x + (((<usize>count) & ~3) << 3);
  const end = x + ((<usize>count) << 3);
  for (; x < whole; x += 32) {
    const a = v128.load(x);
    const b = v128.load(x, 16);
    const da = f64x2.sub(a, centre);
    const db = f64x2.sub(b, centre);
    deviations0 = f64x2.add(deviations0, f64x2.mul(da, da));
    deviations1 = f64x2.add(deviations1, f64x2.mul(db, db));
    squares0 = f64x2.add(squares0, f64x2.mul(a, a));
    squares1 = f64x2.add(squares1, f64x2.mul(b, b));
  }
  deviations0 = f64x2.add(deviations0, deviations1);
  squares0 = f64x2.add(squares0, squares1);
  let deviations = f64x2.extract_lane(deviations0, 0) + f64x2.extract_lane(deviations0, 1);
  let squares = f64x2.extract_lane(squares0, 0) + f64x2.extract_lane(squares0, 1);
  for (; x < end; x += 8) {
    const value = load<f64>(x);
    deviations += (value - mean) * (value - mean);
    squares += value * value;
  }
  store<f64>(out, deviations);
  store<f64>(out, squares, 8);
}
