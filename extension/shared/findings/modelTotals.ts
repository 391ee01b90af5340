/**
 * Means of a model's numbers over its layers: the summary of WeightWatcher's `get_summary`. `alpha_weighted`, the mean of
 * α·log₁₀ λ₁, is the alpha-hat of Martin, Peng & Mahoney 2021.
 *
 * @see https://github.com/CalculatedContent/WeightWatcher `WeightWatcher.get_summary`
 */
import type { LayerResult } from '../layers';
import { LEAST_FITTED, type MetricKey } from '../metricTable';

/** Metrics that WeightWatcher's summary means, in its spelling. */
export const SUMMARY_METRICS = [
  'alpha',
  'alpha_weighted',
  'log_norm',
  'log_spectral_norm',
  'log_alpha_norm',
  'stable_rank',
] as const satisfies readonly MetricKey[];

export type SummaryKey = (typeof SUMMARY_METRICS)[number] | 'farms_alpha';

export interface ModelTotals {
  /** Layers with enough eigenvalues for a fit, which are those that WeightWatcher looks at. */
  layers: number;
  /** null where no layer has the number. */
  means: Record<SummaryKey, number | null>;
}

export type CountedLayer = Pick<LayerResult, 'matrices' | 'M' | 'metrics' | 'farms' | 'tiedWith'>;

/** @param results of weights of the model; layers tied to another one count once */
export function modelTotals(results: Iterable<CountedLayer>): ModelTotals {
  const sums = new Map<SummaryKey, { sum: number; count: number }>();
  const add = (key: SummaryKey, value: number | null | undefined): void => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return;
    const { sum, count } = sums.get(key) ?? { sum: 0, count: 0 };
    sums.set(key, { sum: sum + value, count: count + 1 });
  };
  let layers = 0;
  for (const { matrices, M, metrics, farms, tiedWith } of results) {
    if (tiedWith !== undefined || matrices * (M ?? 0) < LEAST_FITTED) continue;
    layers++;
    for (const key of SUMMARY_METRICS) add(key, metrics[key]);
    add('farms_alpha', farms?.alpha);
  }
  const mean = (key: SummaryKey): number | null => {
    const found = sums.get(key);
    return found ? found.sum / found.count : null;
  };
  const keys: readonly SummaryKey[] = [...SUMMARY_METRICS, 'farms_alpha'];
  return { layers, means: Object.fromEntries(keys.map((key) => [key, mean(key)])) as ModelTotals['means'] };
}
