/** Ranks by the definition alone: shares of the energy in exact rational arithmetic. */

/** A share as a person writes it: 0.95 is 95/100, and not the double beside it. */
export interface Share {
  numerator: bigint;
  denominator: bigint;
}

export function decimalShare(text: string): Share {
  const [whole = '0', fraction = ''] = text.split('.');
  return { numerator: BigInt(whole + fraction), denominator: 10n ** BigInt(fraction.length) };
}

/** Smallest k ≥ 1 with Σ_{i≤k}λ ≥ τ·Σλ. @param weights λ in any one unit, in any order, none negative */
export function exactRank(weights: readonly bigint[], { numerator, denominator }: Share): number {
  const descending = [...weights].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  const total = descending.reduce((sum, weight) => sum + weight, 0n);
  let kept = 0n;
  for (const [index, weight] of descending.entries()) {
    kept += weight;
    if (kept * denominator >= numerator * total) return index + 1;
  }
  return Math.max(1, descending.length);
}

/** Doubles as whole numbers of one unit, 2^−1074: every finite double is. */
export function exactWeights(values: Float64Array): bigint[] {
  const bits = new DataView(new ArrayBuffer(8));
  return Array.from(values, (value) => {
    if (!(value > 0)) return 0n;
    bits.setFloat64(0, value);
    const exponent = (bits.getUint16(0) >> 4) & 0x7ff;
    const fraction = bits.getBigUint64(0) & 0xfffffffffffffn;
    return exponent === 0 ? fraction : (fraction | 0x10000000000000n) << BigInt(exponent - 1);
  });
}
