/** What `eigenscope evaluate` prints of language models. */
import { agreeing } from '../../shared/agreeing';
import type { DecoderEvaluationReport, EvaluatedDecoder } from '../../shared/decoderRuns';
import { largestOf } from '../../shared/extremes';
import { visible, visibleJson } from '../../shared/visibleText';
import { runDecoderEvaluation } from '../decoders/runDecoders';
import type { EvaluateDecodersCommand } from './decoderArguments';
import type { ProgressLine } from './progressLine';
import { secondsText } from './runCommand';

/** Before this share is done, nothing can be said of the rest. */
const LEAST_SHARE = 0.02;

/** @throws as `runDecoderEvaluation` */
export async function evaluateDecoderModels(
  { models, plans, statistics, tokens, json }: EvaluateDecodersCommand,
  signal: AbortSignal,
  progress: ProgressLine,
): Promise<string> {
  const request = { models, plans, tokens, ...(statistics !== undefined && { statistics }) };
  const started = performance.now();
  const report = await runDecoderEvaluation(request, signal, (fraction, message) => {
    const passed = (performance.now() - started) / 1000;
    const left = fraction < LEAST_SHARE ? undefined : (passed * (1 - fraction)) / fraction;
    progress.layer(`${Math.round(100 * fraction)} %, ${secondsText(left)}${message}`);
  });
  return json ? `${visibleJson(JSON.stringify(report, null, 2))}\n` : evaluationText(report);
}

function evaluationText({ windows, length, tokens, inputs, models, bootstrap }: DecoderEvaluationReport): string {
  const rows = models.map((model) => [...numbersOf(model), visible(model.name)]);
  const head = ['perplexity', 'KL (nats)', 'same top 1', 'model'];
  const widths = head.map((title, column) =>
    largestOf([title, ...rows.map((row) => row[column]!)].map(({ length: size }) => size)),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === cells.length - 1 ? cell : cell.padStart(widths[i]!))).join('  ');
  const what = `${windows} ${agreeing(windows, 'window')} of ${length} tokens, ${tokens} of them scored (${inputs})`;
  const { seed, resamples } = bootstrap;
  const drawn = `95 % intervals in brackets: ${resamples} draws of ${windows} windows, seed ${seed}`;
  return `${[what, line(head), ...rows.map(line), ...(windows > 1 ? [drawn] : [])].join('\n')}\n`;
}

function numbersOf({ perplexity, kl, top1_agreement, intervals }: EvaluatedDecoder): string[] {
  const number = (
    value: number | null,
    interval: readonly [number, number] | null,
    text: (value: number) => string,
  ): string => {
    if (value === null) return '-';
    return interval ? `${text(value)} [${interval.map(text).join(', ')}]` : text(value);
  };
  return [
    number(perplexity, intervals.perplexity, (value) => value.toPrecision(6)),
    number(kl, intervals.kl, (value) => value.toPrecision(4)),
    number(top1_agreement, intervals.top1_agreement, (value) => `${(100 * value).toFixed(2)} %`),
  ];
}
