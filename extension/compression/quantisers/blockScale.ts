/**
 * The scale of a block, from its largest magnitude: so that the largest number of the quantiser stands for it. Scales are
 * numbers of the type in which files hold them: float32, bfloat16 (which moves the largest element by a quarter of a step at
 * most), or for MXFP4 powers of two.
 */
import type { QuantiserName } from '../../shared/compression/methodOptions';
import { scalesType } from '../../shared/compression/quantisers';

/** Exponents that E8M0 has (OCP MX 1.0, §5.4.1). */
const MX_EXPONENTS = { least: -127, most: 127 };
/** Exponent of the largest power of two in E2M1: 4. */
const MX_LARGEST = 2;

const bits = new DataView(new ArrayBuffer(8));

/** The largest finite float32. */
export const FLOAT32_MAX = 3.4028234663852886e38;

/** @returns the scale of a block whose largest magnitude is `largest`, at most `FLOAT32_MAX` */
export type BlockScale = (largest: number) => number;

/** @param numbers of the quantiser's codes, in units of the scale */
export function blockScale(quantiser: QuantiserName, numbers: Float64Array): BlockScale {
  if (quantiser === 'mxfp4') return powerOfTwo;
  // Symmetric: the one integer more that two's complement has below zero is not used.
  const most = numbers.reduce((top, number) => (number > top ? number : top), 0);
  const isShort = scalesType(quantiser) === 'BF16';
  return (largest) => {
    const scale = isShort ? toBfloat16(largest / most) : Math.fround(largest / most);
    // Rounded up, the largest element may have become infinite.
    return Math.fround(scale * most) === Infinity ? below(scale, isShort ? BFLOAT16_STEP : 1) : scale;
  };
}

/** OCP MX 1.0, §6.3: 2^(⌊log₂ max⌋ − 2). Elements between 6 and 8 times the scale become 6 times it. */
function powerOfTwo(largest: number): number {
  if (largest === 0) return 2 ** MX_EXPONENTS.least;
  return 2 ** Math.min(MX_EXPONENTS.most, Math.max(MX_EXPONENTS.least, floorLog2(largest) - MX_LARGEST));
}

/** Exact, which Math.log2 is not; −1023 for subnormal numbers. */
function floorLog2(x: number): number {
  bits.setFloat64(0, x);
  return ((bits.getUint16(0) >> 4) & 0x7ff) - 1023;
}

/** Codes of float32 between two numbers of bfloat16. */
const BFLOAT16_STEP = 2 ** 16;

/** To nearest, ties to even, by way of float32. */
function toBfloat16(x: number): number {
  bits.setFloat32(0, x);
  const code = bits.getUint32(0);
  const odd = (code >>> 16) & 1;
  bits.setUint32(0, (code + (BFLOAT16_STEP / 2 - 1) + odd) & ~(BFLOAT16_STEP - 1));
  return bits.getFloat32(0);
}

/** The next smaller number among those `step` codes of float32 apart. */
function below(x: number, step: number): number {
  bits.setFloat32(0, x);
  bits.setUint32(0, bits.getUint32(0) - step);
  return bits.getFloat32(0);
}
