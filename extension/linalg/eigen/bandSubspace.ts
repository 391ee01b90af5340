/**
 * The leading eigenvectors of a positive semidefinite band matrix, many of them at once: a random subspace is filtered by
 * Chebyshev polynomials until Rayleigh–Ritz on it loses next to nothing. Costs some tens of products with the band, where
 * vectors of the tridiagonal matrix would have to be taken through every rotation of the bulge chase.
 *
 * @see Zhou, Saad, Tiago & Chelikowsky 2006, "Self-consistent-field calculations using Chebyshev-filtered subspace iteration"
 */
import type { Kernels, Poll } from '../kernels/kernels';
import { orthonormalise, type Columns } from '../triangular/choleskyQr';
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

/** The vectors of the iteration where they are held: columns of X, n × count. @see HeldVectors */
export interface Subspace extends Columns {
  /** Takes X. @param x row-major, handed over @param damped as in `BandFilter` */
  hold(x: Float64Array, count: number, damped: Interval): void;
  /** X ← ±T_degree of the band matrix times X, as in `BandFilter`. */
  filter(degree: number, poll: Poll): void;
  /** XᵀT₁X, count × count. */
  imageOverlaps(): Float64Array;
  /** Makes vectors X·Cᵀ beside X. @param coefficients C, chosen × count */
  choose(coefficients: Float64Array): void;
  /** ‖T₁·x − value·x‖² of the chosen vectors. */
  residuals(values: Float64Array): Float64Array;
}

export interface SubspaceTools {
  readonly subspace: Subspace;
  readonly kernels: Kernels;
  readonly poll: Poll;
}

/** Vectors that the iteration holds. */
export function subspaceSize(n: number, k: number): number {
  return Math.min(n, k + Math.max(LEAST_OVERSAMPLING, Math.ceil(OVERSAMPLING * k)));
}

/**
 * The k leading eigenvalues, descending, before `unscale`. The first k vectors that the subspace has chosen then are theirs,
 * orthonormal.
 *
 * @returns undefined where the spectrum does not suit the iteration: its decay is too slow, or it is zero
 * @throws what `poll` does
 */
export function leadingBandVectors(band: BandMatrix, k: number, tools: SubspaceTools): Float64Array | undefined {
  const { n } = band;
  const { subspace, kernels } = tools;
  const count = subspaceSize(n, k);
  let reached = 0;
  const poll = (): void => tools.poll(reached);
  const bounds = dampedInterval(band, k, count - k, { kernels, poll });
  if (!bounds) return undefined;
  const { damped } = bounds;
  const degrees = new FilterDegrees(bounds);
  if (degrees.areTooMany) return undefined;
  subspace.hold(randomVectors(n, count), count, damped);
  let trace = 0;
  for (let i = 0; i < n; i++) trace += band.rows[i * (band.width + 1) + band.width]!;
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    for (let degree = degrees.next(); degree !== undefined; degree = degrees.next()) {
      subspace.filter(degree, poll);
      if (!orthonormalise(subspace, count, kernels, poll)) return undefined;
      reached = Math.max(reached, FILTER_SHARE * degrees.share);
    }
    const ritz = rayleighRitz(subspace, count, Math.min(count, k + 1), damped, { kernels, poll });
    if (!ritz) return undefined;
    const excess = excessOf(ritz, k, trace);
    if (excess <= 1) return ritz.values.slice(0, k);
    if (!Number.isFinite(excess)) return undefined;
    // It falls with the square of what is gained.
    degrees.add(MARGIN * Math.sqrt(excess));
  }
  return undefined;
}

interface Ritz {
  /** Descending. */
  readonly values: Float64Array;
  /** ‖B·x − λ·x‖ */
  readonly residuals: Float64Array;
}

/**
 * Chooses the first eigenvectors of the matrix within the span of X, whose columns are nearly orthonormal.
 *
 * @returns undefined if the columns depend on each other
 */
function rayleighRitz(
  subspace: Subspace,
  count: number,
  first: number,
  damped: Interval,
  { kernels, poll }: { kernels: Kernels; poll: () => void },
): Ritz | undefined {
  const factor = choleskyFactor(subspace.overlaps(), count, kernels, poll);
  if (!factor) return undefined;
  // X·L⁻ᵀ is orthonormal.
  const inverse = inverseLower(factor, count, kernels, poll);
  const projected = subspace.imageOverlaps();
  const half = kernels.multiply(inverse, projected, count, count, count, false, false);
  const whole = kernels.multiply(half, inverse, count, count, count, false, true);
  const solved = topEigenvectors(whole, count, first, { kernels, onProgress: poll });
  subspace.choose(kernels.multiply(solved.vectors, inverse, first, count, count, false, false));
  const squares = subspace.residuals(solved.values);
  // Of t = (B − centre)/radius.
  const radius = (damped.high - damped.low) / 2;
  return {
    values: solved.values.map((value) => radius * value + (damped.high + damped.low) / 2),
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

/** Uniform in [−1, 1), the same numbers for every run. @see Press, Teukolsky, Vetterling & Flannery 1992, 7.1 */
function randomVectors(n: number, count: number): Float64Array {
  const vectors = new Float64Array(n * count);
  let seed = 1;
  for (let at = 0; at < vectors.length; at++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    vectors[at] = seed * 2 ** -31;
  }
  return vectors;
}
