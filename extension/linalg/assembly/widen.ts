/**
 * Elements of 8 and 16 bits to float64, exactly. They are taken four at a time: both sides must have room for whole groups.
 * Wider types need no kernel: a typed array's own `set` widens them as fast as memory allows.
 *
 * @see checkpoint/dtype.ts the plain twin
 */

export function widenBF16(to: usize, from: usize, count: i32): void {
  const end = from + ((<usize>count) << 1);
  // The upper half of a float32.
  for (; from < end; from += 8, to += 32) store4(to, i32x4.shl(v128.load16x4_u(from), 16));
}

export function widenF16(to: usize, from: usize, count: i32): void {
  const end = from + ((<usize>count) << 1);
  for (; from < end; from += 8, to += 32) store4(to, half(v128.load16x4_u(from)));
}

export function widenF8_E5M2(to: usize, from: usize, count: i32): void {
  const end = from + <usize>count;
  // The upper half of an F16.
  for (; from < end; from += 4, to += 32) store4(to, half(i32x4.shl(load4Bytes(from), 8)));
}

export function widenF8_E4M3(to: usize, from: usize, count: i32): void {
  const end = from + <usize>count;
  for (; from < end; from += 4, to += 32) {
    const bits = load4Bytes(from);
    const magnitude = v128.and(bits, i32x4.splat(0x7f));
    // No infinities; the one pattern S.1111.111 is NaN.
    const nan = v128.and(i32x4.eq(magnitude, i32x4.splat(0x7f)), i32x4.splat(0x7fc00000));
    const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x80)), 24);
    const value = decode(magnitude, 20, 120, 8, 1.0 / 512);
    store4(to, v128.or(v128.or(value, nan), sign));
  }
}

export function widenF8_E4M3FNUZ(to: usize, from: usize, count: i32): void {
  const end = from + <usize>count;
  for (; from < end; from += 4, to += 32) {
    const bits = load4Bytes(from);
    store4(to, unsignedZero(bits, decode(v128.and(bits, i32x4.splat(0x7f)), 20, 119, 8, 1.0 / 1024)));
  }
}

export function widenF8_E5M2FNUZ(to: usize, from: usize, count: i32): void {
  const end = from + <usize>count;
  for (; from < end; from += 4, to += 32) {
    const bits = load4Bytes(from);
    store4(to, unsignedZero(bits, decode(v128.and(bits, i32x4.splat(0x7f)), 21, 111, 4, 1.0 / 131072)));
  }
}

export function widenF8_E8M0(to: usize, from: usize, count: i32): void {
  const end = from + <usize>count;
  for (; from < end; from += 4, to += 32) {
    const bits = load4Bytes(from);
    // A float32's exponent; its 0 stands for 2⁻¹²⁷, a denormal, and its 255 without a fraction for infinity.
    const smallest = v128.and(i32x4.eq(bits, i32x4.splat(0)), i32x4.splat(0x400000));
    const nan = v128.and(i32x4.eq(bits, i32x4.splat(0xff)), i32x4.splat(0x400000));
    store4(to, v128.or(i32x4.shl(bits, 23), v128.or(smallest, nan)));
  }
}

/** Gives a magnitude its sign; where −0 would be, the FNUZ types have NaN. */
function unsignedZero(bits: v128, magnitude: v128): v128 {
  const nan = v128.and(i32x4.eq(bits, i32x4.splat(0x80)), i32x4.splat(0x7fc00000));
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x80)), 24);
  return v128.or(v128.or(magnitude, nan), sign);
}

/** float32 of four halves in the lower 16 bits of each lane. */
function half(bits: v128): v128 {
  const magnitude = v128.and(bits, i32x4.splat(0x7fff));
  const special = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7bff)), i32x4.splat(0x7f800000));
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
  return v128.or(v128.or(decode(magnitude, 13, 112, 0x400, 1.0 / 16777216), special), sign);
}

/**
 * float32 of a narrower IEEE 754 style number without its sign: `shift` aligns the fractions, `rebias` the exponents;
 * below `smallestNormal` it counts `unit`s. No denormal float32 is made, which would be slow.
 */
function decode(magnitude: v128, shift: i32, rebias: i32, smallestNormal: i32, unit: f32): v128 {
  const normal = i32x4.add(i32x4.shl(magnitude, shift), i32x4.splat(rebias << 23));
  const subnormal = f32x4.mul(f32x4.convert_i32x4_s(magnitude), f32x4.splat(unit));
  return v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(smallestNormal)));
}

function load4Bytes(from: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)));
}

/** Stores four float32 as float64. */
function store4(to: usize, x: v128): void {
  v128.store(to, f64x2.promote_low_f32x4(x));
  v128.store(to, f64x2.promote_low_f32x4(i32x4.shuffle(x, x, 2, 3, 2, 3)), 16);
}
