/**
 * Tests whether a power law is plausible at all: synthetic spectra that follow it from xmin on, and the measured
 * spectrum below, are fitted as the measured one was, with an xmin of their own. p is the share of them that lie as far
 * from their fit.
 *
 * @see Clauset, Shalizi & Newman 2009, §4.1 (semi-parametric bootstrap); they refuse the power law at p ≤ 0.1
 */
import { l10n } from '../../shared/language/l10n';
import type { GoodnessOfFit, StoredRounding } from '../../shared/layers';
import { hasSmallerDistance } from './kolmogorovSmirnov';
import { LogTail } from './logTail';
import { lowerBound, upperBound } from './bounds';
import { fitPowerLaw, fittedValues } from './powerLaw';
import { mulberry32 } from '../seededRandom';
import { NOT_ROUNDED } from '../storedRounding';

/** So many synthetic spectra give p to 0.016 … */
const REPLICATES = 1000;
/** … and no more than this many values in all: some seconds' work, or as many as the next limit asks for. */
const MAX_VALUES = 1e8;
/** p to 0.05. */
const MIN_REPLICATES = 100;

interface GoodnessOptions {
  /** As the fit of alpha was given it. */
  rounding?: StoredRounding;
  seed: number;
  /** Polled between synthetic spectra. */
  cancelled: () => boolean;
  onProgress: (fraction: number) => void;
}

/**
 * @param eigenvalues λ ascending
 * @param dimension smaller side of each matrix, as the fit of alpha was given it
 * @throws DOMException `AbortError` where it was cancelled
 */
export function goodnessOfFit(
  eigenvalues: Float64Array,
  dimension: number,
  { seed, cancelled, onProgress, rounding = NOT_ROUNDED }: GoodnessOptions,
): GoodnessOfFit {
  const fit = fitPowerLaw(eigenvalues, 'KS', { zeroFilter: true, dimension, rounding });
  if (fit.status === 'failed') {
    const reason = l10n.english('no power law was fitted: {0}', fit.reason ?? 'unknown');
    return { status: 'failed', reason, p: null, standard_error: null, replicates: null, seed };
  }
  const values = fittedValues(eigenvalues, dimension);
  const source = new SyntheticSpectra(values, fit.xmin!, fit.alpha!, mulberry32(seed));
  const replicates = Math.max(MIN_REPLICATES, Math.min(REPLICATES, Math.floor(MAX_VALUES / values.length)));
  let asFar = 0;
  for (let replicate = 0; replicate < replicates; replicate++) {
    if (cancelled()) throw new DOMException('the test was cancelled', 'AbortError');
    const tail = new LogTail(source.next(), 0);
    const from = upperBound(tail.values, rounding.norm ** 2);
    if (!hasSmallerDistance(tail, from, tail.count - 1, fit.D!)) asFar++;
    onProgress((replicate + 1) / replicates);
  }
  const p = asFar / replicates;
  return { status: 'success', p, standard_error: Math.sqrt((p * (1 - p)) / replicates), replicates, seed };
}

/** Spectra of as many values, each from the power law with the tail's share, else from the values below xmin. */
class SyntheticSpectra {
  private readonly bodyCount: number;
  private readonly times: Uint32Array;

  constructor(
    private readonly values: Float64Array,
    private readonly xmin: number,
    private readonly alpha: number,
    private readonly random: () => number,
  ) {
    this.bodyCount = lowerBound(values, xmin);
    this.times = new Uint32Array(this.bodyCount);
  }

  /** Ascending, without sorting: the body by how often each value is drawn, the tail by its spacings. */
  next(): Float64Array {
    const { values, xmin, alpha, random, bodyCount, times } = this;
    const result = new Float64Array(values.length);
    times.fill(0);
    let tailCount = 0;
    for (let draw = 0; draw < values.length; draw++) {
      const index = Math.floor(random() * values.length);
      if (index < bodyCount) times[index]!++;
      else tailCount++;
    }
    let at = 0;
    for (let index = 0; index < bodyCount; index++)
      for (let time = times[index]!; time > 0; time--) result[at++] = values[index]!;
    // ln(λ/xmin) is exponential of rate α − 1; the k-th smallest of n lies beyond the last by one of rate (α − 1)(n − k + 1).
    let y = 0;
    for (let left = tailCount; left > 0; left--) {
      y -= Math.log1p(-random()) / ((alpha - 1) * left);
      result[at++] = xmin * Math.exp(y);
    }
    return result;
  }
}
