/** Numbers of a layer that was only looked at: the estimate behind a column, and how it is written. */
import type { Estimate, QuickLook } from '../../extension/shared/estimates';
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerResult } from '../../extension/shared/layers';
import type { MetricKey } from '../../extension/shared/metricTable';
import { formatMetric, formatNumber } from './format';
import type { Measure } from './measures';

/** In front of every number that is estimated. */
export const ESTIMATED = '≈';

const FARMS = 'farms_alpha';

/** The number of a column, if the look has one. Exact ones have no width. */
export function estimateOf(look: QuickLook, measure: Measure): Estimate | undefined {
  const { estimates, statistics } = look;
  if (measure.key === FARMS) return farmsEstimate(look);
  const found = estimates[measure.key as MetricKey];
  if (found) return found;
  // Statistics of the elements are known.
  const value = measure.value({ statistics, metrics: {}, ranks: {} } as unknown as LayerResult);
  return typeof value === 'number' ? { value, low: value, high: value } : undefined;
}

/** FARMS on some of the windows, if they tell how sure they are: alpha of small windows alone says nothing. */
export function farmsEstimate({ farms }: Pick<QuickLook, 'farms'>): Estimate | undefined {
  if (typeof farms?.alpha !== 'number' || !farms.interval) return undefined;
  const [low, high] = farms.interval;
  return { value: farms.alpha, low, high };
}

/** True for a number that the look knows exactly. */
export function isExact({ low, high }: Estimate): boolean {
  return low === high;
}

/** `≈ 812`, or the number alone where it is exact. */
export function estimateText(estimate: Estimate, { format }: Pick<Measure, 'format'>): string {
  const text = formatMetric(estimate.value, format);
  return isExact(estimate) ? text : `${ESTIMATED} ${text}`;
}

/** What it is, in a sentence: for the tooltip and the screen reader. */
export function estimateWords(look: QuickLook, measure: Measure, estimate: Estimate): string {
  const [value, low, high] = [estimate.value, estimate.low, estimate.high].map((each) => formatNumber(each, 4));
  if (isExact(estimate)) return l10n.t('{0} {1}: exact', measure.label, value!);
  const estimated = l10n.t('Estimated: {0} {1}, 95% interval {2} to {3}.', measure.label, value!, low!, high!);
  if (measure.key !== FARMS || !look.farms) return estimated;
  const { windows, num_row_samples: rows } = look.farms;
  return `${estimated} ${l10n.t('Of {0} windows of {1} rows or fewer.', windows, rows)}`;
}
