/** Inner products and sums of several rows at once, so that each element of the shared vector is loaded once. */

/** x·y over `length` elements. */
export function dot(x: usize, y: usize, length: i32): f64 {
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let p: usize = 0;
  const whole = ((<usize>length) & ~3) << 3;
  for (; p < whole; p += 32) {
    s0 = f64x2.add(s0, f64x2.mul(v128.load(x + p), v128.load(y + p)));
    s1 = f64x2.add(s1, f64x2.mul(v128.load(x + p, 16), v128.load(y + p, 16)));
  }
  s0 = f64x2.add(s0, s1);
  let sum = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  const end = (<usize>length) << 3;
  for (; p < end; p += 8) sum += load<f64>(x + p) * load<f64>(y + p);
  return sum;
}

/** out[j] = row_j·x for `count` rows `stride` bytes apart. */
export function dots(rows: usize, stride: usize, count: i32, x: usize, length: i32, out: usize): void {
  const whole = ((<usize>length) & ~1) << 3;
  const end = (<usize>length) << 3;
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const r0 = rows + <usize>j * stride;
    const r1 = r0 + stride;
    const r2 = r1 + stride;
    const r3 = r2 + stride;
    let s0 = f64x2.splat(0);
    let s1 = f64x2.splat(0);
    let s2 = f64x2.splat(0);
    let s3 = f64x2.splat(0);
    let p: usize = 0;
    for (; p < whole; p += 16) {
      const v = v128.load(x + p);
      s0 = f64x2.add(s0, f64x2.mul(v, v128.load(r0 + p)));
      s1 = f64x2.add(s1, f64x2.mul(v, v128.load(r1 + p)));
      s2 = f64x2.add(s2, f64x2.mul(v, v128.load(r2 + p)));
      s3 = f64x2.add(s3, f64x2.mul(v, v128.load(r3 + p)));
    }
    let d0 = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
    let d1 = f64x2.extract_lane(s1, 0) + f64x2.extract_lane(s1, 1);
    let d2 = f64x2.extract_lane(s2, 0) + f64x2.extract_lane(s2, 1);
    let d3 = f64x2.extract_lane(s3, 0) + f64x2.extract_lane(s3, 1);
    if (p < end) {
      const v = load<f64>(x + p);
      d0 += v * load<f64>(r0 + p);
      d1 += v * load<f64>(r1 + p);
      d2 += v * load<f64>(r2 + p);
      d3 += v * load<f64>(r3 + p);
    }
    const o = out + ((<usize>j) << 3);
    store<f64>(o, d0);
    store<f64>(o, d1, 8);
    store<f64>(o, d2, 16);
    store<f64>(o, d3, 24);
  }
  for (; j < count; j++) store<f64>(out + ((<usize>j) << 3), dot(rows + <usize>j * stride, x, length));
}

/** y −= Σ_j factors[j]·row_j for `count` rows `stride` bytes apart. */
export function subtractRows(rows: usize, stride: usize, count: i32, factors: usize, y: usize, length: i32): void {
  const whole = ((<usize>length) & ~1) << 3;
  const end = (<usize>length) << 3;
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const r0 = rows + <usize>j * stride;
    const r1 = r0 + stride;
    const r2 = r1 + stride;
    const r3 = r2 + stride;
    const f = factors + ((<usize>j) << 3);
    const f0 = v128.load64_splat(f);
    const f1 = v128.load64_splat(f, 8);
    const f2 = v128.load64_splat(f, 16);
    const f3 = v128.load64_splat(f, 24);
    let p: usize = 0;
    for (; p < whole; p += 16) {
      const low = f64x2.add(f64x2.mul(f0, v128.load(r0 + p)), f64x2.mul(f1, v128.load(r1 + p)));
      const high = f64x2.add(f64x2.mul(f2, v128.load(r2 + p)), f64x2.mul(f3, v128.load(r3 + p)));
      v128.store(y + p, f64x2.sub(v128.load(y + p), f64x2.add(low, high)));
    }
    if (p < end) {
      const low = load<f64>(f) * load<f64>(r0 + p) + load<f64>(f, 8) * load<f64>(r1 + p);
      const high = load<f64>(f, 16) * load<f64>(r2 + p) + load<f64>(f, 24) * load<f64>(r3 + p);
      store<f64>(y + p, load<f64>(y + p) - (low + high));
    }
  }
  for (; j < count; j++) addScaled(y, -load<f64>(factors + ((<usize>j) << 3)), rows + <usize>j * stride, length);
}

/** y += factor·x */
export function addScaled(y: usize, factor: f64, x: usize, length: i32): void {
  const f = f64x2.splat(factor);
  const whole = ((<usize>length) & ~1) << 3;
  const end = (<usize>length) << 3;
  let p: usize = 0;
  for (; p < whole; p += 16) v128.store(y + p, f64x2.add(v128.load(y + p), f64x2.mul(f, v128.load(x + p))));
  if (p < end) store<f64>(y + p, load<f64>(y + p) + factor * load<f64>(x + p));
}

/** x *= factor */
export function scale(x: usize, factor: f64, length: i32): void {
  const f = f64x2.splat(factor);
  const whole = ((<usize>length) & ~1) << 3;
  const end = (<usize>length) << 3;
  let p: usize = 0;
  for (; p < whole; p += 16) v128.store(x + p, f64x2.mul(f, v128.load(x + p)));
  if (p < end) store<f64>(x + p, factor * load<f64>(x + p));
}

/** row_j −= factors[j]·x for `count` rows `stride` bytes apart. */
export function subtractOuter(rows: usize, stride: usize, count: i32, factors: usize, x: usize, length: i32): void {
  const whole = ((<usize>length) & ~1) << 3;
  const end = (<usize>length) << 3;
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const r0 = rows + <usize>j * stride;
    const r1 = r0 + stride;
    const r2 = r1 + stride;
    const r3 = r2 + stride;
    const f = factors + ((<usize>j) << 3);
    const f0 = v128.load64_splat(f);
    const f1 = v128.load64_splat(f, 8);
    const f2 = v128.load64_splat(f, 16);
    const f3 = v128.load64_splat(f, 24);
    let p: usize = 0;
    for (; p < whole; p += 16) {
      const v = v128.load(x + p);
      v128.store(r0 + p, f64x2.sub(v128.load(r0 + p), f64x2.mul(f0, v)));
      v128.store(r1 + p, f64x2.sub(v128.load(r1 + p), f64x2.mul(f1, v)));
      v128.store(r2 + p, f64x2.sub(v128.load(r2 + p), f64x2.mul(f2, v)));
      v128.store(r3 + p, f64x2.sub(v128.load(r3 + p), f64x2.mul(f3, v)));
    }
    if (p < end) {
      const v = load<f64>(x + p);
      store<f64>(r0 + p, load<f64>(r0 + p) - load<f64>(f) * v);
      store<f64>(r1 + p, load<f64>(r1 + p) - load<f64>(f, 8) * v);
      store<f64>(r2 + p, load<f64>(r2 + p) - load<f64>(f, 16) * v);
      store<f64>(r3 + p, load<f64>(r3 + p) - load<f64>(f, 24) * v);
    }
  }
  for (; j < count; j++) addScaled(rows + <usize>j * stride, -load<f64>(factors + ((<usize>j) << 3)), x, length);
}
