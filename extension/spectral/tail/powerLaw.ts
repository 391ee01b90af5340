/**
 * Power-law fit of an ESD's tail: density p(λ) ∝ λ^(−α) for λ ≥ xmin, with xmin chosen by one of three rules.
 *
 * For tail start i (ascending, n values from i on): α(i) = 1 + n/(Σ ln λⱼ − n·ln λᵢ), and the Kolmogorov–Smirnov distance
 * D(i) = max_j |1 − (λⱼ/λᵢ)^(1−α) − (j−i)/n|.
 *
 * @see Clauset, Shalizi & Newman 2009; WeightWatcher (`KS`); AlphaPruning and FARMS (`xmin_mid`, `xmin_peak`)
 */
import { numericalZero, roundingOf } from '../../shared/numericalZero';
import type { FitRule, PowerLawFit, StoredRounding } from '../../shared/layers';
import { smallestDistance, type TailStart } from './kolmogorovSmirnov';
import { LogTail } from './logTail';
import { LEAST_FITTED } from '../../shared/metricTable';
import { differ, hasSpread, NOT_ROUNDED } from '../storedRounding';

/** WeightWatcher drops λ up to this before it fits. Absolute there; see `zeroFilter`. */
const ZERO_FILTER = 1e-5;

/** If the absolute filter would drop more than this share of the spectrum, it is taken relative to λ₁. */
const MAX_FILTERED_SHARE = 0.5;

/**
 * A matrix has no tail if at most this share of its eigenvalues, and fewer than WeightWatcher's least, are above zero.
 * Values pooled from many such matrices (FARMS windows of a matrix of rank 1 have one each, nearly the same) tell how
 * the matrices differ in norm. The reference programs fit them all the same, and print an alpha of a hundred. Small
 * matrices of full rank are fitted as there.
 */
const MAX_DEFICIENT_SHARE = 0.5;

/**
 * A tail in which λ differ by less than this factor (σ by less than 7 %) is narrow: over so little any law is a straight
 * line. The square windows of an orthogonal matrix end so, at a hard edge, and have an alpha of 20 to 200.
 */
const NARROWEST_TAIL = 1.15;

/**
 * σ of a tail's first and middle value need not differ by more than this share of σ₁, however coarse the stored type: the
 * spectrum of a matrix with many different values is moved by rounding as a whole.
 */
const COARSEST_STEP = 0.01;

/** Histogram of log₁₀ λ in which `xmin_peak` looks for the mode. */
const PEAK_BINS = 100;

/** Where `xmin_peak` looks for xmin: log₁₀(0.95·p) ≤ λ ≤ 1.5·p around the mode p. */
const PEAK_BELOW = 0.95;
const PEAK_ABOVE = 1.5;

export interface FitOptions {
  /**
   * Drop λ ≤ 1e-5 first, as WeightWatcher does; where that would drop more than half of the spectrum, λ ≤ 1e-5·λ₁
   * (`filter: 'relative'` in the result). Also asks for at least 10 values.
   */
  zeroFilter: boolean;
  /** Smaller side M of the matrix behind the eigenvalues (of each, where several are pooled). Their number by default. */
  dimension?: number;
  /** Values up to this are zeros and take no part in logarithms; by default as `numericalZero` says. */
  zero?: number;
  /** By how much the stored type rounded the matrix: no tail begins within that, and none is narrower. */
  rounding?: StoredRounding;
}

/**
 * @param eigenvalues λ = σ² ascending
 * @param rule which tail start is taken
 * @returns `failed`, with a reason, where the matrices have too low a rank for a tail, or no tail start gives a finite α > 1
 * beyond rounding; never throws
 */
export function fitPowerLaw(
  eigenvalues: Float64Array,
  rule: FitRule,
  options: FitOptions = { zeroFilter: rule === 'KS' },
): PowerLawFit {
  const largest = eigenvalues.at(-1);
  if (largest === undefined) return noFit(rule, 'there are no eigenvalues');
  if (!Number.isFinite(largest) || Number.isNaN(eigenvalues[0]!)) return noFit(rule, 'the spectrum is not finite');
  if (largest <= 0) return noFit(rule, 'all eigenvalues are zero');
  const dimension = options.dimension ?? eigenvalues.length;
  const { zero = numericalZero(eigenvalues, dimension), rounding = NOT_ROUNDED } = options;
  const noise = Math.max(zero, rounding.norm ** 2);
  const { values, filter } = options.zeroFilter ? filterZeros(eigenvalues) : { values: eigenvalues };
  const tail = new LogTail(values, zero);
  const positive = values.length - tail.first;
  if (options.zeroFilter && positive < LEAST_FITTED) {
    return noFit(rule, `a fit needs ${LEAST_FITTED} eigenvalues above zero and finds ${positive}`, filter);
  }
  const perMatrix = rankPerMatrix(eigenvalues, dimension, noise);
  if (perMatrix !== undefined) {
    const each = `${Number(perMatrix.toPrecision(2))} of ${dimension} in each matrix`;
    const above = noise > zero ? roundingWords(rounding) : 'zero';
    return noFit(rule, `a fit needs ${LEAST_FITTED} eigenvalues above ${above} and finds ${each}`, filter);
  }
  const arithmetic = roundingOf(eigenvalues, dimension);
  if (!hasSpread(values, dimension, rounding, zero)) return noFit(rule, noSpread(rounding), filter);
  const step = Math.min(2 * rounding.norm, COARSEST_STEP * Math.sqrt(largest));
  const starts: TailStarts = {
    from: Math.max(tail.first, upperBound(values, noise)),
    // Half of the tail at one value and half of it above is no power law, but a level and what lies beyond it.
    accepts: (index) => differ(values[index]!, values[(index + values.length) >> 1]!, arithmetic, step),
  };
  const start = tailStart(tail, rule, starts, rounding);
  if (typeof start === 'string') return noFit(rule, start, filter);
  const xmin = values[start.index]!;
  const count = values.length - start.index;
  return {
    rule,
    status: 'success',
    ...(filter && { filter }),
    alpha: start.alpha,
    D: start.D,
    xmin,
    xmax: largest,
    // Values equal to xmin below the start belong to the tail too, as WeightWatcher counts.
    num_pl_spikes: values.length - lowerBound(values, xmin),
    sigma: (start.alpha - 1) / Math.sqrt(count),
    ...(largest < NARROWEST_TAIL * xmin && { narrow: true, reason: narrowReason(xmin, largest) }),
  };
}

/**
 * α and D of one given tail start, for an xmin that a person drags.
 *
 * @param eigenvalues λ ascending
 * @param start index of the first value of the tail
 * @returns NaN for both where the tail has no spread (its values are all equal, or only one) or begins at zero
 * @throws RangeError where `start` is no index
 */
export function tailAt(eigenvalues: Float64Array, start: number): { alpha: number; D: number } {
  if (!Number.isInteger(start) || start < 0 || start >= eigenvalues.length) {
    throw new RangeError(`tail start ${start} is not within ${eigenvalues.length} eigenvalues`);
  }
  const tail = new LogTail(eigenvalues.subarray(start), 0);
  const alpha = tail.alpha(0);
  return Number.isFinite(alpha) ? { alpha, D: tail.distance(0, alpha) } : { alpha: NaN, D: NaN };
}

/** The places at which tails may start: from this index on, if `accepts` agrees. */
interface TailStarts {
  from: number;
  accepts: (index: number) => boolean;
}

function narrowReason(xmin: number, xmax: number): string {
  const span = (100 * (xmax / xmin - 1)).toPrecision(2);
  return `the values of the tail lie within ${span} % of each other: no power law shows in so little`;
}

/** Why equal eigenvalues have no fit. */
export function noSpread(rounding: StoredRounding): string {
  return `the eigenvalues above zero have no spread${rounding.norm > 0 ? ` beyond ${roundingWords(rounding)}` : ''}`;
}

function roundingWords({ type }: StoredRounding): string {
  return `the rounding of ${type}`;
}

/** Mean number of eigenvalues above zero in each of the pooled matrices, where that is too small for a fit. */
function rankPerMatrix(eigenvalues: Float64Array, dimension: number, zero: number): number | undefined {
  const share = 1 - upperBound(eigenvalues, zero) / eigenvalues.length;
  return share <= MAX_DEFICIENT_SHARE && share * dimension < LEAST_FITTED ? share * dimension : undefined;
}

function tailStart(
  tail: LogTail,
  rule: FitRule,
  { from, accepts }: TailStarts,
  rounding: StoredRounding,
): TailStart | string {
  const { values, count } = tail;
  switch (rule) {
    case 'KS':
      return smallestDistance(tail, from, count - 1, accepts) ?? 'no tail has a finite alpha above 1';
    case 'xmin_mid': {
      const index = Math.floor(count / 2);
      if (index < tail.first) return 'at least half of the eigenvalues are zero';
      if (index < from) return `at least half of the eigenvalues lie within ${roundingWords(rounding)}`;
      const alpha = tail.alpha(index);
      if (index >= count - 1 || !accepts(index) || !Number.isFinite(alpha)) {
        return 'the upper half of the eigenvalues has no spread';
      }
      return { index, alpha, D: tail.distance(index, alpha) };
    }
    case 'xmin_peak': {
      const peak = histogramPeak(tail);
      const first = Math.max(from, lowerBound(values, Math.log10(PEAK_BELOW * peak)));
      const end = Math.min(count - 1, upperBound(values, PEAK_ABOVE * peak));
      const found = smallestDistance(tail, first, end, accepts);
      return found ?? 'no tail near the mode of the spectrum has a finite alpha above 1';
    }
  }
}

/** Left edge of the fullest of 100 equal bins of log₁₀ λ; the first of several equally full ones. */
function histogramPeak(tail: LogTail): number {
  const { logs, first, count } = tail;
  const low = logs[first]! / Math.LN10;
  const high = logs[count - 1]! / Math.LN10;
  const bins = new Uint32Array(PEAK_BINS);
  const scale = high > low ? PEAK_BINS / (high - low) : 0;
  for (let index = first; index < count; index++) {
    const bin = Math.floor((logs[index]! / Math.LN10 - low) * scale);
    bins[Math.min(bin, PEAK_BINS - 1)]!++;
  }
  const fullest = bins.indexOf(bins.reduce((most, size) => Math.max(most, size), 0));
  return 10 ** (low + (fullest / PEAK_BINS) * (high - low));
}

/** The eigenvalues that `alpha` is fitted to: those above both zeros. @param dimension as in `FitOptions` */
export function fittedValues(eigenvalues: Float64Array, dimension: number): Float64Array {
  const { values } = filterZeros(eigenvalues);
  return values.subarray(upperBound(values, numericalZero(eigenvalues, dimension)));
}

function filterZeros(eigenvalues: Float64Array): { values: Float64Array; filter?: 'relative' } {
  const start = upperBound(eigenvalues, ZERO_FILTER);
  if (start <= MAX_FILTERED_SHARE * eigenvalues.length) return { values: eigenvalues.subarray(start) };
  const relative = upperBound(eigenvalues, ZERO_FILTER * eigenvalues.at(-1)!);
  return { values: eigenvalues.subarray(relative), filter: 'relative' };
}

/** A fit that failed. */
export function noFit(rule: FitRule, reason: string, filter?: 'relative'): PowerLawFit {
  const none = { alpha: null, D: null, xmin: null, xmax: null, num_pl_spikes: null, sigma: null };
  return { rule, status: 'failed', reason, ...(filter && { filter }), ...none };
}

/** First index whose value is ≥ `bound`, in ascending values. */
export function lowerBound(values: Float64Array, bound: number): number {
  return partition(values, (value) => value < bound);
}

/** First index whose value is > `bound`, in ascending values. */
export function upperBound(values: Float64Array, bound: number): number {
  return partition(values, (value) => value <= bound);
}

function partition(values: Float64Array, below: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (below(values[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
