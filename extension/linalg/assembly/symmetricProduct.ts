/** Product of a symmetric matrix, given by its lower triangle, with a vector: each stored element is loaded once. */

/** y = A·x for the leading m×m part of A (rows `stride` bytes apart). */
export function symmetricProduct(a: usize, stride: usize, m: i32, x: usize, y: usize): void {
  memory.fill(y, 0, (<usize>m) << 3);
  let i = 0;
  for (; i + 4 <= m; i += 4) fourRows(a + <usize>i * stride, stride, (<usize>i) << 3, x, y);
  for (; i < m; i++) oneRow(a + <usize>i * stride, (<usize>i) << 3, x, y);
}

/** Rows i … i+3 (i a multiple of 4, `offset` = 8·i): the part left of the diagonal block, then the block itself. */
function fourRows(r0: usize, stride: usize, offset: usize, x: usize, y: usize): void {
  const r1 = r0 + stride;
  const r2 = r1 + stride;
  const r3 = r2 + stride;
  const xi = x + offset;
  const x0 = v128.load64_splat(xi);
  const x1 = v128.load64_splat(xi, 8);
  const x2 = v128.load64_splat(xi, 16);
  const x3 = v128.load64_splat(xi, 24);
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  for (let p: usize = 0; p < offset; p += 16) {
    const v = v128.load(x + p);
    const a0 = v128.load(r0 + p);
    const a1 = v128.load(r1 + p);
    const a2 = v128.load(r2 + p);
    const a3 = v128.load(r3 + p);
    s0 = f64x2.add(s0, f64x2.mul(a0, v));
    s1 = f64x2.add(s1, f64x2.mul(a1, v));
    s2 = f64x2.add(s2, f64x2.mul(a2, v));
    s3 = f64x2.add(s3, f64x2.mul(a3, v));
    const low = f64x2.add(f64x2.mul(a0, x0), f64x2.mul(a1, x1));
    const high = f64x2.add(f64x2.mul(a2, x2), f64x2.mul(a3, x3));
    v128.store(y + p, f64x2.add(v128.load(y + p), f64x2.add(low, high)));
  }
  const d0 = r0 + offset;
  const d1 = r1 + offset;
  const d2 = r2 + offset;
  const d3 = r3 + offset;
  const a10 = load<f64>(d1);
  const a20 = load<f64>(d2);
  const a21 = load<f64>(d2, 8);
  const a30 = load<f64>(d3);
  const a31 = load<f64>(d3, 8);
  const a32 = load<f64>(d3, 16);
  const b0 = load<f64>(xi);
  const b1 = load<f64>(xi, 8);
  const b2 = load<f64>(xi, 16);
  const b3 = load<f64>(xi, 24);
  const yi = y + offset;
  store<f64>(yi, sumLanes(s0) + load<f64>(d0) * b0 + a10 * b1 + a20 * b2 + a30 * b3);
  store<f64>(yi, sumLanes(s1) + a10 * b0 + load<f64>(d1, 8) * b1 + a21 * b2 + a31 * b3, 8);
  store<f64>(yi, sumLanes(s2) + a20 * b0 + a21 * b1 + load<f64>(d2, 16) * b2 + a32 * b3, 16);
  store<f64>(yi, sumLanes(s3) + a30 * b0 + a31 * b1 + a32 * b2 + load<f64>(d3, 24) * b3, 24);
}

/** Row i (`offset` = 8·i). */
function oneRow(row: usize, offset: usize, x: usize, y: usize): void {
  const xi = load<f64>(x + offset);
  let sum = load<f64>(row + offset) * xi;
  for (let p: usize = 0; p < offset; p += 8) {
    const value = load<f64>(row + p);
    sum += value * load<f64>(x + p);
    store<f64>(y + p, load<f64>(y + p) + value * xi);
  }
  store<f64>(y + offset, load<f64>(y + offset) + sum);
}

function sumLanes(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1);
}
