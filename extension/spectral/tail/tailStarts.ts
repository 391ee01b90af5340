/** Where a rule lets a tail begin: which eigenvalues take part, and which of them are candidates for xmin. */
import type { FitRule, StoredRounding } from '../../shared/layers';
import { numericalZero, roundingOf } from '../../shared/numericalZero';
import { differ, NOT_ROUNDED } from '../storedRounding';
import { lowerBound, upperBound } from './bounds';
import { LogTail } from './logTail';

/** WeightWatcher drops λ up to this before it fits. Absolute there; see `zeroFilter`. */
export const ZERO_FILTER = 1e-5;

/** If the absolute filter would drop more than this share of the spectrum, it is taken relative to λ₁. */
const MAX_FILTERED_SHARE = 0.5;

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

export interface TailStarts extends Required<Pick<FitOptions, 'dimension' | 'zero' | 'rounding'>> {
  /** Those values that the filter left. Indexes below are of these. */
  tail: LogTail;
  /** How many of the smallest the filter dropped. */
  dropped: number;
  filter?: 'relative';
  /** Values up to this are zeros, or within the rounding of the stored type. */
  noise: number;
  /** First index above `noise`. */
  least: number;
  /** The rule's candidates: from ≤ i < to, if `accepts` agrees. `xmin_mid` has one, which may lie below `least`. */
  from: number;
  to: number;
  accepts: (index: number) => boolean;
}

/** @param eigenvalues λ ascending, finite, the largest above zero */
export function tailStarts(eigenvalues: Float64Array, rule: FitRule, options: FitOptions): TailStarts {
  const dimension = options.dimension ?? eigenvalues.length;
  const { zero = numericalZero(eigenvalues, dimension), rounding = NOT_ROUNDED } = options;
  const noise = Math.max(zero, rounding.norm ** 2);
  const { values, filter } = options.zeroFilter ? filterZeros(eigenvalues) : { values: eigenvalues };
  const tail = new LogTail(values, zero);
  const arithmetic = roundingOf(eigenvalues, dimension);
  const step = Math.min(2 * rounding.norm, COARSEST_STEP * Math.sqrt(eigenvalues.at(-1)!));
  const least = Math.max(tail.first, upperBound(values, noise));
  return {
    ...{ tail, dropped: eigenvalues.length - values.length, ...(filter && { filter }) },
    ...{ dimension, zero, rounding, noise, least, ...candidates(tail, rule, least) },
    // Half of the tail at one value and half of it above is no power law, but a level and what lies beyond it.
    accepts: (index) => differ(values[index]!, values[(index + values.length) >> 1]!, arithmetic, step),
  };
}

function candidates(tail: LogTail, rule: FitRule, least: number): { from: number; to: number } {
  const { values, count } = tail;
  switch (rule) {
    case 'KS':
      return { from: least, to: count - 1 };
    case 'xmin_mid': {
      const middle = Math.floor(count / 2);
      return { from: middle, to: middle + 1 };
    }
    case 'xmin_peak': {
      if (tail.first >= count) return { from: count, to: count };
      const peak = histogramPeak(tail);
      const from = Math.max(least, lowerBound(values, Math.log10(PEAK_BELOW * peak)));
      return { from, to: Math.min(count - 1, upperBound(values, PEAK_ABOVE * peak)) };
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

/** The values above the zero filter of `alpha`, and which kind of filter that was. */
export function filterZeros(eigenvalues: Float64Array): { values: Float64Array; filter?: 'relative' } {
  const start = upperBound(eigenvalues, ZERO_FILTER);
  if (start <= MAX_FILTERED_SHARE * eigenvalues.length) return { values: eigenvalues.subarray(start) };
  const relative = upperBound(eigenvalues, ZERO_FILTER * eigenvalues.at(-1)!);
  return { values: eigenvalues.subarray(relative), filter: 'relative' };
}
