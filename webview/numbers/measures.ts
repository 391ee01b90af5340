/** The measured numbers that a column can show: the metric table, FARMS, ranks and statistics of the elements. */
import type { LayerResult, TensorStatistics } from '../../extension/shared/layers';
import { metricTable, type MetricRow } from '../../extension/shared/metricTable';
import { METRIC_GROUPS, type ColumnGroup } from './columnGroups';
import { formatNumber, formatPercent } from './format';
import { rankRules } from '../../extension/shared/ranks/rankRules';

/** One measured number: how it is read from a layer's result, how it is shown and explained. */
export interface Measure {
  key: string;
  label: string;
  description: string;
  /** How the number is shown. */
  format: Pick<MetricRow, 'kind' | 'digits'>;
  width?: number;
  /** Under which the chooser of columns lists it. */
  group: ColumnGroup;
  /** False where the mean over a module's layers says nothing: its row stays empty. */
  averaged: boolean;
  value(result: LayerResult): number | null | undefined;
  title?(result: LayerResult): string | undefined;
  /** Why there is no number. */
  missing?(result: LayerResult): string | undefined;
}

/** Labels longer than this need a wider column. */
const LONG_LABEL = 9;
const LONG_LABEL_WIDTH = 104;
const RANK_WIDTH = 96;
const COUNT_WIDTH = 88;

export function measures(): Measure[] {
  const metrics = metricTable.map(({ key, label, description, source, kind, digits }): Measure => ({
    key,
    label,
    description: source ? `${description} (${source})` : description,
    format: { kind, digits },
    ...(label.length > LONG_LABEL && { width: LONG_LABEL_WIDTH }),
    group: METRIC_GROUPS[key],
    averaged: true,
    value: ({ metrics: values }) => values[key],
    missing: ({ missing }) => missing?.[key],
  }));
  const alpha = metrics.findIndex(({ key }) => key === 'alpha');
  metrics.splice(alpha + 1, 0, farmsAlpha);
  return [...metrics, ...rankMeasures(), ...statisticMeasures()];
}

const farmsAlpha: Measure = {
  key: 'farms_alpha',
  label: 'FARMS α',
  description: 'alpha of the pooled spectra of windows of one aspect ratio: compares layers of different shape (FARMS)',
  format: { kind: 'number', digits: 2 },
  group: 'Power-law fit',
  averaged: true,
  value: ({ farms }) => farms?.alpha,
  title: ({ farms }) =>
    farms?.interval && `95% interval ${farms.interval.map((end) => formatNumber(end, 3)).join(' to ')}`,
  missing: farmsMissing,
};

/** Why there is no FARMS alpha, in words. */
export function farmsMissing({ farms, missing }: LayerResult): string {
  if (!farms) return missing?.farms_alpha ?? 'FARMS is turned off in the settings';
  return farms.reason ?? 'no valid tail';
}

function rankMeasures(): Measure[] {
  return rankRules.map(({ key, label, description }) => ({
    key: `rank_${key}`,
    label: `rank ${label}`,
    description: `Rank suggestion: ${description}`,
    format: { kind: 'integer', digits: 0 },
    width: RANK_WIDTH,
    group: 'Rank suggestions',
    averaged: true,
    value: ({ ranks }) => ranks[key]?.rank,
    title: ({ ranks }) => {
      const found = ranks[key];
      return found && `error ${formatPercent(found.error)}, ${formatPercent(found.ratio)} of the parameters`;
    },
    missing: ({ missing }) => missing?.[`rank_${key}`],
  }));
}

/** Known of every tensor, with a spectrum or without. */
function statisticMeasures(): Measure[] {
  const moment = (key: 'min' | 'max' | 'mean' | 'std' | 'l2', label: string, description: string): Measure => ({
    ...{ key, label, description, format: { kind: 'scale', digits: 4 }, group: 'Elements', averaged: false },
    value: ({ statistics }) => statistics?.[key],
  });
  const count = (key: 'zeros' | 'nan' | 'inf', label: string, description: string): Measure => ({
    ...{
      key,
      label,
      description,
      format: { kind: 'integer', digits: 0 },
      width: COUNT_WIDTH,
      group: 'Elements',
      averaged: false,
    },
    value: ({ statistics }) => statistics?.[key],
    title: ({ statistics }) => (statistics ? shareOf(statistics, key) : undefined),
  });
  return [
    moment('min', 'min', 'Smallest finite element'),
    moment('max', 'max', 'Largest finite element'),
    moment('mean', 'mean', 'Mean of the finite elements'),
    moment('std', 'std', 'Standard deviation of the finite elements'),
    moment('l2', '‖x‖₂', 'Square root of the sum of the squared elements'),
    count('zeros', 'zeros', 'Elements that are zero'),
    count('nan', 'NaN', 'Elements that are not a number'),
    count('inf', 'Inf', 'Elements that are infinite'),
  ];
}

function shareOf(statistics: TensorStatistics, key: 'zeros' | 'nan' | 'inf'): string | undefined {
  return statistics.count > 0 ? `${formatPercent(statistics[key] / statistics.count)} of the elements` : undefined;
}
