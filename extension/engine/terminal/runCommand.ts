/** `eigenscope compress --plan`: runs a plan, and says what came of it. */
import path from 'node:path';
import { agreeing } from '../../shared/agreeing';
import type { RunResult } from '../../shared/compression/runs';
import { visible } from '../../shared/visibleText';
import type { EngineDocument } from '../document/engineDocument';
import { loadPlan } from '../requests/loadPlan';
import { runPlan } from '../requests/runPlan';
import type { RunParts } from '../requests/runSources';
import type { RunCommand } from './runArguments';

/**
 * @returns what came of it, and what the person should know
 * @throws as `loadPlan` and `runPlan`
 */
export async function runModel(
  parts: RunParts,
  document: EngineDocument,
  { plan: planFile, out, layout, dtype, shardBytes, statistics, quantised, existing }: RunCommand,
  signal: AbortSignal,
): Promise<RunResult> {
  const plan = await loadPlan(document, planFile, statistics, signal);
  return runPlan(
    parts,
    document,
    {
      ...{ plan, layout, target: path.resolve(out), existing: existing ?? 'refuse' },
      ...(dtype && { dtype }),
      ...(shardBytes !== undefined && { shardBytes }),
      ...(statistics !== undefined && { statistics }),
      ...(quantised !== undefined && { quantised }),
    },
    signal,
  );
}

/** A line for each layer: what was kept, and the error as stored; then the size. */
export function runReport({ files, bytes, layers }: RunResult, folder: string): string {
  const share = ((100 * bytes.tensors) / bytes.before).toPrecision(3);
  const lines = layers.map(({ layer, choice, relative_error, output_error }) => {
    const rank = choice.rank === undefined ? '' : ` ${choice.rank}`;
    const output = output_error === null ? '' : `, error of the outputs ${output_error.toPrecision(6)}`;
    return `${visible(layer)}: ${choice.method}${rank}, relative Frobenius error ${relative_error.toPrecision(6)}${output}`;
  });
  const sizes = [
    `${files.length} ${agreeing(files.length, 'file')}, ${bytes.after} bytes`,
    `tensors ${bytes.tensors} bytes, ${share} % of the original's ${bytes.before}`,
  ].join('; ');
  return `${[folder, ...lines, sizes].join('\n')}\n`;
}

/** `3 min left, ` in front of what is going on; '' while it cannot be told. */
export function secondsText(seconds: number | undefined): string {
  if (seconds === undefined) return '';
  const minutes = Math.ceil(seconds / 60);
  return seconds < 90 ? `${Math.ceil(seconds)} s left, ` : `${minutes} min left, `;
}
