/** Every number of a layer in tables, with its definition and whose it is. */
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
        'Metrics',
        ['Metric', 'Value', 'Definition'],
        metrics.map((row) => {
          const value = layer.metrics[row.key];
          const missing = layer.missing?.[row.key];
          const text =
            value !== null && value !== undefined ? formatMetric(value, row) : missing ? `– (${missing})` : '–';
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
      holds ? 'holds' : 'lacking',
      words,
    ]);
    sections.push(table(`Verdict on alpha: ${judged.verdict}`, ['Check', 'Outcome', 'Found'], checks));
  }
  const fits = Object.values(layer.fits).map((fit) => fitRow(fit.rule, fit));
  if (layer.farms) fits.push(fitRow(`FARMS, ${layer.farms.rule}`, layer.farms));
  if (fits.length > 0) {
    sections.push(table('Power-law fits', ['Rule', 'alpha', 'D', 'xmin', 'tail', 'sigma', 'Note'], fits));
  }
  if (layer.tail_shape) sections.push(tailTable(layer.tail_shape));
  const tests = testRows(layer);
  if (tests.length > 0) sections.push(table('Tests', ['Test', 'Result', 'Seed'], tests));
  const ranks = rankRules.flatMap(({ key, name, description }) => {
    const found = layer.ranks[key];
    const missing = layer.missing?.[`rank_${key}`];
    if (!found) return missing === undefined ? [] : [[name, '–', '', '', `${description}; not here: ${missing}`]];
    return [[name, formatCount(found.rank), formatPercent(found.error), formatPercent(found.ratio), description]];
  });
  if (ranks.length > 0) {
    sections.push(table('Rank suggestions', ['Rule', 'Rank', 'Error', 'Parameters', 'Definition'], ranks));
  }
  if (layer.statistics) sections.push(statisticsTable(layer.statistics));
  return element('div', { class: 'all-numbers' }, ...sections);
}

export function statisticsTable(statistics: TensorStatistics): HTMLElement {
  const shown = (value: number | null): string => (value === null ? '–' : formatNumber(value, 5));
  const { count, min, max, mean, std, l2, zeros, nan, inf, first_not_finite: first } = statistics;
  const rows = [
    ['elements', formatCount(count)],
    ['minimum', shown(min)],
    ['maximum', shown(max)],
    ['mean', shown(mean)],
    ['standard deviation', shown(std)],
    ['ℓ2 norm', shown(l2)],
    ['zeros', count > 0 ? `${formatCount(zeros)} (${formatPercent(zeros / count)})` : formatCount(zeros)],
    ['NaN', formatCount(nan)],
    ['Inf', formatCount(inf)],
    ...(first === undefined ? [] : [['first not finite', `element ${formatCount(first)}`]]),
  ];
  return table('Element statistics', ['Statistic', 'Value'], rows);
}

/** The power law of alpha against every other law on the same tail. */
function tailTable({ law, reason, comparisons = [] }: TailShape): HTMLElement {
  const shown = (value: number | null): string => (value === null ? '–' : formatNumber(value, 3));
  const rows = comparisons.map((entry) => {
    const parameters = Object.entries(entry.parameters ?? {}).map(
      ([name, value]) => `${name} ${formatNumber(value, 4)}`,
    );
    const note = [...parameters, entry.reason].filter((text) => text !== undefined).join(', ');
    return [lawName(entry.law), shown(entry.R), shown(entry.p), note];
  });
  const verdict = law === undefined ? `none, ${reason ?? 'unknown'}` : lawName(law);
  return table(`Tail shape: ${verdict}`, ['Law', 'R of the power law over it', 'p', 'Parameters'], rows);
}

function testRows({ goodness, randomised }: LayerResult): string[][] {
  const rows: string[][] = [];
  if (goodness) {
    const { p, standard_error: error, replicates, reason, seed } = goodness;
    const found =
      p === null
        ? `failed: ${reason ?? 'unknown'}`
        : `p ${formatNumber(p, 3)} ± ${formatNumber(error ?? 0, 2)}, ${formatCount(replicates ?? 0)} synthetic spectra`;
    rows.push(['goodness of fit', found, String(seed)]);
  }
  if (randomised) {
    rows.push(['randomisation', shufflesFound(randomised), String(randomised.seed)]);
  }
  return rows;
}

function shufflesFound({ status, reason, shuffles, edge }: NonNullable<LayerResult['randomised']>): string {
  if (status === 'failed' || !edge) return `failed: ${reason ?? 'unknown'}`;
  const [mean, sd, threshold] = [edge.mean, edge.sd, edge.threshold].map((value) => formatNumber(value, 4));
  return `λ₁ of ${formatCount(shuffles ?? 0)} shuffles ${mean} ± ${sd} (standard deviation), beyond chance above ${threshold}`;
}

function fitRow(rule: string, fit: PowerLawFit): string[] {
  const shown = (value: number | null, digits: number): string => (value === null ? '–' : formatNumber(value, digits));
  const tail = fit.num_pl_spikes === null ? '–' : formatCount(fit.num_pl_spikes);
  const note = [fit.reason, fit.filter && 'zero filter relative to λ₁'].filter(Boolean).join('; ');
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
