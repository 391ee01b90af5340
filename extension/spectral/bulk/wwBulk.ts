/**
 * WeightWatcher's own fit of the Marchenko–Pastur law, for laying its numbers beside: `mp_fit` of version 0.7.7, step by step.
 * The spectrum is rescaled to mean 1, its density estimated with triangles of half-width 0.1 on 1000 places, and the law fitted
 * to that density by least squares. At Q = 1 it compares the density of the singular values with a quarter circle of radius 2,
 * whatever sigma is, and only its height with sigma: reproduced as it is.
 *
 * @see https://github.com/CalculatedContent/WeightWatcher `weightwatcher.py` (`mp_fit`), `RMT_Util.py` (`resid_mp`,
 *   `fit_density_with_range`)
 */

import { l10n } from '../../shared/language/l10n';
import { ALL_ZERO, missing, type Missing } from '../missing';

export interface WwBulk {
  /** Sigma of the spectrum rescaled to mean 1. */
  sigma: number;
  num_spikes: number;
  mp_softrank: number;
}

const BANDWIDTH = 0.1;
const PLACES = 1000;
/** How far the places reach beyond the largest value. */
const BEYOND = 0.5;
/** Density below this does not count. */
const LEAST_DENSITY = 0.01;
/** Residual of each place where the law's edges contradict the density. */
const REFUSED = 1000;

/** Candidates for sigma: from 0.05 to 2 times that of the largest value, in steps of 0.01. */
const [FIRST, END, STEP] = [0.05, 2, 0.01];

/**
 * @param eigenvalues λ ascending, pooled over the matrices
 * @param N larger side of each matrix
 * @param M smaller side
 */
export function wwBulk(eigenvalues: Float64Array, N: number, M: number): WwBulk | Missing {
  const total = eigenvalues.reduce((sum, value) => sum + value, 0);
  if (!(total > 0)) return ALL_ZERO;
  if (!Number.isFinite(total)) return missing(l10n.english('the sum of the eigenvalues is beyond the largest float64'));
  const Q = N / M;
  const scaled = eigenvalues.map((value) => (value * eigenvalues.length) / total);
  const largest = scaled.at(-1)!;
  const reach = 1 + Math.sqrt(1 / Q);
  const density = places(Q === 1 ? scaled.map(Math.sqrt) : scaled);
  if (density.x.length === 0) return missing(l10n.english('WeightWatcher’s fit finds no density'));
  const residual = (sigma: number): number => sumOfSquares(density, Q, sigma);
  const unit = Math.sqrt(largest) / reach;
  const count = Math.ceil((END - FIRST) / STEP);
  let best = { sigma: FIRST * unit, value: Infinity };
  for (let index = 0; index < count; index++) {
    const sigma = (FIRST + index * STEP) * unit;
    const value = residual(sigma);
    if (value < best.value) best = { sigma, value };
  }
  const sigma = nelderMead(residual, best.sigma);
  const edge = (sigma * reach) ** 2;
  const limit = edge + Math.sqrt((1 / Math.sqrt(Q)) * edge ** (2 / 3) * M ** (-2 / 3));
  const spikes = scaled.reduce((found, value) => found + (value > limit ? 1 : 0), 0);
  return { sigma, num_spikes: spikes, mp_softrank: edge / largest };
}

interface Density {
  x: number[];
  y: number[];
  /** The x at which the density is highest. */
  mode: number;
  end: number;
}

/** The density where it counts. */
function places(values: Float64Array): Density {
  const high = values.at(-1)! + BEYOND;
  const counted: Density = { x: [], y: [], mode: 0, end: 0 };
  let highest = -Infinity;
  for (let place = 0; place < PLACES; place++) {
    const x = (place / (PLACES - 1)) * high;
    let sum = 0;
    for (let index = lowest(values, x - BANDWIDTH); index < values.length && values[index]! < x + BANDWIDTH; index++) {
      sum += Math.max(0, 1 - Math.abs(x - values[index]!) / BANDWIDTH);
    }
    const y = sum / (values.length * BANDWIDTH);
    if (!(y > LEAST_DENSITY)) continue;
    counted.x.push(x);
    counted.y.push(y);
    counted.end = x;
    if (y > highest) [highest, counted.mode] = [y, x];
  }
  return counted;
}

/** First index whose value is ≥ `bound`. */
function lowest(values: Float64Array, bound: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sumOfSquares({ x, y, mode, end }: Density, Q: number, sigma: number): number {
  const [lower, upper] = [(sigma * (1 - Math.sqrt(1 / Q))) ** 2, (sigma * (1 + Math.sqrt(1 / Q))) ** 2];
  if (Q !== 1 && (upper < mode || upper > end || lower > mode)) return REFUSED * REFUSED * y.length;
  const law = (at: number): number =>
    Q === 1
      ? Math.sqrt(Math.max(0, 4 - at * at)) / (Math.PI * sigma * sigma)
      : at > lower && at < upper
        ? (Math.sqrt((upper - at) * (at - lower)) * Q) / (2 * Math.PI * sigma * sigma * at)
        : 0;
  return y.reduce((sum, density, index) => sum + (law(x[index]!) - density) ** 2, 0);
}

/** scipy's `fmin` in one dimension, with its steps and its tolerances of 1e-4. */
function nelderMead(f: (x: number) => number, start: number): number {
  let [best, worst] = [
    { x: start, value: f(start) },
    { x: start * 1.05, value: f(start * 1.05) },
  ] as [{ x: number; value: number }, { x: number; value: number }];
  const order = (): void => {
    if (worst.value < best.value) [best, worst] = [worst, best];
  };
  order();
  for (let step = 0; step < 200; step++) {
    if (Math.abs(worst.x - best.x) <= 1e-4 && Math.abs(best.value - worst.value) <= 1e-4) break;
    const point = (x: number): { x: number; value: number } => ({ x, value: f(x) });
    const reflected = point(2 * best.x - worst.x);
    if (reflected.value < best.value) {
      const expanded = point(3 * best.x - 2 * worst.x);
      worst = expanded.value < reflected.value ? expanded : reflected;
    } else if (reflected.value < worst.value) {
      const contracted = point(1.5 * best.x - 0.5 * worst.x);
      worst = contracted.value <= reflected.value ? contracted : point(best.x + 0.5 * (worst.x - best.x));
    } else {
      const contracted = point(0.5 * best.x + 0.5 * worst.x);
      worst = contracted.value < worst.value ? contracted : point(best.x + 0.5 * (worst.x - best.x));
    }
    order();
  }
  return best.x;
}
