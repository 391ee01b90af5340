/** What `eigenscope calibrate` and `evaluate` do and print. */
import path from 'node:path';
import { agreeing } from '../../shared/agreeing';
import type { CalibrationReport, EvaluatedModel, EvaluationReport } from '../../shared/modelRuns';
import { visible, visibleJson } from '../../shared/visibleText';
import { evaluateModels } from '../models/evaluate';
import { ModelRunError } from '../models/modelRunError';
import { runCalibration } from '../models/runCalibration';
import { UsageError } from './usageError';
import { calibrateDecoderModel, evaluateDecoderModels } from './decoderCommands';
import type { ModelCommand } from './modelArguments';
import { outFile } from './outFile';
import { ProgressLine } from './progressLine';
import { stopping } from './stopping';
import { MEGABYTE } from '../resources/megabytes';

interface Terminal {
  readonly print: (text: string) => Promise<void>;
  /** A line on stderr. */
  readonly tell: (message: string) => void;
}

/** @returns the exit code: 1 where layers could not be measured */
export async function runModelCommand(command: ModelCommand, { print, tell }: Terminal): Promise<number> {
  const progress = new ProgressLine(process.stderr);
  const onProgress = (fraction: number, message: string): void =>
    progress.layer(`${message} ${Math.round(100 * fraction)} %`);
  const { signal, exitCode } = stopping();
  try {
    if (command.command === 'calibrate') {
      const { model, inputs, out, overwrite, gramBytes } = command;
      const request = {
        inputs,
        target: await outFile(out, `${path.parse(model).name}.statistics.safetensors`),
        overwrite,
        gramBytes,
      };
      const report = await runCalibration(path.resolve(model), request, signal, onProgress);
      progress.finish();
      await print(calibrationText(report));
      for (const note of report.notes) tell(note);
      for (const { layer, why } of report.left) tell(`${layer}: ${why}`);
      return report.left.length > 0 ? 1 : 0;
    }
    if (command.command === 'calibrateDecoder') {
      const { text, notes, whole } = await calibrateDecoderModel(command, signal, progress);
      progress.finish();
      await print(text);
      for (const note of notes) tell(note);
      return whole ? 0 : 1;
    }
    if (command.command === 'evaluateDecoders') {
      const report = await evaluateDecoderModels(command, signal, progress);
      progress.finish();
      await print(report);
      return 0;
    }
    const { original, compressed, inputs, logits, json } = command;
    const [a, b] = [path.resolve(original), path.resolve(compressed)];
    const report = await evaluateModels(a, b, { inputs, logits }, signal, onProgress);
    progress.finish();
    await print(json ? `${visibleJson(JSON.stringify(report, null, 2))}\n` : evaluationText(report));
    return 0;
  } catch (error) {
    progress.finish();
    if (error instanceof ModelRunError && error.code === 'target-exists') {
      throw new UsageError(`${error.message} with --overwrite`);
    }
    if (!signal.aborted) throw error;
    tell('cancelled; nothing was written');
    return exitCode();
  }
}

function calibrationText({ path: file, bytes, runs, layers, synthetic }: CalibrationReport): string {
  const lines = layers.map(
    ({ layer, tokens, gram }) =>
      `${visible(layer)}: ${tokens} ${agreeing(tokens, 'token')}${gram ? '' : ', means alone'}`,
  );
  const from = `${runs} ${agreeing(runs, 'run')}${synthetic ? ' on made-up inputs' : ''}`;
  return `${process.stdout.isTTY ? visible(file) : file}\n${lines.join('\n')}\n${layers.length} ${agreeing(layers.length, 'layer')}, ${from}, ${bytes} bytes\n`;
}

function evaluationText(report: EvaluationReport): string {
  const { original, compressed, outputs, runs, timed_runs, notes } = report;
  const percent = (share: number | null): string => (share === null ? '-' : `${(100 * share).toFixed(2)} %`);
  const digits = (value: number | null): string => (value === null ? '-' : value.toPrecision(4));
  const lines = outputs.map(({ output, relative_error, largest_difference, top1_agreement, kl, integers, rows_are }) =>
    integers
      ? `${visible(output)}: ${percent(top1_agreement)} of the integers are equal, largest difference ${largest_difference}`
      : `${visible(output)}: relative error ${digits(relative_error)}, largest difference ${digits(largest_difference)}, ` +
        `same top 1 ${percent(top1_agreement)}${rows_are ? `, KL ${digits(kl)} nats (${rows_are})` : ''}`,
  );
  const model = (name: string, { bytes, latency_ms: { median, first, second }, ...memory }: EvaluatedModel): string =>
    `${name}: ${bytes} bytes; median ${median.toFixed(2)} ms (${first.toFixed(2)} when first, ${second.toFixed(2)} when second); ` +
    `peak memory ${megabytes(memory.peak_bytes)} (${megabytes(memory.baseline_bytes)} before the model)`;
  return [
    `${runs} ${agreeing(runs, 'run')} compared, ${timed_runs} of each model timed`,
    ...lines,
    model('original', original),
    model('compressed', compressed),
    ...notes.map((note) => `Note: ${note}`),
    '',
  ].join('\n');
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / MEGABYTE)} MB`;
}
