/**
 * Matrix products by 4×4 register tiles. Operands are packed first: groups of four rows of C's side, and within a group
 * four values for each step of the summed dimension ("depth"), padded with zeros.
 */

/** Bytes of the packed right operand that a pass works on: it must stay in a core's second-level cache. */
const PASS_BYTES: usize = 256 * 1024;

/** C (lower triangle, n×n, tiles on the diagonal filled) += P·Qᵀ. */
export function lowerProduct(c: usize, stride: usize, n: i32, p: usize, q: usize, depth: i32): void {
  const group = (<usize>depth) << 5;
  const groups = (n + 3) >> 2;
  const perPass = <i32>max<usize>(1, PASS_BYTES / group);
  for (let first = 0; first < groups; first += perPass) {
    for (let i = first; i < groups; i++) {
      const end = min(i + 1, first + perPass);
      const row = c + <usize>(i << 2) * stride;
      for (let j = first; j < end; j++) {
        tile(row + ((<usize>j) << 5), stride, p + <usize>i * group, q + <usize>j * group, group);
      }
    }
  }
}

/** C (m×n) += P·Qᵀ. */
export function fullProduct(c: usize, stride: usize, m: i32, n: i32, p: usize, q: usize, depth: i32): void {
  const group = (<usize>depth) << 5;
  const rowGroups = (m + 3) >> 2;
  const groups = (n + 3) >> 2;
  const perPass = <i32>max<usize>(1, PASS_BYTES / group);
  for (let first = 0; first < groups; first += perPass) {
    const end = min(groups, first + perPass);
    for (let i = 0; i < rowGroups; i++) {
      const row = c + <usize>(i << 2) * stride;
      for (let j = first; j < end; j++) {
        tile(row + ((<usize>j) << 5), stride, p + <usize>i * group, q + <usize>j * group, group);
      }
    }
  }
}

/** One 4×4 tile of C += four rows of P times four of Q, `bytes` long each. */
function tile(c: usize, stride: usize, p: usize, q: usize, bytes: usize): void {
  let c00 = f64x2.splat(0);
  let c01 = f64x2.splat(0);
  let c10 = f64x2.splat(0);
  let c11 = f64x2.splat(0);
  let c20 = f64x2.splat(0);
  let c21 = f64x2.splat(0);
  let c30 = f64x2.splat(0);
  let c31 = f64x2.splat(0);
  const end = p + bytes;
  for (; p < end; p += 32, q += 32) {
    const q0 = v128.load(q);
    const q1 = v128.load(q, 16);
    const p0 = v128.load64_splat(p);
    c00 = f64x2.add(c00, f64x2.mul(p0, q0));
    c01 = f64x2.add(c01, f64x2.mul(p0, q1));
    const p1 = v128.load64_splat(p, 8);
    c10 = f64x2.add(c10, f64x2.mul(p1, q0));
    c11 = f64x2.add(c11, f64x2.mul(p1, q1));
    const p2 = v128.load64_splat(p, 16);
    c20 = f64x2.add(c20, f64x2.mul(p2, q0));
    c21 = f64x2.add(c21, f64x2.mul(p2, q1));
    const p3 = v128.load64_splat(p, 24);
    c30 = f64x2.add(c30, f64x2.mul(p3, q0));
    c31 = f64x2.add(c31, f64x2.mul(p3, q1));
  }
  addTo(c, c00, c01);
  addTo(c + stride, c10, c11);
  addTo(c + 2 * stride, c20, c21);
  addTo(c + 3 * stride, c30, c31);
}

function addTo(c: usize, low: v128, high: v128): void {
  v128.store(c, f64x2.add(v128.load(c), low));
  v128.store(c, f64x2.add(v128.load(c, 16), high), 16);
}

/**
 * Packs `count` rows, n elements each, times `sign`: they become steps `start` … of the depth.
 */
export function packRows(
  to: usize,
  depth: i32,
  start: i32,
  from: usize,
  stride: usize,
  count: i32,
  n: i32,
  sign: f64,
): void {
  const group = (<usize>depth) << 5;
  const f = f64x2.splat(sign);
  for (let k = 0; k < count; k++) {
    let row = from + <usize>k * stride;
    let at = to + ((<usize>(start + k)) << 5);
    const whole = row + ((<usize>(n & ~3)) << 3);
    for (; row < whole; row += 32, at += group) {
      v128.store(at, f64x2.mul(f, v128.load(row)));
      v128.store(at, f64x2.mul(f, v128.load(row, 16)), 16);
    }
    const rest = n & 3;
    if (rest > 0) {
      for (let j = 0; j < 4; j++) {
        const value = j < rest ? sign * load<f64>(row + ((<usize>j) << 3)) : 0;
        store<f64>(at + ((<usize>j) << 3), value);
      }
    }
  }
}

/** Packs elements 0 … depth−1 of n rows; they are the steps of the depth. */
export function packColumns(to: usize, depth: i32, from: usize, stride: usize, n: i32): void {
  const group = (<usize>depth) << 5;
  for (let i = 0; i < n; i += 4) {
    const at = to + <usize>(i >> 2) * group;
    for (let r = 0; r < 4; r++) {
      const row = from + <usize>(i + r) * stride;
      const target = at + ((<usize>r) << 3);
      const present = i + r < n;
      for (let k: usize = 0; k < <usize>depth; k++) {
        store<f64>(target + (k << 5), present ? load<f64>(row + (k << 3)) : 0);
      }
    }
  }
}
