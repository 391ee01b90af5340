/**
 * Records of a quick look: numbers of a layer that are estimated, each with the interval in which it lies. They stand apart
 * from results, so that nothing takes one for the other.
 */
import type { FarmsResult, TensorStatistics } from './layers';
import type { MetricKey } from './metricTable';

/** A number that is not known exactly. */
export interface Estimate {
  value: number;
  /** 95 % interval. */
  low: number;
  high: number;
}

/** What is known of a layer before its spectrum is computed. */
export interface QuickLook {
  layer: string;
  tensor: string;
  /** Why there is nothing to estimate: NaN, or zeros alone. */
  reason?: string;
  /** Numbers of the metric table. `norm` and `log_norm` are exact: their interval is the number. */
  estimates: Partial<Record<MetricKey, Estimate>>;
  /** The largest first, as many as could be told apart. */
  singularValues: Estimate[];
  /** FARMS on windows of at most 512 rows, some of them; null where FARMS is off. */
  farms: FarmsResult | null;
  /** Exact. */
  statistics: TensorStatistics;
  /** Seed of the random vectors, how many there are, and how often the matrix was applied to them. */
  seed: number;
  vectors: number;
  steps: number;
  /** Milliseconds of computing. */
  elapsed: number;
}

/** Layers whose spectra take long are only looked at quickly, or computed after that. */
export type InspectDepth = 'quick' | 'exact';

/** Seconds until each pass is over, as far as they can be told; of exact spectra also while these wait to be asked for. */
export interface PassSeconds {
  quick?: number;
  exact?: number;
}
