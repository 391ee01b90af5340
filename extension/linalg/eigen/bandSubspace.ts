/**
 * The leading eigenvectors of a positive semidefinite band matrix, many of them at once: a random subspace is filtered by
 * Chebyshev polynomials until Rayleigh–Ritz on it loses next to nothing. Costs some tens of products with the band, where
 * vectors of the tridiagonal matrix would have to be taken through every rotation of the bulge chase.
 *
 * @see Zhou, Saad, Tiago & Chelikowsky 2006, "Self-consistent-field calculations using Chebyshev-filtered subspace iteration"
 */
import type { Kernels, Poll } from '../kernels/kernels';
import { orthonormalColumns } from '../triangular/choleskyQr';
import type { BandMatrix } from '../kernels/bandMatrix';
import type { Interval } from '../kernels/bandMatrix';
import { eigenvaluesAbove } from './bandInertia';
import { topEigenvectors } from './symmetricEigenvectors';

/** Vectors beyond those asked for, as a share of them: what lies between them and the damped interval converges slowly. */
const OVERSAMPLING = 1 / 4;
const LEAST_OVERSAMPLING = 16;
/** The damped interval ends at an eigenvalue whose place among the extra vectors is in this range. */
const PLACES = [0.6, 0.95] as const;
const BISECTIONS = 16;
/** The end of the interval, as a share of more equal eigenvalues than there are extra vectors. */
const BELOW_PLATEAU = 0.8;
/** Of the k-th eigenvalue: it tells how fast the iteration converges, as its distance to the interval. */
const KEPT_BISECTIONS = 12;
const KEPT_PRECISION = 0.3;

/** How much more a filter may enlarge the first vector than the last: of random vectors, and of ordered ones. */
const FIRST_GROWTH = 1e4;
const LARGEST_GROWTH = 1e10;
/** Passes of the filter until what is damped has lost this much to the last vector that is asked for. */
const WANTED_GROWTH = 2e6;
const MOST_LOOKS = 6;
/** Polynomials of a higher degree gain too slowly: such a spectrum is solved whole. */
const MOST_STEPS = 400;

/** ‖B·x − λ·x‖ of each vector at most, as a share of λ, or its square over the distance to what is not kept. */
const TOLERANCE = 1e-6;
/** What the eigenvalues may lack together, as a share of those that are not kept. */
const EXCESS = 1e-8;
/** Eigenvalues below this share of the largest are rounding noise: any vectors will do. */
const NOISE = 1e-13;
const ABOVE_NOISE = 10;

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
  const bounds = dampedInterval(band, k, count, tools.poll);
  if (!bounds) return undefined;
  const { largest, kept, damped } = bounds;
  const growth = (value: number): number => Math.acosh(Math.max(1, (2 * value) / damped.high - 1));
  let wanted = Math.log(WANTED_GROWTH) / growth(kept);
  if (!(wanted < MOST_STEPS)) return undefined;
  let x: Float64Array | undefined = randomVectors(n, count);
  let trace = 0;
  for (let i = 0; i < n; i++) trace += band.rows[i * (band.width + 1) + band.width]!;
  let reached = 0;
  const poll = (): void => tools.poll(reached);
  const own = { ...tools, poll };
  for (let allowed = FIRST_GROWTH, steps = 0, looks = 0; looks < MOST_LOOKS;) {
    const degree = Math.max(1, Math.min(Math.ceil(wanted - steps), Math.floor(Math.log(allowed) / growth(largest))));
    x = orthonormalColumns(tools.filter(x, count, degree, damped, poll), n, count, own);
    if (!x) return undefined;
    steps += degree;
    reached = Math.max(reached, Math.min(1, steps / (2 * wanted)));
    allowed = Math.min(LARGEST_GROWTH, allowed * FIRST_GROWTH);
    if (steps < wanted) continue;
    looks++;
    x = orthonormalColumns(x, n, count, own);
    if (!x) return undefined;
    const ritz = rayleighRitz(x, n, count, damped, own);
    if (isEnough(ritz, k, trace)) {
      return { values: ritz.values.slice(0, k), vectors: firstColumns(ritz.vectors, count, k) };
    }
    x = ritz.vectors;
    wanted = steps * 1.5;
  }
  return undefined;
}

interface Bounds {
  /** Bounds of the first and the k-th eigenvalue, to a few per cent. */
  readonly largest: number;
  readonly kept: number;
  readonly damped: Interval;
}

/** What is to be damped, by bisection. */
function dampedInterval(band: BandMatrix, k: number, count: number, poll: Poll): Bounds | undefined {
  let largest = norm(band);
  if (!(largest > 0)) return undefined;
  const counted = (shift: number): number => {
    poll(0);
    return eigenvaluesAbove(band, shift);
  };
  while (counted(largest / 1.5) === 0) largest /= 1.5;
  const extra = count - k;
  const places = [k + Math.floor(PLACES[0] * extra), k + Math.floor(PLACES[1] * extra)] as const;
  const noise = NOISE * largest;
  // Fewer than are asked for: the rest may be any, and one product with the matrix leaves nothing of it.
  if (counted(noise) < places[0]) return { largest, kept: ABOVE_NOISE * noise, damped: { low: 0, high: noise } };
  let [low, high, kept] = [noise, largest, largest];
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = middleOf(low, high);
    const above = counted(middle);
    if (above < k) kept = Math.min(kept, middle);
    if (above >= places[0]) low = middle;
    else high = middle;
    if (above < places[0] || above > places[1]) continue;
    return { largest, kept: keptValue(low, kept, k, counted), damped: { low: 0, high: low } };
  }
  // Many eigenvalues are nearly equal here, and all of them serve.
  return { largest, kept: low, damped: { low: 0, high: BELOW_PLATEAU * low } };
}

/** Spectra decay over orders of magnitude. */
function middleOf(low: number, high: number): number {
  return high > 4 * low ? Math.sqrt(low * high) : (low + high) / 2;
}

/** The largest of some values between the damped interval and one with fewer than k eigenvalues above it that has k. */
function keptValue(low: number, high: number, k: number, counted: (shift: number) => number): number {
  let [below, above] = [low, high];
  for (let step = 0; step < KEPT_BISECTIONS && above - below > KEPT_PRECISION * (below - low); step++) {
    const middle = middleOf(below, above);
    if (counted(middle) >= k) below = middle;
    else above = middle;
  }
  return below;
}

/** ‖B‖_∞ */
function norm({ rows, n, width }: BandMatrix): number {
  const sums = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = Math.max(0, i - width); j <= i; j++) {
      const element = Math.abs(rows[i * (width + 1) + j - i + width]!);
      sums[i] = sums[i]! + element;
      if (j < i) sums[j] = sums[j]! + element;
    }
  }
  return sums.reduce((most, sum) => Math.max(most, sum), 0);
}

interface Ritz extends BandVectors {
  /** ‖B·x − λ·x‖ */
  readonly residuals: Float64Array;
}

function rayleighRitz(x: Float64Array, n: number, count: number, damped: Interval, tools: SubspaceTools): Ritz {
  const { kernels, poll } = tools;
  const image = tools.filter(x.slice(), count, 1, damped, poll);
  const projected = kernels.multiply(x, image, count, count, n, true, false);
  const solved = topEigenvectors(projected, count, count, { kernels, onProgress: poll });
  const rotated = (y: Float64Array): Float64Array => kernels.multiply(y, solved.vectors, n, count, count, false, true);
  const [vectors, images] = [rotated(x), rotated(image)];
  const squares = new Float64Array(count);
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = 0; j < count; j++, at++)
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

/** What each eigenvalue lacks at most: the residual, or (Kato and Temple) its square over the distance to those beyond k. */
function isEnough({ values, residuals }: Ritz, k: number, trace: number): boolean {
  const discarded = k < values.length ? values[k]! + residuals[k]! : 0;
  let loss = 0;
  let rest = trace;
  for (let i = 0; i < k; i++) {
    const gap = values[i]! - discarded;
    const residual = residuals[i]!;
    const own = gap > residual ? (residual * residual) / gap : residual;
    if (own > Math.max(TOLERANCE * values[i]!, NOISE * values[0]!)) return false;
    loss += own;
    rest -= values[i]!;
  }
  return loss <= Math.max(2 * EXCESS * rest, k * NOISE * values[0]!);
}

function firstColumns(x: Float64Array, columns: number, k: number): Float64Array {
  const n = x.length / columns;
  const first = new Float64Array(n * k);
  for (let i = 0; i < n; i++) first.set(x.subarray(i * columns, i * columns + k), i * k);
  return first;
}

/** Uniform in (−1, 1), the same numbers for every run. @see Lehmer 1949, Park & Miller 1988 */
function randomVectors(n: number, count: number): Float64Array {
  let seed = 1;
  return Float64Array.from({ length: n * count }, () => {
    seed = (seed * 48271) % 2147483647;
    return (2 * seed) / 2147483647 - 1;
  });
}
