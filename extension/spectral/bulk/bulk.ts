/**
 * The random bulk of a spectrum: the Marchenko–Pastur law fitted to it, the eigenvalues that stand out of it, and
 * WeightWatcher's determinant constraint (ERG).
 */
import { l10n } from '../../shared/language/l10n';
import { numericalZero } from '../../shared/numericalZero';
import type { StoredRounding } from '../../shared/layers';
import { marchenkoPastur, type MarchenkoPastur } from './marchenkoPastur';
import { upperBound } from '../tail/bounds';
import { hasSpread, NOT_ROUNDED } from '../storedRounding';
import { edgeCentre, edgeScale, tracyWidomQuantile } from './tracyWidom';

export type BulkFit = FittedBulk | { status: 'failed'; reason: string };

export interface FittedBulk {
  status: 'success';
  /** Standard deviation of the entries that the bulk looks like. */
  sigma_mp: number;
  /** Upper edge of the bulk, in units of λ = σ² (no 1/N). */
  lambda_plus: number;
  /** λ above what the largest of a random matrix exceeds in three of 100 cases. 0 where the whole spectrum may be random. */
  num_spikes: number;
  /** λ₊/λ₁ */
  mp_softrank: number;
  /** Root mean square distance between the distribution functions of bulk and law: small where the law fits. */
  misfit: number;
}

/** Values taken out of a longer spectrum for the fit, evenly by rank. */
const MAX_FIT_VALUES = 2048;

/** Candidate scales, evenly spaced in log λ, before the best is refined. */
const GRID = 160;
const REFINEMENTS = 40;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** At least this share of the spectrum is bulk: an edge further down would explain nothing. */
const MIN_BULK_SHARE = 0.5;

/** Fewer eigenvalues have no shape a law could be fitted to. */
const MIN_BULK_COUNT = 10;

/**
 * A law farther from the bulk than this describes nothing: random matrices come to 0.02 and trained ones to 0.1, while equal
 * eigenvalues (an orthogonal matrix) are 1/√12 = 0.29 from the best law.
 */
const MAX_MISFIT = 0.2;

/** Chance with which a random matrix has a spike by its largest eigenvalue; with what the fit's scatter adds, below 5 %. */
const LEVEL = 0.03;

/**
 * A random matrix's fitted s² lies below that of all entries by 1.7/√(NM) at most (standard deviation, from M = 64 on;
 * 5/M at M = 32). Further below, the spectrum has more than a bulk, even if its largest eigenvalue does not tell.
 */
const FIT_SCATTER = 16;

/**
 * Fits s so that the eigenvalues below the edge N·s²·(1+1/√Q)² are distributed as the law says (least mean square
 * distance of the distribution functions). At Q = 1 the law is the quarter circle of the singular values.
 *
 * A spectrum that may be all bulk, as that of random entries of its own variance is with a chance of 97 %, is taken for that:
 * s is then the root mean square of the entries, and nothing is a spike.
 *
 * @param eigenvalues λ ascending, of one N×M matrix or pooled from several of them
 * @param N larger side of each matrix
 * @param M smaller side
 * @param rounding of each matrix: a bulk within it is not the matrix's own
 * @returns `failed`, with a reason, where there is no bulk or no law that fits it; never throws
 */
export function fitBulk(
  eigenvalues: Float64Array,
  N: number,
  M: number,
  rounding: StoredRounding = NOT_ROUNDED,
): BulkFit {
  const count = eigenvalues.length;
  const largest = eigenvalues.at(-1) ?? 0;
  if (!Number.isFinite(largest)) return failed(l10n.english('the spectrum is not finite'));
  if (largest <= 0) return failed(l10n.english('all eigenvalues are zero'));
  if (count < MIN_BULK_COUNT)
    return failed(l10n.english('{0} eigenvalues are too few, a fit needs {1}', count, MIN_BULK_COUNT));
  const law = marchenkoPastur(N / M);
  if (!Number.isFinite(largest * law.upper)) return fitScaled(eigenvalues, N, M, rounding);
  const values = thin(eigenvalues);
  // The edge lies above the value that closes the smallest bulk allowed, and not above λ₁ (by more than a law's width).
  const smallestEdge = values[Math.ceil(MIN_BULK_SHARE * values.length) - 1]!;
  if (smallestEdge <= numericalZero(eigenvalues, M))
    return failed(l10n.english('at least half of the eigenvalues are zero'));
  if (smallestEdge <= rounding.norm ** 2) {
    return failed(l10n.english('at least half of the eigenvalues lie within the rounding of {0}', rounding.type));
  }
  const from = Math.log(smallestEdge);
  const span = Math.log(largest * law.upper) - from;
  const misfit = (share: number): number => distance(values, Math.exp(from + share * span), law);
  let best = 0;
  let least = Infinity;
  for (let step = 0; step <= GRID; step++) {
    const value = misfit(step / GRID);
    if (value < least) [least, best] = [value, step];
  }
  const share = goldenSection(misfit, Math.max(0, (best - 1) / GRID), Math.min(1, (best + 1) / GRID));
  const distanceLeft = misfit(share);
  if (distanceLeft > MAX_MISFIT) {
    return failed(
      l10n.english('no Marchenko–Pastur law comes nearer to the bulk than {0} (rms)', distanceLeft.toFixed(2)),
    );
  }
  const fitted = Math.exp(from + share * span) / (N * law.upper);
  // The fit's scatter is as large as that of λ₁, or larger: where all of the spectrum may be random, all of it tells s.
  const whole = eigenvalues.reduce((sum, value) => sum + value / largest, 0) * (largest / (count * N));
  const limit = edgeCentre(N, M) + tracyWidomQuantile(1 - (1 - LEVEL) ** (M / count)) * edgeScale(N, M);
  const random = largest <= whole * limit && fitted >= whole * (1 - FIT_SCATTER / Math.sqrt(N * M));
  const variance = random ? whole : fitted;
  const edge = variance * N * law.upper;
  return {
    status: 'success',
    sigma_mp: Math.sqrt(variance),
    lambda_plus: edge,
    num_spikes: random ? 0 : count - upperBound(eigenvalues, Math.max(edge, variance * limit)),
    mp_softrank: edge / largest,
    misfit: distanceLeft,
  };
}

/** Fits eigenvalues so near the largest double that an edge lies beyond it, in a smaller unit. */
function fitScaled(eigenvalues: Float64Array, N: number, M: number, { type, norm }: StoredRounding): BulkFit {
  const unit = 2 ** 40;
  const scaled = eigenvalues.map((value) => value / unit);
  const bulk = fitBulk(scaled, N, M, { type, norm: norm / Math.sqrt(unit) });
  if (bulk.status === 'failed') return bulk;
  return { ...bulk, sigma_mp: bulk.sigma_mp * Math.sqrt(unit), lambda_plus: bulk.lambda_plus * unit };
}

/**
 * `detX_num`: λ rescaled so that they sum to their number, the product of the largest k of them first falls below 1
 * at this k. The number of values where it never does.
 *
 * @param eigenvalues λ ascending
 * @param dimension smaller side of each matrix
 * @returns undefined where the eigenvalues differ by nothing but rounding: their product hangs on it alone
 */
export function determinantTail(
  eigenvalues: Float64Array,
  dimension = eigenvalues.length,
  rounding: StoredRounding = NOT_ROUNDED,
): number | undefined {
  const count = eigenvalues.length;
  // One eigenvalue above zero, and zeros beside it: their product is 0, however it is rounded.
  const single = count > 1 && eigenvalues[count - 2]! <= numericalZero(eigenvalues, dimension);
  if (!single && !hasSpread(eigenvalues, dimension, rounding)) return undefined;
  const largest = eigenvalues[count - 1]!;
  const scale = Math.log(count / eigenvalues.reduce((sum, value) => sum + value / largest, 0));
  let logarithm = 0;
  for (let index = count - 1; index > 0; index--) {
    logarithm += Math.log(Math.max(0, eigenvalues[index]!) / largest) + scale;
    if (logarithm < 0) return count - index;
  }
  return count;
}

function failed(reason: string): BulkFit {
  return { status: 'failed', reason };
}

/** Root mean square of F_bulk − F_law over the values below the edge. */
function distance(values: Float64Array, edge: number, law: MarchenkoPastur): number {
  const bulk = upperBound(values, edge);
  let sum = 0;
  for (let index = 0; index < bulk; index++) {
    const difference = law.distribution((values[index]! / edge) * law.upper) - (index + 0.5) / bulk;
    sum += difference * difference;
  }
  return Math.sqrt(sum / bulk);
}

function thin(eigenvalues: Float64Array): Float64Array {
  const count = eigenvalues.length;
  if (count <= MAX_FIT_VALUES) return eigenvalues;
  return Float64Array.from(
    { length: MAX_FIT_VALUES },
    (_, index) => eigenvalues[Math.floor(((index + 0.5) / MAX_FIT_VALUES) * count)]!,
  );
}

function goldenSection(f: (x: number) => number, low: number, high: number): number {
  let left = high - GOLDEN * (high - low);
  let right = low + GOLDEN * (high - low);
  let [atLeft, atRight] = [f(left), f(right)];
  for (let step = 0; step < REFINEMENTS; step++) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - GOLDEN * (high - low);
      atLeft = f(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + GOLDEN * (high - low);
      atRight = f(right);
    }
  }
  return (low + high) / 2;
}
