/** The complementary error function, which turns a normalised log-likelihood ratio into a p-value. */

/** Below this the power series of erf converges fast, above it the continued fraction of erfc does. */
const SERIES_BELOW = 1;

/** Beyond this, erfc is below the smallest double. */
const UNDERFLOW = 27.3;

/**
 * erfc(x) = 2/√π ∫_x^∞ e^(−t²) dt for x ≥ 0, to 1e-14 relative.
 *
 * @see Abramowitz & Stegun 7.1.6 (series) and 7.1.14 (continued fraction, evaluated by Lentz's method)
 */
export function erfc(x: number): number {
  if (!(x >= 0)) throw new RangeError(`erfc is for x ≥ 0 here, not ${x}`);
  if (x > UNDERFLOW) return 0;
  const gaussian = Math.exp(-x * x);
  return x < SERIES_BELOW ? 1 - series(x) * gaussian : gaussian / (Math.sqrt(Math.PI) * continuedFraction(x));
}

/** erf(x)·e^(x²) = 2/√π Σ 2ᵏ x^(2k+1)/(2k+1)!!: all terms are positive. */
function series(x: number): number {
  let term = (2 / Math.sqrt(Math.PI)) * x;
  let sum = 0;
  for (let k = 1; term > sum * Number.EPSILON; k++) {
    sum += term;
    term *= (2 * x * x) / (2 * k + 1);
  }
  return sum;
}

/** x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …))) */
function continuedFraction(x: number): number {
  let value = x;
  let numerator = x;
  let denominator = 0;
  for (let k = 1; ; k++) {
    denominator = 1 / (x + (k / 2) * denominator);
    numerator = x + k / 2 / numerator;
    const factor = numerator * denominator;
    value *= factor;
    if (Math.abs(factor - 1) < Number.EPSILON) return value;
  }
}
