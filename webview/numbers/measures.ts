/** The measured numbers that a column can show: the metric table, FARMS, ranks and statistics of the elements. */
import { l10n } from '../../extension/shared/language/l10n';
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
  description: l10n.t(
    'alpha of the pooled spectra of windows of one aspect ratio: compares layers of different shape (FARMS)',
  ),
  format: { kind: 'number', digits: 2 },
  group: 'Power-law fit',
  averaged: true,
  value: ({ farms }) => farms?.alpha,
  title: ({ farms }) =>
    farms?.interval &&
    l10n.t('95% interval {0} to {1}', formatNumber(farms.interval[0], 3), formatNumber(farms.interval[1], 3)),
  missing: farmsMissing,
};

/** Why there is no FARMS alpha, in words. */
export function farmsMissing({ farms, missing }: LayerResult): string {
  if (!farms) return missing?.farms_alpha ?? l10n.t('FARMS is turned off in the settings');
  return farms.reason ?? l10n.t('no valid tail');
}

function rankMeasures(): Measure[] {
  return rankRules.map(({ key, label, description }) => ({
    key: `rank_${key}`,
    label: l10n.t('rank {0}', label),
    description: l10n.t('Rank suggestion: {0}', description),
    format: { kind: 'integer', digits: 0 },
    width: RANK_WIDTH,
    group: 'Rank suggestions',
    averaged: true,
    value: ({ ranks }) => ranks[key]?.rank,
    title: ({ ranks }) => {
      const found = ranks[key];
      return (
        found && l10n.t('error {0}, {1} of the parameters', formatPercent(found.error), formatPercent(found.ratio))
      );
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
    moment('min', 'min', l10n.t('Smallest finite element')),
    moment('max', 'max', l10n.t('Largest finite element')),
    moment('mean', 'mean', l10n.t('Mean of the finite elements')),
    moment('std', 'std', l10n.t('Standard deviation of the finite elements')),
    moment('l2', '‖x‖₂', l10n.t('Square root of the sum of the squared elements')),
    count('zeros', 'zeros', l10n.t('Elements that are zero')),
    count('nan', 'NaN', l10n.t('Elements that are not a number')),
    count('inf', 'Inf', l10n.t('Elements that are infinite')),
  ];
}

function shareOf(statistics: TensorStatistics, key: 'zeros' | 'nan' | 'inf'): string | undefined {
  return statistics.count > 0
    ? l10n.t('{0} of the elements', formatPercent(statistics[key] / statistics.count))
    : undefined;
}
