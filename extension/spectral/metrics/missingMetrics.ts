/** Why numbers of a layer are missing, in words, by their key in the metric table. */
import { numericalZero } from '../../shared/numericalZero';
import type { StoredRounding } from '../../shared/layers';
import { determinantTail, fitBulk } from '../bulk/bulk';
import { hardThresholdRank } from '../ranks/hardThreshold';
import type { SpectralInput } from './metrics';
import { noSpread } from '../tail/powerLaw';
import { NOT_ROUNDED } from '../storedRounding';

const NOT_FITTED = 'it was not fitted';

/** @param metrics of `spectralMetrics` for the same input */
export function missingMetrics(
  input: SpectralInput,
  metrics: Readonly<Record<string, number | null>>,
): Record<string, string> {
  const missing = Object.entries(metrics).filter(([, value]) => value === null);
  return Object.fromEntries(missing.map(([key]) => [key, reason(input, key)]));
}

/**
 * Rules that do not apply to a matrix, by `rank_` and their name.
 *
 * @param eigenvalues λ ascending of the matrix that ranks are about
 */
export function missingRanks(
  eigenvalues: Float64Array,
  rows: number,
  cols: number,
  rounding: StoredRounding = NOT_ROUNDED,
): Record<string, string> {
  if (!((eigenvalues.at(-1) ?? 0) > 0)) return {};
  const [N, M] = [Math.max(rows, cols), Math.min(rows, cols)];
  const noBulk = fitBulk(eigenvalues, N, M, rounding).reason;
  return {
    ...(noBulk !== undefined && { rank_mp_spikes: noBulk }),
    ...(determinantTail(eigenvalues, M, rounding) === undefined && { rank_erg: noSpread(rounding) }),
    ...(hardThresholdRank(eigenvalues, N / M) === undefined && {
      rank_hard_threshold: 'the median singular value, which tells the noise, is a numerical zero',
    }),
  };
}

function reason({ eigenvalues, N, M, fits, randomised, rounding }: SpectralInput, key: string): string {
  const noFit = fits.KS?.reason ?? NOT_FITTED;
  switch (key) {
    case 'alpha':
    case 'D':
    case 'xmin':
    case 'xmax':
    case 'num_pl_spikes':
    case 'sigma':
      return noFit;
    case 'alpha_mid':
      return fits.xmin_mid?.reason ?? NOT_FITTED;
    case 'alpha_peak':
      return fits.xmin_peak?.reason ?? NOT_FITTED;
    case 'alpha_weighted':
    case 'log_alpha_norm':
    case 'ww_pl_tail_mass':
      return `there is no alpha: ${noFit}`;
    case 'sigma_mp':
    case 'lambda_plus':
    case 'num_spikes':
    case 'mp_softrank':
      return fitBulk(eigenvalues, N, M, rounding).reason ?? NOT_FITTED;
    case 'rand_num_spikes':
      return randomised?.map((values) => fitBulk(values, N, M).reason).find((why) => why !== undefined) ?? NOT_FITTED;
  }
  if (!((eigenvalues.at(-1) ?? 0) > 0)) return 'all eigenvalues are zero';
  if (key === 'detX_num') return noSpread(rounding ?? NOT_ROUNDED);
  if (key === 'entropy') return 'the rank is 1';
  if (key.startsWith('ww_')) return 'WeightWatcher’s fit finds no density';
  if (key === 'norm') return 'it is beyond the largest float64';
  const [smallest, largest] = [eigenvalues[0]!, eigenvalues.at(-1)!];
  if (smallest <= numericalZero(eigenvalues, M)) return 'the smallest singular value is a numerical zero';
  const about = Math.sqrt(largest / smallest).toPrecision(1);
  return `it is about ${about}, and a float64 Gram matrix does not tell such a ratio to 0.1 %`;
}
