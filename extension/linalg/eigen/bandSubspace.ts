/**
 * The leading eigenvectors of a positive semidefinite band matrix, many of them at once: a random subspace is filtered by
 * Chebyshev polynomials until Rayleigh–Ritz on it loses next to nothing. Costs some tens of products with the band, where
 * vectors of the tridiagonal matrix would have to be taken through every rotation of the bulge chase.
 *
 * @see Zhou, Saad, Tiago & Chelikowsky 2006, "Self-consistent-field calculations using Chebyshev-filtered subspace iteration"
 */
import type { Kernels, Poll } from '../kernels/kernels';
import { orthonormalColumns } from '../triangular/choleskyQr';
import { choleskyFactor, inverseLower } from '../triangular/triangular';
import type { BandMatrix, Interval } from '../kernels/bandMatrix';
import { dampedInterval, NOISE } from './dampedInterval';
import { FilterDegrees } from './filterDegrees';
import { topEigenvectors } from './symmetricEigenvectors';

/** Vectors beyond those asked for, as a share of them: what lies between them and the damped interval converges slowly. */
const OVERSAMPLING = 1 / 4;
const LEAST_OVERSAMPLING = 16;

/** Looks at what was found, and what more passes gain beyond what was missing at the last one. */
const MOST_LOOKS = 6;
const MARGIN = 3;
/** Rough share of the time. */
const FILTER_SHARE = 0.75;

/** ‖B·x − λ·x‖ of each vector at most, as a share of λ, or its square over the distance to what is not kept. */
const TOLERANCE = 1e-6;
/** What the eigenvalues may lack together, as a share of those that are not kept. */
const EXCESS = 1e-8;

export interface BandVectors {
  /** Descending; of the band matrix, before `unscale`. */
  readonly values: Float64Array;
  /** n × k, row-major, orthonormal columns. */
  readonly vectors: Float64Array;
}

export interface SubspaceTools {
  /** ±T_degree of the matrix times X (n × count), as in `BandFilter`; x is handed over. */
  readonly filter: (x: Float64Array, count: number, degree: number, damped: Interval, poll: Poll) => Float64Array;
  readonly kernels: Kernels;
  readonly poll: Poll;
}

/** Vectors that the iteration holds. */
export function subspaceSize(n: number, k: number): number {
  return Math.min(n, k + Math.max(LEAST_OVERSAMPLING, Math.ceil(OVERSAMPLING * k)));
}

/**
 * @returns undefined where the spectrum does not suit the iteration: its decay is too slow, or it is zero
 * @throws what `poll` does
 */
export function leadingBandVectors(band: BandMatrix, k: number, tools: SubspaceTools): BandVectors | undefined {
  const { n } = band;
  const count = subspaceSize(n, k);
  let reached = 0;
  const poll = (): void => tools.poll(reached);
  const bounds = dampedInterval(band, k, count - k, { kernels: tools.kernels, poll });
  if (!bounds) return undefined;
  const { damped } = bounds;
  const degrees = new FilterDegrees(bounds);
  if (degrees.areTooMany) return undefined;
  const own = { ...tools, poll };
  let x: Float64Array | undefined = randomVectors(n, count);
  let trace = 0;
  for (let i = 0; i < n; i++) trace += band.rows[i * (band.width + 1) + band.width]!;
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    for (let degree = degrees.next(); degree !== undefined; degree = degrees.next()) {
      x = orthonormalColumns(tools.filter(x, count, degree, damped, poll), n, count, own);
      if (!x) return undefined;
      reached = Math.max(reached, FILTER_SHARE * degrees.share);
    }
    const ritz = rayleighRitz(x, n, count, Math.min(count, k + 1), damped, own);
    if (!ritz) return undefined;
    const excess = excessOf(ritz, k, trace);
    if (excess <= 1) {
      return { values: ritz.values.slice(0, k), vectors: firstColumns(ritz.vectors, ritz.values.length, k) };
    }
    if (!Number.isFinite(excess)) return undefined;
    // It falls with the square of what is gained.
    degrees.add(MARGIN * Math.sqrt(excess));
  }
  return undefined;
}

interface Ritz extends BandVectors {
  /** ‖B·x − λ·x‖ */
  readonly residuals: Float64Array;
}

/**
 * The first eigenpairs of the matrix within the span of X.
 *
 * @param x n × count, its columns nearly orthonormal
 * @returns undefined if the columns depend on each other
 */
function rayleighRitz(
  x: Float64Array,
  n: number,
  count: number,
  first: number,
  damped: Interval,
  tools: SubspaceTools,
): Ritz | undefined {
  const { kernels, poll } = tools;
  const factor = choleskyFactor(kernels.multiply(x, x, count, count, n, true, false), count, kernels, poll);
  if (!factor) return undefined;
  // X·L⁻ᵀ is orthonormal.
  const inverse = inverseLower(factor, count, kernels, poll);
  const image = tools.filter(x.slice(), count, 1, damped, poll);
  const projected = kernels.multiply(x, image, count, count, n, true, false);
  const half = kernels.multiply(inverse, projected, count, count, count, false, false);
  const whole = kernels.multiply(half, inverse, count, count, count, false, true);
  const solved = topEigenvectors(whole, count, first, { kernels, onProgress: poll });
  const coefficients = kernels.multiply(solved.vectors, inverse, first, count, count, false, false);
  const vectors = kernels.multiply(x, coefficients, n, first, count, false, true);
  const images = tools.filter(vectors.slice(), first, 1, damped, poll);
  const squares = new Float64Array(first);
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = 0; j < first; j++, at++)
      squares[j] = squares[j]! + (images[at]! - solved.values[j]! * vectors[at]!) ** 2;
  }
  // Of t = (B − centre)/radius.
  const radius = (damped.high - damped.low) / 2;
  return {
    values: solved.values.map((value) => radius * value + (damped.high + damped.low) / 2),
    vectors,
    residuals: squares.map((square) => radius * Math.sqrt(square)),
  };
}

/**
 * What the eigenvalues lack over what they may lack, each and together; 1 or less is enough. Each lacks the residual at
 * most, or (Kato and Temple) its square over the distance to those beyond k.
 */
function excessOf({ values, residuals }: Ritz, k: number, trace: number): number {
  const discarded = k < values.length ? values[k]! + residuals[k]! : 0;
  const noise = NOISE * values[0]!;
  let worst = 0;
  let loss = 0;
  let rest = trace;
  for (let i = 0; i < k; i++) {
    const gap = values[i]! - discarded;
    const residual = residuals[i]!;
    const own = gap > residual ? (residual * residual) / gap : residual;
    worst = Math.max(worst, own / Math.max(TOLERANCE * values[i]!, noise));
    loss += own;
    rest -= values[i]!;
  }
  return Math.max(worst, loss / Math.max(2 * EXCESS * rest, k * noise));
}

function firstColumns(x: Float64Array, columns: number, k: number): Float64Array {
  const n = x.length / columns;
  const first = new Float64Array(n * k);
  for (let i = 0; i < n; i++) first.set(x.subarray(i * columns, i * columns + k), i * k);
  return first;
}

/** Uniform in (−1, 1), the same numbers for every run. @see Lehmer 1949, Park & Miller 1988 */
function randomVectors(n: number, count: number): Float64Array {
  const vectors = new Float64Array(n * count);
  let seed = 1;
  for (let at = 0; at < vectors.length; at++) {
    seed = (seed * 48271) % 2147483647;
    vectors[at] = (2 * seed) / 2147483647 - 1;
  }
  return vectors;
}
