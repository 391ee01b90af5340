/**
 * Decides which law the tail of a spectrum follows: the power law of `alpha` against its alternatives on the same λ ≥
 * xmin, by the normalised log-likelihood ratio.
 *
 * @see Vuong 1989; Clauset, Shalizi & Newman 2009, §5; the `powerlaw` package's `distribution_compare`
 */
import { l10n } from '../../shared/language/l10n';
import type { AlternativeLaw, PowerLawFit, TailComparison, TailShape } from '../../shared/layers';
import { erfc } from './errorFunction';
import { lowerBound } from './bounds';
import {
  exponential,
  lognormal,
  powerLaw,
  stretchedExponential,
  TailSample,
  truncatedPowerLaw,
  type FittedLaw,
  type LawFit,
} from './tailLaws';

/** A ratio counts where chance gives as large a one at most this often … */
const SIGNIFICANT = 0.05;

/**
 * … and where Akaike's criteria, twice the merits below, differ by 2. On a narrow tail the laws are all but the same, their
 * ratio has next to no variance, and its sign would be significant though one law is not 1 % likelier than the other.
 */
const MERIT_GAP = 1;

/** The power law's own merit: its one parameter. */
const POWER_LAW_MERIT = -1;

const ALTERNATIVES: Record<AlternativeLaw, { fit: (sample: TailSample) => LawFit; parameters: number }> = {
  truncated_power_law: { fit: truncatedPowerLaw, parameters: 2 },
  exponential: { fit: exponential, parameters: 1 },
  stretched_exponential: { fit: stretchedExponential, parameters: 2 },
  lognormal: { fit: lognormal, parameters: 2 },
};

interface Compared extends TailComparison {
  /** Akaike's: its logarithm of the likelihood less the power law's, less its number of parameters. */
  merit: number;
}

/**
 * The law is one that beats the power law, with p ≤ 0.05 and by 2 in Akaike's criterion, and of several such the best by
 * that criterion (the exponential unless it is worse by 2). It is the power law where none does and the exponential loses
 * against it likewise; else it is `undecided`.
 *
 * @param eigenvalues λ ascending
 * @param fit of `alpha`
 */
export function tailShape(eigenvalues: Float64Array, fit: PowerLawFit): TailShape {
  if (fit.xmin === null)
    return { status: 'failed', reason: l10n.english('no power law was fitted: {0}', fit.reason ?? 'unknown') };
  const values = eigenvalues.subarray(lowerBound(eigenvalues, fit.xmin));
  const sample = new TailSample(values, fit.xmin);
  const base = powerLaw(sample);
  const compared = Object.entries(ALTERNATIVES).map(([law, { fit: fitLaw, parameters }]) =>
    compare(law as AlternativeLaw, sample, base, fitLaw, parameters),
  );
  const comparisons = compared.map(({ merit: _, ...comparison }) => comparison);
  return { status: 'success', law: winner(compared), n: values.length, comparisons };
}

function compare(
  law: AlternativeLaw,
  sample: TailSample,
  base: FittedLaw,
  fitLaw: (sample: TailSample) => LawFit,
  parameters: number,
): Compared {
  let fit: LawFit;
  try {
    fit = fitLaw(sample);
  } catch (error) {
    if (error instanceof RangeError) return failed(law, error.message);
    throw error;
  }
  if (fit === 'limit') {
    const reason = l10n.english('the best law of this kind is the power law itself');
    return { law, status: 'limit', reason, R: 0, p: 1, parameters: null, merit: -parameters };
  }
  const { sum, variance } = logRatio(sample.y, base, fit);
  if (!Number.isFinite(sum) || !Number.isFinite(variance))
    return failed(law, l10n.english('its likelihood is out of range'));
  const n = sample.y.length;
  const R = variance > 0 ? sum / Math.sqrt(n * variance) : 0;
  // A law that holds the power law within it can only be more likely: twice the ratio is then χ² with one freedom.
  const p = law === 'truncated_power_law' ? erfc(Math.sqrt(Math.abs(sum))) : erfc(Math.abs(R) / Math.SQRT2);
  return { law, status: 'success', R, p, parameters: fit.parameters, merit: -sum - parameters };
}

/** Σ (ln p_power-law − ln p_other), and the variance of its terms. */
function logRatio(y: Float64Array, base: FittedLaw, other: FittedLaw): { sum: number; variance: number } {
  const terms = y.map((at) => base.logDensity(at) - other.logDensity(at));
  const sum = terms.reduce((total, term) => total + term, 0);
  const mean = sum / y.length;
  return { sum, variance: terms.reduce((total, term) => total + (term - mean) ** 2, 0) / y.length };
}

function winner(compared: readonly Compared[]): TailShape['law'] {
  const significant = compared.filter(({ p }) => p !== null && p <= SIGNIFICANT);
  const better = significant.filter(({ merit }) => merit >= POWER_LAW_MERIT + MERIT_GAP);
  if (better.length > 0) {
    const best = better.reduce((most, next) => (next.merit > most.merit ? next : most));
    // A law that holds a simpler one within it must earn its further parameter, as the laws must earn theirs above.
    const simpler = better.find(({ law, merit }) => law === 'exponential' && merit > best.merit - MERIT_GAP);
    return (simpler ?? best).law;
  }
  const worse = significant.filter(({ merit }) => merit <= POWER_LAW_MERIT - MERIT_GAP);
  return worse.some(({ law }) => law === 'exponential') ? 'power_law' : 'undecided';
}

function failed(law: AlternativeLaw, reason: string): Compared {
  return { law, status: 'failed', reason, R: null, p: null, parameters: null, merit: -Infinity };
}
