/**
 * How much larger than a Ritz value an eigenvalue can be that a random start has hardly seen.
 *
 * Let u be its eigenvector, μ the eigenvalue, θ the Ritz value, and X the random start. For any polynomial p of degree below
 * the number of steps, the vector p(A)·x of a start vector x lies in the Krylov space, so that its Rayleigh quotient is at
 * most θ: (μ − θ)·p(μ)²·(uᵀx)² ≤ Σ (θ − λ)·p(λ)²·(vᵀx)² over the eigenvalues λ < θ. With |p| ≤ 1 on [0, θ] the right side
 * is at most θ. The share κ of u in the start is known but for its chance, as the start is random. Chebyshev's polynomial
 * grows fastest beyond θ; where larger pairs have converged, the polynomial has a zero at each of them.
 *
 * @see Kuczyński & Woźniakowski 1992, "Estimating the largest eigenvalue by the power and Lanczos algorithms with a random
 *   start"
 */

/** Quantiles of χ² at 1 %, by degrees of freedom from 1: a start holds less of a direction once in a hundred times. */
const CHI_SQUARE_1 = [1.571e-4, 0.0201, 0.1148, 0.2971, 0.5543, 0.8721, 1.239, 1.6465] as const;

const BISECTIONS = 60;

export interface MissedBoundInput {
  /** Order of the operator, vectors in the start, and how often it was applied. */
  n: number;
  block: number;
  steps: number;
  /** The Ritz value, above 0. */
  value: number;
  /** Larger Ritz values that have converged, descending. */
  converged: readonly number[];
}

/**
 * How large the eigenvalue may be that the Ritz value stands for.
 *
 * @returns with 99 % it is not larger; at most the last of those that have converged
 */
export function missedBelow(input: MissedBoundInput): number {
  const { value, converged } = input;
  const ceiling = converged.at(-1) ?? Infinity;
  const excess = excessOf(input);
  if (ceiling < Infinity) {
    for (let i = 1; i < TRIED; i++) {
      const mu = value + ((ceiling - value) * i) / TRIED;
      if (excess(mu) > 0) return crossing(excess, value, mu);
    }
    return ceiling;
  }
  let high = 2 * value;
  while (excess(high) <= 0 && high < Infinity) high *= 2;
  return crossing(excess, value, high);
}

/**
 * How large an eigenvalue may be that was missed above all that have converged.
 *
 * @param input `value` is the largest Ritz value that has not converged
 * @returns with 99 % there is none above it; at least the first of those that have converged
 */
export function missedAbove(input: MissedBoundInput): number {
  const first = input.converged[0] ?? input.value;
  const excess = excessOf(input);
  let high = 2 * first;
  while (excess(high) <= 0 && high < Infinity) high *= 2;
  return crossing(excess, first, high);
}

/** Places between a Ritz value and the converged one above it that are tried. */
const TRIED = 64;

/**
 * Positive at those μ that would have been seen. In logarithms: the polynomial may be as large as 1e100. Where no degree is
 * left for it, nothing is seen.
 */
function excessOf({ n, block, steps, value, converged }: MissedBoundInput): (mu: number) => number {
  const degree = steps - 1 - converged.length;
  if (degree < 0) return (mu) => (mu < Number.MAX_VALUE ? -1 : 1);
  const share = CHI_SQUARE_1[Math.min(block, CHI_SQUARE_1.length) - 1]! / n;
  return (mu) => {
    const zeros = converged.reduce((sum, each) => sum + 2 * Math.log(Math.abs(mu - each) / each), 0);
    return Math.log((mu - value) / value) + zeros + 2 * logChebyshev(degree, (2 * mu) / value - 1) + Math.log(share);
  };
}

/** Where the excess becomes positive. */
function crossing(excess: (mu: number) => number, below: number, above: number): number {
  let [low, high] = [below, above];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (excess(middle) <= 0) low = middle;
    else high = middle;
  }
  return high;
}

/** ln T(x) of degree m at x ≥ 1. */
function logChebyshev(m: number, x: number): number {
  const angle = m * Math.acosh(Math.max(1, x));
  return angle + Math.log1p(Math.exp(-2 * angle)) - Math.LN2;
}
