/** What an evaluation of a compressed model found, as a document. Knows nothing of VS Code. */
import { largestOf } from '../../shared/extremes';
import type { EvaluatedModel, EvaluationReport, OutputDifference } from '../../shared/modelRuns';
import { markdownCell, markdownCode, markdownSentence } from '../../shared/exports/markdownText';

export function evaluationMarkdown({
  original,
  compressed,
  outputs,
  runs,
  timed_runs,
  synthetic,
  notes,
}: EvaluationReport): string {
  const rows: [string, (model: EvaluatedModel) => string][] = [
    ['Size', ({ bytes }) => megabytes(bytes)],
    ['Median latency', ({ latency_ms: { median } }) => milliseconds(median)],
    ['Median when it ran first', ({ latency_ms: { first } }) => milliseconds(first)],
    ['Median when it ran second', ({ latency_ms: { second } }) => milliseconds(second)],
    ['Peak memory of its process', ({ peak_bytes }) => megabytes(peak_bytes)],
    ['Memory before the model was loaded', ({ baseline_bytes }) => megabytes(baseline_bytes)],
  ];
  return [
    '# Evaluation of a compressed model',
    '',
    `- Original: ${markdownCode(original.path)}`,
    `- Compressed: ${markdownCode(compressed.path)}`,
    `- Runs: ${runs} compared, ${timed_runs} of each model timed`,
    ...(synthetic ? ['- **Made from random inputs: they say nothing of real ones**'] : []),
    '',
    '## Outputs',
    '',
    ...table(
      ['output', 'relative error', 'largest difference', 'same top 1, or equal integers', 'KL divergence'],
      outputs.map(outputCells),
    ),
    '',
    '## Cost',
    '',
    ...table(
      ['', 'original', 'compressed'],
      rows.map(([name, text]) => [name, text(original), text(compressed)]),
    ),
    '',
    ...(notes.length > 0 ? ['## Notes', '', ...notes.map((note) => `- ${markdownSentence(note)}`), ''] : []),
  ].join('\n');
}

/** Lines of a table of numbers, its columns of one width: they are read as text before anybody opens a preview. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, at) =>
    largestOf(
      [head, ...rows].map((cells) => cells[at]!.length),
      4,
    ),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(' | ')} |`;
  const rule = widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)];
}

function outputCells(row: OutputDifference): string[] {
  const { output, relative_error, largest_difference, top1_agreement, kl, rows_are } = row;
  const divergence = kl === null ? '–' : `${digits(kl)} nats (${rows_are})`;
  const agreement = top1_agreement === null ? '–' : `${(100 * top1_agreement).toFixed(2)} %`;
  return [markdownCell(output), digits(relative_error), digits(largest_difference), agreement, divergence];
}

function digits(value: number | null): string {
  return value === null ? '–' : value.toPrecision(4);
}

function milliseconds(value: number): string {
  return `${value.toFixed(2)} ms`;
}

/** As the page counts them: a megabyte is 10⁶ bytes. */
function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toPrecision(4)} MB`;
}
