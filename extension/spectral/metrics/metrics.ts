/**
 * Shape metrics: every number of the metric table that needs only the eigenvalues. Definitions as in the table
 * (`metricTable.ts`), which also says whose they are.
 */
import { numericalZero } from '../../shared/numericalZero';
import { isConditionUncertain } from '../../linalg/gram/precisionPolicy';
import type { FitRule, PowerLawFit, StoredRounding } from '../../shared/layers';
import { determinantTail, fitBulk } from '../bulk/bulk';
import { randomisationMetrics } from '../bulk/randomisation';
import { wwBulk } from '../bulk/wwBulk';

/** WeightWatcher's `weak_rank_loss` counts λ below this. */
const WEAK_ZERO = 1e-6;

export interface SpectralInput {
  /** λ = σ² ascending, pooled over the matrices, with `conv_norm`. */
  eigenvalues: Float64Array;
  /** N ≥ M of each matrix. */
  N: number;
  M: number;
  /** Matrices pooled. */
  count: number;
  fits: Partial<Record<FitRule, PowerLawFit>>;
  /** λ of the matrices with their entries shuffled, as `eigenvalues`, once for each shuffle of the randomisation test. */
  randomised?: readonly Float64Array[];
  /** Small eigenvalues are exact; else they are a float64 Gram matrix's. */
  resolved?: boolean;
  /** By how much the stored type rounded each matrix. */
  rounding?: StoredRounding;
}

/** Keys are those of the metric table; null where a number is undefined for this spectrum (`missingMetrics` says why). */
export function spectralMetrics(input: SpectralInput): Record<string, number | null> {
  const { eigenvalues, fits, randomised, N, M, rounding } = input;
  if (eigenvalues.some((value) => !Number.isFinite(value))) throw new RangeError('the spectrum is not finite');
  const largest = eigenvalues.at(-1) ?? 0;
  const fit = fits.KS;
  const alpha = fit?.alpha ?? null;
  return {
    alpha,
    alpha_mid: fits.xmin_mid?.alpha ?? null,
    alpha_peak: fits.xmin_peak?.alpha ?? null,
    D: fit?.D ?? null,
    xmin: fit?.xmin ?? null,
    xmax: fit?.xmax ?? null,
    num_pl_spikes: fit?.num_pl_spikes ?? null,
    sigma: fit?.sigma ?? null,
    ...norms(eigenvalues, largest, alpha),
    ...rankMetrics(input, largest),
    ww_pl_tail_mass: tailMass(eigenvalues, fit?.xmin ?? null),
    ...bulkMetrics(input),
    detX_num: largest > 0 ? (determinantTail(eigenvalues, M, rounding) ?? null) : null,
    ...(randomised && randomisationMetrics(eigenvalues, randomised, N, M)),
  };
}

function norms(eigenvalues: Float64Array, largest: number, alpha: number | null): Record<string, number | null> {
  const positive = largest > 0;
  const stableRank = positive ? sum(eigenvalues, (value) => value / largest) : 0;
  // λ may lie so near the largest double that their sum lies beyond it.
  const norm = stableRank * largest;
  return {
    spectral_norm: largest,
    log_spectral_norm: positive ? Math.log10(largest) : null,
    norm: Number.isFinite(norm) ? norm : null,
    log_norm: positive ? Math.log10(largest) + Math.log10(stableRank) : null,
    alpha_weighted: positive && alpha !== null ? alpha * Math.log10(largest) : null,
    log_alpha_norm: positive && alpha !== null ? logPowerSum(eigenvalues, largest, alpha) : null,
    stable_rank: positive ? stableRank : null,
    nuclear_norm: sum(eigenvalues, Math.sqrt),
    log_lipschitz: positive ? Math.log(largest) / 2 : null,
  };
}

function rankMetrics(input: SpectralInput, largest: number): Record<string, number | null> {
  const { eigenvalues, M, resolved = false } = input;
  const isExact = resolved || !isConditionUncertain(eigenvalues, M);
  const zero = numericalZero(eigenvalues, M);
  const positive = largest > 0;
  const rank = positive ? eigenvalues.reduce((count, value) => count + (value > zero ? 1 : 0), 0) : 0;
  const smallest = eigenvalues[0] ?? 0;
  const spread = positive ? shannon(eigenvalues, (value) => value) : null;
  return {
    effective_rank: positive ? Math.exp(shannon(eigenvalues, Math.sqrt)) : null,
    entropy: spread !== null && rank > 1 ? spread / Math.log(rank) : null,
    von_neumann_entropy: spread,
    matrix_rank: rank,
    rank_loss: eigenvalues.length - rank,
    weak_rank_loss: eigenvalues.reduce((count, value) => count + (value < WEAK_ZERO ? 1 : 0), 0),
    condition_number: positive && smallest > zero && isExact ? Math.sqrt(largest / smallest) : null,
  };
}

function bulkMetrics({ eigenvalues, N, M, rounding }: SpectralInput): Record<string, number | null> {
  const { sigma_mp, lambda_plus, num_spikes, mp_softrank } = fitBulk(eigenvalues, N, M, rounding);
  const ww = wwBulk(eigenvalues, N, M);
  return {
    ...{ sigma_mp, lambda_plus, num_spikes, mp_softrank },
    ww_sigma_mp: ww?.sigma ?? null,
    ww_num_spikes: ww?.num_spikes ?? null,
    ww_mp_softrank: ww?.mp_softrank ?? null,
  };
}

/** −Σ p ln p of p = f(λ)/Σ f(λ). @param weight f, a power of λ: its unit does not matter */
export function shannon(eigenvalues: Float64Array, weight: (value: number) => number): number {
  const largest = eigenvalues.at(-1) ?? 0;
  if (!(largest > 0)) return 0;
  const total = sum(eigenvalues, (value) => weight(value / largest));
  return -sum(eigenvalues, (value) => {
    const share = weight(value / largest) / total;
    return share > 0 ? share * Math.log(share) : 0;
  });
}

/** log₁₀ Σ λ^α, with λ₁ taken out so that large α does not overflow. */
function logPowerSum(eigenvalues: Float64Array, largest: number, alpha: number): number {
  return alpha * Math.log10(largest) + Math.log10(sum(eigenvalues, (value) => (value / largest) ** alpha));
}

function tailMass(eigenvalues: Float64Array, xmin: number | null): number | null {
  if (xmin === null) return null;
  const largest = eigenvalues.at(-1)!;
  const total = sum(eigenvalues, (value) => value / largest);
  return sum(eigenvalues, (value) => (value >= xmin ? value / largest : 0)) / total;
}

/** Smallest first, and rounding noise below zero taken for the zero it stands for. */
function sum(eigenvalues: Float64Array, term: (value: number) => number): number {
  let total = 0;
  for (const value of eigenvalues) total += term(Math.max(0, value));
  return total;
}
