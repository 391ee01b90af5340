/**
 * Laws that the tail of a spectrum may follow instead of a power law, each fitted by maximum likelihood to the same values
 * λ ≥ xmin with its density normalised there. Everything is a function of y = ln(λ/xmin) ≥ 0, where the power law is an
 * exponential of rate κ = α − 1 and every other law becomes it in some limit.
 * A fit whose search does not settle throws a RangeError.
 *
 * @see Clauset, Shalizi & Newman 2009, table 2.1; Alstott, Bullmore & Plenz 2014, whose `powerlaw` names the parameters
 */
import { fitFamily, type Statistic } from './exponentialFamily';

export interface FittedLaw {
  /** In the spelling and the units of the `powerlaw` package. */
  parameters: Record<string, number>;
  /** ln of the density of y. That of λ differs by −ln λ, the same for every law. */
  logDensity: (y: number) => number;
}

/** `limit`: the likelihood grows all the way to where the law is the power law itself. */
export type LawFit = FittedLaw | 'limit';

/** A tail as every law needs it. */
export class TailSample {
  readonly y: Float64Array;
  readonly meanY: number;
  readonly meanSquareY: number;
  /** Means of λ/xmin − 1 and of λ/xmin − 1 − y. */
  readonly meanRise: number;
  readonly meanExcess: number;

  /** @param values λ ≥ xmin > 0, ascending, not all equal */
  constructor(
    values: Float64Array,
    readonly xmin: number,
  ) {
    const { length: n } = values;
    this.y = values.map((value) =>
      value < 2 * xmin ? Math.log1p((value - xmin) / xmin) : Math.log(value) - Math.log(xmin),
    );
    let [sum, squares, rises, excesses] = [0, 0, 0, 0];
    for (const y of this.y) {
      sum += y;
      squares += y * y;
      rises += Math.expm1(y);
      excesses += excess(y);
    }
    this.meanY = sum / n;
    this.meanSquareY = squares / n;
    this.meanRise = rises / n;
    this.meanExcess = excesses / n;
  }

  /** α − 1 of the best power law. */
  get kappa(): number {
    return 1 / this.meanY;
  }
}

/** p(λ) ∝ λ^(−α) */
export function powerLaw({ kappa }: TailSample): FittedLaw {
  const norm = Math.log(kappa);
  return { parameters: { alpha: 1 + kappa }, logDensity: (y) => norm - kappa * y };
}

/** p(λ) ∝ e^(−Λλ) */
export function exponential({ meanRise, xmin }: TailSample): FittedLaw {
  const rate = 1 / meanRise;
  const norm = Math.log(rate);
  return { parameters: { Lambda: rate / xmin }, logDensity: (y) => norm + y - rate * Math.expm1(y) };
}

/** p(λ) ∝ λ^(−α)·e^(−Λλ), α ≥ 0. The norm is E_α(Λ·xmin) = (Λ·xmin)^(α−1)·Γ(1 − α, Λ·xmin). */
export function truncatedPowerLaw(sample: TailSample): LawFit {
  const fit = fitFamily(excessStatistic, sample.meanY, sample.meanExcess);
  if (fit === 'limit') return fit;
  const { theta1, theta2, logNorm } = fit;
  const alpha = 1 - theta1 + theta2;
  // The likelihood is concave: where it is largest beyond α = 0, the best allowed law is the exponential.
  if (alpha < 0) {
    const { parameters, logDensity } = exponential(sample);
    return { parameters: { alpha: 0, ...parameters }, logDensity };
  }
  return {
    parameters: { alpha, Lambda: -theta2 / sample.xmin },
    logDensity: (y) => theta1 * y + theta2 * excess(y) - logNorm,
  };
}

/** p(λ) ∝ λ⁻¹·e^(−(ln λ − μ)²/2σ²) */
export function lognormal({ meanY, meanSquareY, xmin }: TailSample): LawFit {
  const fit = fitFamily(squareStatistic, meanY, meanSquareY);
  if (fit === 'limit') return fit;
  const { theta1, theta2, logNorm } = fit;
  const variance = -1 / (2 * theta2);
  return {
    parameters: { mu: theta1 * variance + Math.log(xmin), sigma: Math.sqrt(variance) },
    logDensity: (y) => theta1 * y + theta2 * y * y - logNorm,
  };
}

/** p(λ) ∝ λ^(β−1)·e^(−(Λλ)^β) */
export function stretchedExponential({ y, meanY, meanSquareY, xmin }: TailSample): LawFit {
  if (meanSquareY >= 2 * meanY ** 2) return 'limit';
  const beta = stretchingExponent(y, meanY);
  // With β known the rate κ = β·(Λ·xmin)^β at xmin follows: 1 over the mean of (e^(βy) − 1)/β.
  const mean = y.reduce((sum, value) => sum + Math.expm1(beta * value), 0) / (beta * y.length);
  const rate = 1 / mean;
  const norm = Math.log(rate);
  return {
    parameters: { Lambda: (rate / beta) ** (1 / beta) / xmin, beta },
    logDensity: (at) => norm + beta * at - (rate / beta) * Math.expm1(beta * at),
  };
}

const MAX_STEPS = 100;
const PRECISION = 1e-12;

/** Below this, e^y − 1 − y is summed up from its series. */
const SERIES_BELOW = 0.5;

/** e^y − 1 − y without cancellation. */
function excess(y: number): number {
  if (y > SERIES_BELOW) return Math.expm1(y) - y;
  let term = (y * y) / 2;
  let sum = 0;
  for (let k = 3; term > sum * Number.EPSILON; k++) {
    sum += term;
    term *= y / k;
  }
  return sum;
}

const excessStatistic: Statistic = { value: excess, slope: Math.expm1 };
const squareStatistic: Statistic = { value: (y) => y * y, slope: (y) => 2 * y };

/**
 * The β > 0 at which ln S(β) − β·mean(y) is least, S(β) = Σ(e^(βyⱼ) − 1)/β: the likelihood with the best rate for each β.
 * ln S is convex (S is a sum of moment generating functions), so its slope has one zero: Newton's method inside a bracket.
 */
function stretchingExponent(y: Float64Array, meanY: number): number {
  const last = y.at(-1)!;
  // Everything relative to e^(β·y_max), which may overflow.
  const slope = (beta: number): { value: number; derivative: number } => {
    let [s0, s1, s2] = [0, 0, 0];
    const floor = Math.exp(-beta * last);
    for (const value of y) {
      const power = Math.exp(beta * (value - last));
      s0 += power - floor;
      s1 += power * value;
      s2 += power * value * value;
    }
    const ratio = s1 / s0;
    return { value: ratio - 1 / beta - meanY, derivative: s2 / s0 - ratio * ratio + 1 / beta ** 2 };
  };
  let low = 0;
  let high = 1 / meanY;
  while (slope(high).value < 0) [low, high] = [high, 2 * high];
  let beta = (low + high) / 2;
  for (let step = 0; step < MAX_STEPS; step++) {
    const { value, derivative } = slope(beta);
    if (value < 0) low = beta;
    else high = beta;
    const next = beta - value / derivative;
    const settled = Math.abs(next - beta) <= PRECISION * beta;
    beta = next > low && next < high ? next : (low + high) / 2;
    if (settled || high - low <= PRECISION * high) return beta;
  }
  throw new RangeError('the search for its likeliest parameters does not settle');
}
