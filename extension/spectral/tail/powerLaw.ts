/**
 * Power-law fit of an ESD's tail: density p(λ) ∝ λ^(−α) for λ ≥ xmin, with xmin chosen by one of three rules.
 *
 * For tail start i (ascending, n values from i on): α(i) = 1 + n/(Σ ln λⱼ − n·ln λᵢ), and the Kolmogorov–Smirnov distance
 * D(i) = max_j |1 − (λⱼ/λᵢ)^(1−α) − (j−i)/n|.
 *
 * @see Clauset, Shalizi & Newman 2009; WeightWatcher (`KS`); AlphaPruning and FARMS (`xmin_mid`, `xmin_peak`)
 */
import { l10n } from '../../shared/language/l10n';
import { numericalZero } from '../../shared/numericalZero';
import type { FitRule, PowerLawFit, StoredRounding } from '../../shared/layers';
import { lowerBound, upperBound } from './bounds';
import { smallestDistance, type TailStart } from './kolmogorovSmirnov';
import { LogTail } from './logTail';
import { LEAST_FITTED } from '../../shared/metricTable';
import { hasSpread } from '../storedRounding';
import { filterZeros, tailStarts, type FitOptions, type TailStarts } from './tailStarts';

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
  if (largest === undefined) return noFit(rule, l10n.english('there are no eigenvalues'));
  if (!Number.isFinite(largest) || Number.isNaN(eigenvalues[0]!))
    return noFit(rule, l10n.english('the spectrum is not finite'));
  if (largest <= 0) return noFit(rule, l10n.english('all eigenvalues are zero'));
  const starts = tailStarts(eigenvalues, rule, options);
  const { tail, filter, dimension, zero, noise, rounding } = starts;
  const { values } = tail;
  const positive = values.length - tail.first;
  if (options.zeroFilter && positive < LEAST_FITTED) {
    return noFit(
      rule,
      l10n.english('a fit needs {0} eigenvalues above zero and finds {1}', LEAST_FITTED, positive),
      filter,
    );
  }
  const perMatrix = rankPerMatrix(eigenvalues, dimension, noise);
  if (perMatrix !== undefined) {
    const each = `${Number(perMatrix.toPrecision(2))} of ${dimension} in each matrix`;
    const above = noise > zero ? roundingWords(rounding) : 'zero';
    return noFit(
      rule,
      l10n.english('a fit needs {0} eigenvalues above {1} and finds {2}', LEAST_FITTED, above, each),
      filter,
    );
  }
  if (!hasSpread(values, dimension, rounding, zero)) return noFit(rule, noSpread(rounding), filter);
  const start = tailStart(rule, starts);
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

function narrowReason(xmin: number, xmax: number): string {
  const span = (100 * (xmax / xmin - 1)).toPrecision(2);
  return l10n.english('the values of the tail lie within {0} % of each other: no power law shows in so little', span);
}

/** Why equal eigenvalues have no fit. */
export function noSpread(rounding: StoredRounding): string {
  return `the eigenvalues above zero have no spread${rounding.norm > 0 ? ` beyond ${roundingWords(rounding)}` : ''}`;
}

export function roundingWords({ type }: StoredRounding): string {
  return `the rounding of ${type}`;
}

/** Mean number of eigenvalues above zero in each of the pooled matrices, where that is too small for a fit. */
function rankPerMatrix(eigenvalues: Float64Array, dimension: number, zero: number): number | undefined {
  const share = 1 - upperBound(eigenvalues, zero) / eigenvalues.length;
  return share <= MAX_DEFICIENT_SHARE && share * dimension < LEAST_FITTED ? share * dimension : undefined;
}

function tailStart(rule: FitRule, { tail, least, from, to, accepts, rounding }: TailStarts): TailStart | string {
  if (rule === 'xmin_mid') {
    if (from < tail.first) return l10n.english('at least half of the eigenvalues are zero');
    if (from < least) return l10n.english('at least half of the eigenvalues lie within {0}', roundingWords(rounding));
    const alpha = tail.alpha(from);
    if (from >= tail.count - 1 || !accepts(from) || !Number.isFinite(alpha)) {
      return l10n.english('the upper half of the eigenvalues has no spread');
    }
    return { index: from, alpha, D: tail.distance(from, alpha) };
  }
  const near = rule === 'xmin_peak' ? 'no tail near the mode of the spectrum' : 'no tail';
  return smallestDistance(tail, from, to, accepts) ?? `${near} has a finite alpha above 1`;
}

/** The eigenvalues that `alpha` is fitted to: those above both zeros. @param dimension as in `FitOptions` */
export function fittedValues(eigenvalues: Float64Array, dimension: number): Float64Array {
  const { values } = filterZeros(eigenvalues);
  return values.subarray(upperBound(values, numericalZero(eigenvalues, dimension)));
}

/** A fit that failed. */
export function noFit(rule: FitRule, reason: string, filter?: 'relative'): PowerLawFit {
  const none = { alpha: null, D: null, xmin: null, xmax: null, num_pl_spikes: null, sigma: null };
  return { rule, status: 'failed', reason, ...(filter && { filter }), ...none };
}
