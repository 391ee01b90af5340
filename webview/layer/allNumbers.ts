/** Every number of a layer in tables, with its definition and whose it is. */
import { verdictName } from '../../extension/shared/verdict';
import { l10n } from '../../extension/shared/language/l10n';
import { layerVerdict, type Named } from '../../extension/shared/layerFindings';
import { lawName } from '../../extension/shared/lawNames';
import type { LayerResult, PowerLawFit, TailShape, TensorStatistics } from '../../extension/shared/layers';
import { metricTable } from '../../extension/shared/metricTable';
import { element, tableHead, type Child } from '../controls/elements';
import { formatCount, formatMetric, formatNumber, formatPercent } from '../numbers/format';
import { rankRules } from '../../extension/shared/ranks/rankRules';

/** @param tensor that the layer lies in */
export function allNumbers(layer: LayerResult, tensor: Named): HTMLElement {
  const metrics = metricTable.filter(({ key }) => layer.metrics[key] !== undefined);
  const sections: Child[] = [];
  if (metrics.length > 0) {
    sections.push(
      table(
        l10n.t('Metrics'),
        [l10n.t('Metric'), l10n.t('Value'), l10n.t('Definition')],
        metrics.map((row) => {
          const value = layer.metrics[row.key];
          const missing = layer.missing?.[row.key];
          const text =
            value !== null && value !== undefined
              ? formatMetric(value, row)
              : missing
                ? `– (${l10n.known(missing)})`
                : '–';
          const source = row.source ? ` (${row.source})` : '';
          return [row.key, text, `${row.description}${source}`];
        }),
      ),
    );
  }
  const judged = layerVerdict(layer, tensor);
  if (judged) {
    const checks = judged.verdict_evidence.map(({ check, holds, words }) => [
      check,
      holds ? l10n.t('holds') : l10n.t('lacking'),
      words,
    ]);
    sections.push(
      table(
        l10n.t('Verdict on alpha: {0}', verdictName(judged.verdict)),
        [l10n.t('Check'), l10n.t('Outcome'), l10n.t('Found')],
        checks,
      ),
    );
  }
  const fits = Object.values(layer.fits).map((fit) => fitRow(fit.rule, fit));
  if (layer.farms) fits.push(fitRow(l10n.t('FARMS, {0}', layer.farms.rule), layer.farms));
  if (fits.length > 0) {
    sections.push(
      table(
        l10n.t('Power-law fits'),
        [l10n.t('Rule'), 'alpha', 'D', 'xmin', l10n.t('tail'), 'sigma', l10n.t('Note')],
        fits,
      ),
    );
  }
  if (layer.tail_shape) sections.push(tailTable(layer.tail_shape));
  const tests = testRows(layer);
  if (tests.length > 0)
    sections.push(table(l10n.t('Tests'), [l10n.t('Test'), l10n.t('Result'), l10n.t('Seed')], tests));
  const ranks = rankRules.flatMap(({ key, name, description }) => {
    const found = layer.ranks[key];
    const missing = layer.missing?.[`rank_${key}`];
    if (!found)
      return missing === undefined
        ? []
        : [[name, '–', '', '', l10n.t('{0}; not here: {1}', description, l10n.known(missing))]];
    return [[name, formatCount(found.rank), formatPercent(found.error), formatPercent(found.ratio), description]];
  });
  if (ranks.length > 0) {
    sections.push(
      table(
        l10n.t('Rank suggestions'),
        [l10n.t('Rule'), l10n.t('Rank'), l10n.t('Error'), l10n.t('Parameters'), l10n.t('Definition')],
        ranks,
      ),
    );
  }
  if (layer.statistics) sections.push(statisticsTable(layer.statistics));
  return element('div', { class: 'all-numbers' }, ...sections);
}

export function statisticsTable(statistics: TensorStatistics): HTMLElement {
  const shown = (value: number | null): string => (value === null ? '–' : formatNumber(value, 5));
  const { count, min, max, mean, std, l2, zeros, nan, inf, first_not_finite: first } = statistics;
  const rows = [
    [l10n.t('elements'), formatCount(count)],
    [l10n.t('minimum'), shown(min)],
    [l10n.t('maximum'), shown(max)],
    [l10n.t('mean'), shown(mean)],
    [l10n.t('standard deviation'), shown(std)],
    [l10n.t('ℓ2 norm'), shown(l2)],
    [l10n.t('zeros'), count > 0 ? `${formatCount(zeros)} (${formatPercent(zeros / count)})` : formatCount(zeros)],
    ['NaN', formatCount(nan)],
    ['Inf', formatCount(inf)],
    ...(first === undefined ? [] : [[l10n.t('first not finite'), l10n.t('element {0}', formatCount(first))]]),
  ];
  return table(l10n.t('Element statistics'), [l10n.t('Statistic'), l10n.t('Value')], rows);
}

/** The power law of alpha against every other law on the same tail. */
function tailTable({ law, reason, comparisons = [] }: TailShape): HTMLElement {
  const shown = (value: number | null): string => (value === null ? '–' : formatNumber(value, 3));
  const rows = comparisons.map((entry) => {
    const parameters = Object.entries(entry.parameters ?? {}).map(
      ([name, value]) => `${name} ${formatNumber(value, 4)}`,
    );
    const note = [...parameters, entry.reason && l10n.known(entry.reason)]
      .filter((text) => text !== undefined)
      .join(', ');
    return [lawName(entry.law), shown(entry.R), shown(entry.p), note];
  });
  const verdict = law === undefined ? l10n.t('none, {0}', l10n.known(reason ?? 'unknown')) : lawName(law);
  return table(
    l10n.t('Tail shape: {0}', verdict),
    [l10n.t('Law'), l10n.t('R of the power law over it'), 'p', l10n.t('Parameters')],
    rows,
  );
}

function testRows({ goodness, randomised }: LayerResult): string[][] {
  const rows: string[][] = [];
  if (goodness) {
    const { p, standard_error: error, replicates, reason, seed } = goodness;
    const found =
      p === null
        ? l10n.t('failed: {0}', l10n.known(reason ?? 'unknown'))
        : l10n.t(
            'p {0} ± {1}, {2} synthetic spectra',
            formatNumber(p, 3),
            formatNumber(error ?? 0, 2),
            formatCount(replicates ?? 0),
          );
    rows.push([l10n.t('goodness of fit'), found, String(seed)]);
  }
  if (randomised) {
    rows.push([l10n.t('randomisation'), shufflesFound(randomised), String(randomised.seed)]);
  }
  return rows;
}

function shufflesFound({ status, reason, shuffles, edge }: NonNullable<LayerResult['randomised']>): string {
  if (status === 'failed' || !edge) return l10n.t('failed: {0}', l10n.known(reason ?? 'unknown'));
  const [mean, sd, threshold] = [edge.mean, edge.sd, edge.threshold].map((value) => formatNumber(value, 4));
  return l10n.t(
    'λ₁ of {0} shuffles {1} ± {2} (standard deviation), beyond chance above {3}',
    formatCount(shuffles ?? 0),
    mean!,
    sd!,
    threshold!,
  );
}

function fitRow(rule: string, fit: PowerLawFit): string[] {
  const shown = (value: number | null, digits: number): string => (value === null ? '–' : formatNumber(value, digits));
  const tail = fit.num_pl_spikes === null ? '–' : formatCount(fit.num_pl_spikes);
  const note = [fit.reason && l10n.known(fit.reason), fit.filter && l10n.t('zero filter relative to λ₁')]
    .filter(Boolean)
    .join('; ');
  return [rule, shown(fit.alpha, 4), shown(fit.D, 3), shown(fit.xmin, 4), tail, shown(fit.sigma, 2), note];
}

function table(caption: string, columns: string[], rows: string[][]): HTMLElement {
  const body = rows.map((cells) =>
    element(
      'tr',
      {},
      ...cells.map((cell, i) => (i === 0 ? element('th', { scope: 'row' }, cell) : element('td', {}, cell))),
    ),
  );
  return element(
    'table',
    { class: 'numbers' },
    element('caption', {}, caption),
    tableHead(columns),
    element('tbody', {}, ...body),
  );
}
