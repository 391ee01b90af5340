/** The sensitivity of a model as a table for people, and as CSV. Pure. */
import { agreeing } from '../../shared/agreeing';
import { largestOf } from '../../shared/extremes';
import { csvLine } from '../../shared/inspectReport';
import type { RankCorrelation, SensitivityReport } from './sensitivityRecords';
import { visible } from '../../shared/visibleText';

const HEAD = ['perplexity', 'KL (nats)', 'alpha', 'FARMS alpha', 'spectral error'];

export function sensitivityText(report: SensitivityReport): string {
  const { units, dense, ratio, method, by, windows, length, tokens, inputs, bootstrap, correlations } = report;
  const number = (value: number | null, digits: number): string => (value === null ? '-' : value.toPrecision(digits));
  const rows = units.map(({ name, perplexity, kl, alpha, farms_alpha, spectral_error }) => [
    ...[number(perplexity, 6), number(kl, 4), number(alpha, 4), number(farms_alpha, 4), number(spectral_error, 4)],
    visible(name),
  ]);
  const head = [...HEAD, by];
  const widths = head.map((title, column) =>
    largestOf([title, ...rows.map((row) => row[column]!)].map((x) => x.length)),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === cells.length - 1 ? cell : cell.padStart(widths[i]!))).join('  ');
  return [
    `${windows} ${agreeing(windows, 'window')} of ${length} tokens, ${tokens} of them scored (${inputs})`,
    `dense: perplexity ${dense.perplexity.toPrecision(6)}; each ${by} alone by ${method}, ${(100 * ratio).toFixed(0)} % of its parameters`,
    line(head),
    ...rows.map(line),
    `rank correlation with KL, 95 % intervals of ${bootstrap.resamples} draws, seed ${bootstrap.seed}:`,
    correlationText('alpha', correlations.alpha),
    correlationText('FARMS alpha', correlations.farms_alpha),
    correlationText('spectral error', correlations.spectral_error),
    '',
  ].join('\n');
}

function correlationText(name: string, found: RankCorrelation | null): string {
  if (!found) return `  ${name}: too few numbers, or all the same`;
  const text = ({ value, interval: [lower, upper] }: RankCorrelation['spearman']): string =>
    `${value.toFixed(3)} [${lower.toFixed(3)}, ${upper.toFixed(3)}]`;
  return `  ${name}: Spearman ${text(found.spearman)}, Kendall ${text(found.kendall)} (${found.count})`;
}

export function sensitivityCsv({ units }: SensitivityReport): string {
  const header = [
    'name',
    'block',
    'layers',
    'perplexity',
    'perplexity_lower',
    'perplexity_upper',
    'kl',
    'kl_lower',
    'kl_upper',
  ];
  const more = ['top1_agreement', 'alpha', 'farms_alpha', 'spectral_error'];
  const lines = units.map((unit) => {
    const { intervals } = unit;
    const limits = (each: readonly [number, number] | null) => [each?.[0], each?.[1]];
    return csvLine([
      ...[unit.name, unit.block, unit.layers.join(' '), unit.perplexity, ...limits(intervals.perplexity)],
      ...[unit.kl, ...limits(intervals.kl), unit.top1_agreement, unit.alpha, unit.farms_alpha, unit.spectral_error],
    ]);
  });
  return [csvLine([...header, ...more]), ...lines].join('');
}
