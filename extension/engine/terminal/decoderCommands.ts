/** What `eigenscope evaluate` and `calibrate` print of language models. */
import path from 'node:path';
import { agreeing } from '../../shared/agreeing';
import type { DecoderCalibrationReport, DecoderEvaluationReport, EvaluatedDecoder } from '../../shared/decoderRuns';
import { largestOf } from '../../shared/extremes';
import { visible, visibleJson } from '../../shared/visibleText';
import { runDecoderCalibration, runDecoderEvaluation } from '../decoders/runDecoders';
import type { CalibrateDecoderCommand, EvaluateDecodersCommand } from './decoderArguments';
import { listed } from '../models/listedLayers';
import { outFile } from './outFile';
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
  const report = await runDecoderEvaluation(request, signal, telling(progress));
  return json ? `${visibleJson(JSON.stringify(report, null, 2))}\n` : evaluationText(report);
}

/**
 * @returns what is printed, and notes for stderr; `whole` if every layer has statistics
 * @throws as `runDecoderCalibration`
 */
export async function calibrateDecoderModel(
  { model, tokens, out, overwrite, gramBytes }: CalibrateDecoderCommand,
  signal: AbortSignal,
  progress: ProgressLine,
): Promise<{ text: string; notes: readonly string[]; whole: boolean }> {
  const target = await outFile(out, `${path.parse(path.resolve(model)).name}.statistics.safetensors`);
  const request = { model, tokens, target, overwrite, gramBytes };
  const report = await runDecoderCalibration(request, signal, telling(progress));
  return { text: calibrationText(report), notes: calibrationNotes(report), whole: report.unreached.length === 0 };
}

/** A line with the time that is left. */
function telling(progress: ProgressLine): (fraction: number, message: string) => void {
  const started = performance.now();
  return (fraction, message) => {
    const passed = (performance.now() - started) / 1000;
    const left = fraction < LEAST_SHARE ? undefined : (passed * (1 - fraction)) / fraction;
    progress.layer(`${Math.round(100 * fraction)} %, ${secondsText(left)}${message}`);
  };
}

function calibrationText(report: DecoderCalibrationReport): string {
  const { path: file, bytes, windows, length, inputs, layers, influence } = report;
  const lines = Object.entries(influence).map(
    ([block, value]) => `${visible(block)}: influence ${value.toPrecision(4)}`,
  );
  return [
    process.stdout.isTTY ? visible(file) : file,
    ...lines,
    `${layers.length} ${agreeing(layers.length, 'layer')}, ${windows} ${agreeing(windows, 'window')} of ${length} tokens (${inputs}), ${bytes} bytes`,
    '',
  ].join('\n');
}

function calibrationNotes({ diagonal, singular, unreached }: DecoderCalibrationReport): string[] {
  const notes: string[] = [];
  if (diagonal.length > 0) {
    notes.push(
      `${listed(diagonal)}: no Gram matrix, as those of a block would take more than --memory; means and magnitudes are there. More memory lets them in.`,
    );
  }
  if (singular.length > 0) {
    notes.push(`${listed(singular)}: fewer tokens than inputs, so the Gram matrix is singular. Give more windows.`);
  }
  if (unreached.length > 0) {
    notes.push(
      `${listed(unreached)}: no token went to this expert, so nothing is known of its inputs. Give more windows.`,
    );
  }
  return notes;
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
