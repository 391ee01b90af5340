/**
 * Shape metrics: every number of the metric table that needs only the eigenvalues, or why it is missing. Definitions as
 * in the table (`metricTable.ts`), which also says whose they are.
 */
import { isConditionUncertain } from '../../linalg/gram/precisionPolicy';
import { l10n } from '../../shared/language/l10n';
import type { PowerLawFit } from '../../shared/layers';
import type { MetricKey } from '../../shared/metricTable';
import type { FittedBulk } from '../bulk/bulk';
import type { RandomisationMetrics } from '../bulk/randomisation';
import type { WwBulk } from '../bulk/wwBulk';
import { ALL_ZERO, missing, type Missing } from '../missing';
import type { MeasuredSpectrum, Spectrum } from './spectrum';

/** @returns undefined for a number that was not asked for */
type Metric = (spectrum: MeasuredSpectrum) => number | Missing | undefined;

/** WeightWatcher's `weak_rank_loss` counts λ below this. */
const WEAK_ZERO = 1e-6;

/** In the order in which results hold them. */
const METRICS: Readonly<Record<MetricKey, Metric>> = {
  alpha: ({ fits }) => fitted(fits.KS, 'alpha'),
  alpha_mid: ({ fits }) => fitted(fits.xmin_mid, 'alpha'),
  alpha_peak: ({ fits }) => fitted(fits.xmin_peak, 'alpha'),
  D: ({ fits }) => fitted(fits.KS, 'D'),
  xmin: ({ fits }) => fitted(fits.KS, 'xmin'),
  xmax: ({ fits }) => fitted(fits.KS, 'xmax'),
  num_pl_spikes: ({ fits }) => fitted(fits.KS, 'num_pl_spikes'),
  sigma: ({ fits }) => fitted(fits.KS, 'sigma'),
  spectral_norm: ({ largest }) => largest,
  log_spectral_norm: unlessZero(({ largest }) => Math.log10(largest)),
  norm: squaredNorm,
  log_norm: unlessZero((spectrum) => Math.log10(spectrum.largest) + Math.log10(stableRank(spectrum))),
  alpha_weighted: withAlpha(({ largest }, alpha) => alpha * Math.log10(largest)),
  log_alpha_norm: withAlpha(logPowerSum),
  stable_rank: unlessZero(stableRank),
  nuclear_norm: (spectrum) => spectrum.sum(Math.sqrt),
  log_lipschitz: unlessZero(({ largest }) => Math.log(largest) / 2),
  effective_rank: unlessZero(effectiveRank),
  entropy: unlessZero((spectrum) =>
    spectrum.rank > 1 ? vonNeumannEntropy(spectrum) / Math.log(spectrum.rank) : missing(l10n.english('the rank is 1')),
  ),
  von_neumann_entropy: unlessZero(vonNeumannEntropy),
  matrix_rank: ({ rank }) => rank,
  rank_loss: ({ eigenvalues, rank }) => eigenvalues.length - rank,
  weak_rank_loss: ({ eigenvalues }) => eigenvalues.reduce((count, value) => count + (value < WEAK_ZERO ? 1 : 0), 0),
  condition_number: unlessZero(conditionNumber),
  ww_pl_tail_mass: withAlpha(tailMass),
  sigma_mp: ofBulk('sigma_mp'),
  lambda_plus: ofBulk('lambda_plus'),
  num_spikes: ofBulk('num_spikes'),
  mp_softrank: ofBulk('mp_softrank'),
  ww_sigma_mp: ofWwBulk('sigma'),
  ww_num_spikes: ofWwBulk('num_spikes'),
  ww_mp_softrank: ofWwBulk('mp_softrank'),
  detX_num: ({ determinantTail }) => determinantTail,
  rand_distance: ofRandomisation('rand_distance'),
  max_rand_eval: ofRandomisation('max_rand_eval'),
  rand_edge_mean: ofRandomisation('rand_edge_mean'),
  rand_edge_sd: ofRandomisation('rand_edge_sd'),
  rand_num_spikes: ofRandomisation('rand_num_spikes'),
  num_above_rand: ofRandomisation('num_above_rand'),
};

export interface MeasuredMetrics {
  /** By their key in the metric table; null where a number is undefined for this spectrum. */
  metrics: Partial<Record<MetricKey, number | null>>;
  /** Why it is null, in words, by the same key. */
  missing: Partial<Record<MetricKey, string>>;
}

/** All metrics of a layer. Those of the randomisation test are left out where its entries were not shuffled. */
export function spectralMetrics(spectrum: MeasuredSpectrum): MeasuredMetrics {
  const measured: MeasuredMetrics = { metrics: {}, missing: {} };
  for (const key of Object.keys(METRICS) as MetricKey[]) {
    const value = METRICS[key](spectrum);
    if (value === undefined) continue;
    const known = typeof value === 'number' && Number.isFinite(value);
    measured.metrics[key] = known ? value : null;
    if (!known) measured.missing[key] = typeof value === 'number' ? OUT_OF_RANGE : value.missing;
  }
  return measured;
}

const OUT_OF_RANGE = l10n.english('a step of its computation leaves the range of float64');

function unlessZero(metric: (spectrum: MeasuredSpectrum) => number | Missing): Metric {
  return (spectrum) => (spectrum.isZero ? ALL_ZERO : metric(spectrum));
}

type FittedNumber = 'alpha' | 'D' | 'xmin' | 'xmax' | 'num_pl_spikes' | 'sigma';

function fitted(fit: PowerLawFit | undefined, key: FittedNumber): number | Missing {
  return fit?.[key] ?? missing(whyNotFitted(fit));
}

function whyNotFitted(fit: PowerLawFit | undefined): string {
  return fit ? (fit.reason ?? l10n.english('the fit failed')) : l10n.english('it was not fitted');
}

/** What needs the fit of alpha. */
function withAlpha(metric: (spectrum: MeasuredSpectrum, alpha: number, xmin: number) => number): Metric {
  return (spectrum) => {
    const { alpha, xmin } = spectrum.fits.KS ?? {};
    if (alpha === undefined || alpha === null || xmin === undefined || xmin === null) {
      return missing(l10n.english('there is no alpha: {0}', whyNotFitted(spectrum.fits.KS)));
    }
    return spectrum.isZero ? ALL_ZERO : metric(spectrum, alpha, xmin);
  };
}

function ofBulk(key: Exclude<keyof FittedBulk, 'status'>): Metric {
  return ({ bulk }) => (bulk.status === 'failed' ? missing(bulk.reason) : bulk[key]);
}

function ofWwBulk(key: keyof WwBulk): Metric {
  return ({ wwBulk }) => ('missing' in wwBulk ? wwBulk : wwBulk[key]);
}

function ofRandomisation(key: keyof RandomisationMetrics): Metric {
  return ({ randomisation }) => randomisation?.[key];
}

/** λ may lie so near the largest double that their sum lies beyond it. */
function squaredNorm(spectrum: MeasuredSpectrum): number | Missing {
  if (spectrum.isZero) return 0;
  const norm = stableRank(spectrum) * spectrum.largest;
  return Number.isFinite(norm) ? norm : missing(l10n.english('it is beyond the largest float64'));
}

/** Σλ/λ₁. */
export function stableRank(spectrum: Spectrum): number {
  return spectrum.sum((value) => value / spectrum.largest);
}

/** exp(−Σ q ln q) of q = σ/Σσ. */
export function effectiveRank(spectrum: Spectrum): number {
  return Math.exp(spectrum.shannon(Math.sqrt));
}

function vonNeumannEntropy(spectrum: Spectrum): number {
  return spectrum.shannon((value) => value);
}

function conditionNumber({ eigenvalues, largest, zero, M, resolved }: MeasuredSpectrum): number | Missing {
  const smallest = eigenvalues[0]!;
  if (!(smallest > zero)) return missing(l10n.english('the smallest singular value is a numerical zero'));
  const ratio = Math.sqrt(largest / smallest);
  if (resolved || !isConditionUncertain(eigenvalues, M)) return ratio;
  return missing(
    l10n.english(
      'it is about {0}, and a float64 Gram matrix does not tell such a ratio to 0.1 %',
      ratio.toPrecision(1),
    ),
  );
}

/** log₁₀ Σ λ^α, with λ₁ taken out so that large α does not overflow. */
function logPowerSum(spectrum: MeasuredSpectrum, alpha: number): number {
  const { largest } = spectrum;
  return alpha * Math.log10(largest) + Math.log10(spectrum.sum((value) => (value / largest) ** alpha));
}

function tailMass(spectrum: MeasuredSpectrum, _alpha: number, xmin: number): number {
  const { largest } = spectrum;
  return spectrum.sum((value) => (value >= xmin ? value / largest : 0)) / stableRank(spectrum);
}
