/**
 * Maximum likelihood in families of densities ∝ exp(θ₁·y + θ₂·T(y)) on y ≥ 0 with θ₂ < 0 and T convex. Truncated power law
 * and log-normal are such families in y = ln(λ/xmin), and the power law is their edge θ₂ = 0. The logarithm of the
 * norm is convex in θ, so that there is one best θ; the norm and its moments come from quadrature, which knows none of the cancellations and overflows of incomplete gamma and error functions.
 */
import { l10n } from '../../shared/language/l10n';

/** T(0) = T′(0) = 0, convex, growing faster than linearly. */
export interface Statistic {
  value: (y: number) => number;
  slope: (y: number) => number;
}

export interface Moments {
  /** ln ∫ exp(θ₁·y + θ₂·T(y)) dy */
  logNorm: number;
  y: number;
  t: number;
  varianceY: number;
  varianceT: number;
  covariance: number;
}

export interface FamilyFit {
  theta1: number;
  theta2: number;
  logNorm: number;
}

/** Below e^−40 of the density's peak, nothing is left to integrate. */
const DROP = 40;

/** The density is log-concave: on each side of its peak, that many panels of 16 nodes leave errors near rounding. */
const PANELS = 8;

/** Positive half of the 16-point Gauss–Legendre rule. @see Abramowitz & Stegun, table 25.4 */
const NODES = [
  0.09501250983763744, 0.2816035507792589, 0.4580167776572274, 0.6178762444026438, 0.755404408355003,
  0.8656312023878318, 0.9445750230732326, 0.9894009349916499,
] as const;
const WEIGHTS = [
  0.1894506104550685, 0.1826034150449236, 0.1691565193950025, 0.1495959888165767, 0.1246289712555339,
  0.0951585116824928, 0.0622535239386479, 0.0271524594117541,
] as const;

const MAX_STEPS = 100;

/** Twice what a step adds to the mean log-likelihood: from here on it is the last, as each squares what is left. */
const CONVERGED = 1e-12;

/** Share of a step's promised gain that it must bring. */
const SUFFICIENT = 1e-4;

/** Precision of ln(−θ₂): an observation's log-likelihood is then known to its square. */
const PRECISION = 1e-9;

/** −θ₂ times the mean of T(y): below this the density is that of θ₂ = 0. */
const NOTHING = 1e-10;

const OUT_OF_RANGE = l10n.english('its likelihood is out of range');
const NOT_SETTLED = l10n.english('the search for its likeliest parameters does not settle');

/** Norm, means and covariances of y and T(y) under the density. */
export function moments({ value, slope }: Statistic, theta1: number, theta2: number): Moments {
  const logDensity = (y: number): number => theta1 * y + theta2 * value(y);
  const peak =
    theta1 > 0
      ? bisect(
          bracket((y) => theta1 + theta2 * slope(y) < 0),
          (y) => theta1 + theta2 * slope(y) < 0,
        )
      : 0;
  const top = logDensity(peak);
  const gone = (y: number): boolean => logDensity(y) < top - DROP;
  const from = gone(0) ? bisect([peak, 0], gone) : 0;
  const to = bisect(bracket((step) => gone(peak + step)).map((step) => peak + step) as [number, number], gone);

  let norm = 0;
  const sums = [0, 0, 0, 0, 0];
  const add = (y: number, weight: number): void => {
    const t = value(y);
    const share = weight * Math.exp(theta1 * y + theta2 * t - top);
    norm += share;
    sums[0]! += share * y;
    sums[1]! += share * t;
    sums[2]! += share * y * y;
    sums[3]! += share * t * t;
    sums[4]! += share * y * t;
  };
  for (const [low, high] of [
    [from, peak],
    [peak, to],
  ] as const) {
    const half = (high - low) / (2 * PANELS);
    for (let panel = 0; high > low && panel < PANELS; panel++) {
      const centre = low + (2 * panel + 1) * half;
      for (let node = 0; node < NODES.length; node++) {
        add(centre - half * NODES[node]!, half * WEIGHTS[node]!);
        add(centre + half * NODES[node]!, half * WEIGHTS[node]!);
      }
    }
  }
  const [y, t, yy, tt, yt] = sums.map((sum) => sum / norm) as [number, number, number, number, number];
  return {
    ...{ logNorm: top + Math.log(norm), y, t },
    ...{ varianceY: yy - y * y, varianceT: tt - t * t, covariance: yt - y * t },
  };
}

/**
 * The θ under which y and T(y) have the means that were observed: the likeliest one.
 *
 * For each θ₂ there is one θ₁ that gives y its mean; along these the mean of T(y) falls as −θ₂ grows, so that one root in
 * ln(−θ₂) is all there is to find.
 *
 * @returns `limit` where that root lies so near θ₂ = 0, or beyond, that the law is the power law
 * @throws RangeError where a mean is not finite or the search does not settle
 */
export function fitFamily(statistic: Statistic, meanY: number, meanT: number): FamilyFit | 'limit' {
  if (!Number.isFinite(meanT)) throw new RangeError(OUT_OF_RANGE);
  let theta1 = -1 / meanY;
  const at = (logarithm: number): { excess: number; slope: number; fit: FamilyFit } => {
    const theta2 = -Math.exp(logarithm);
    const found = withMean(statistic, theta2, meanY, theta1);
    theta1 = found.theta1;
    const { t, varianceY, varianceT, covariance, logNorm } = found.moments;
    const slope = theta2 * (varianceT - covariance ** 2 / varianceY);
    return { excess: t - meanT, slope, fit: { theta1, theta2, logNorm } };
  };
  const floor = Math.log(NOTHING / meanT);
  let low = Math.log(1 / meanT);
  for (let step = 1; at(low).excess <= 0; step *= 2) {
    if (low === floor) return 'limit';
    low = Math.max(floor, low - step);
  }
  let high = low;
  for (let step = 1; at(high).excess > 0; step *= 2) high += step;
  let root = (low + high) / 2;
  for (let step = 0; step < MAX_STEPS; step++) {
    const { excess, slope, fit } = at(root);
    if (excess > 0) low = root;
    else high = root;
    const next = root - excess / slope;
    if (Math.abs(next - root) < PRECISION || high - low < PRECISION) return fit;
    root = next > low && next < high ? next : (low + high) / 2;
  }
  throw new RangeError(NOT_SETTLED);
}

/** The θ₁ that gives y its mean: the least of a convex function, by damped Newton steps from `start`. */
function withMean(
  statistic: Statistic,
  theta2: number,
  meanY: number,
  start: number,
): { theta1: number; moments: Moments } {
  let theta1 = start;
  let now = moments(statistic, theta1, theta2);
  for (let step = 0; step < MAX_STEPS; step++) {
    const towards = (meanY - now.y) / now.varianceY;
    const gain = (meanY - now.y) * towards;
    const before = now.logNorm - theta1 * meanY;
    for (let share = 1; ; share /= 2) {
      if (share < Number.EPSILON) throw new RangeError(NOT_SETTLED);
      const next = theta1 + share * towards;
      const found = moments(statistic, next, theta2);
      if (gain < CONVERGED) return { theta1: next, moments: found };
      if (found.logNorm - next * meanY > before - SUFFICIENT * share * gain) continue;
      [theta1, now] = [next, found];
      break;
    }
  }
  throw new RangeError(NOT_SETTLED);
}

/** A bracket [false, true] of a condition that holds from some y > 0 on. */
function bracket(holds: (y: number) => boolean): [number, number] {
  let high = 1e-12;
  while (!holds(high)) high *= 2;
  return [high / 2, high];
}

/** The end of a bracket at which a condition begins to hold, to a millionth of the bracket. */
function bisect([no, yes]: [number, number], holds: (y: number) => boolean): number {
  let [outside, inside] = [no, yes];
  for (let step = 0; step < 20; step++) {
    const middle = (outside + inside) / 2;
    if (holds(middle)) inside = middle;
    else outside = middle;
  }
  return inside;
}
