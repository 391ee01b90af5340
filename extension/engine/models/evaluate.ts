/**
 * Two models on the same inputs, each in a process of its own: how far the outputs of the second are from those of the
 * first, how long each takes and how much memory.
 */
import { stat } from 'node:fs/promises';
import { FileReader } from '../../checkpoint/files/fileReader';
import { OnnxPlaces } from '../../checkpoint/onnx/onnxPlaces';
import { dataFiles } from '../../compression/writers/onnx/externalLayout';
import {
  EVALUATION_CAVEATS,
  type EvaluatedModel,
  type EvaluationReport,
  type EvaluationRequest,
  type Latency,
} from '../../shared/modelRuns';
import { openSamples } from './modelInputs';
import { ModelProcess } from './modelProcess';
import { ModelRunError } from './modelRunError';
import { valueText, type Feeds, type ModelValue } from './modelValues';
import { OutputComparison } from './outputComparison';

/** Runs of each model that are timed, at least: a median of fewer jumps. */
const LEAST_TIMED_RUNS = 20;

type Side = 0 | 1;
type Times = { readonly first: number[]; readonly second: number[] };

/**
 * @param script of the processes, for tests
 * @throws ModelRunError, CheckpointError; the signal's reason
 */
export async function evaluateModels(
  original: string,
  compressed: string,
  request: EvaluationRequest,
  signal: AbortSignal,
  onProgress: (fraction: number, message: string) => void,
  script?: string,
): Promise<EvaluationReport> {
  const paths = [original, compressed] as const;
  const processes = [new ModelProcess(signal, undefined, script), new ModelProcess(signal, undefined, script)] as const;
  try {
    onProgress(0, 'loading the models');
    const first = await processes[0].call('load', { path: original });
    const second = await processes[1].call('load', { path: compressed });
    assertComparable(paths, [first, second]);
    const samples = await openSamples(request.inputs, first.inputs, signal);
    const comparison = new OutputComparison(first.outputs, request.logits);
    const times: readonly [Times, Times] = [
      { first: [], second: [] },
      { first: [], second: [] },
    ];
    const turns = Math.max(samples.count, LEAST_TIMED_RUNS);
    // A first run allocates and plans: it is not timed.
    const warm = await samples.feeds(0, signal);
    for (const each of processes) await each.call('run', { feeds: warm });
    for (let turn = 0; turn < turns; turn++) {
      onProgress(turn / turns, `run ${turn + 1} of ${turns}`);
      const feeds = await samples.feeds(turn % samples.count, signal);
      const outputs = await inTurn(processes, feeds, turn % 2 === 0 ? [0, 1] : [1, 0], times);
      if (turn < samples.count) comparison.add(outputs[0], outputs[1]);
    }
    const evaluated = async (side: Side, baseline: number): Promise<EvaluatedModel> => {
      const { peak } = await processes[side].call('memory', null);
      const [latency_ms, bytes] = [latency(times[side]), await bytesOfModel(paths[side], signal)];
      return { path: paths[side], bytes, latency_ms, peak_bytes: peak, baseline_bytes: baseline };
    };
    return {
      original: await evaluated(0, first.baseline),
      compressed: await evaluated(1, second.baseline),
      runs: samples.count,
      timed_runs: turns,
      synthetic: request.inputs.kind === 'random',
      outputs: comparison.differences(),
      notes: [...samples.notes, ...comparison.notes(), ...EVALUATION_CAVEATS],
    };
  } finally {
    await Promise.all(processes.map((each) => each.end()));
  }
}

async function inTurn(
  processes: readonly [ModelProcess, ModelProcess],
  feeds: Feeds,
  order: readonly [Side, Side],
  times: readonly [Times, Times],
): Promise<[Feeds, Feeds]> {
  const outputs: [Feeds, Feeds] = [{}, {}];
  for (const [place, side] of order.entries()) {
    const run = await processes[side].call('run', { feeds });
    outputs[side] = run.outputs;
    times[side][place === 0 ? 'first' : 'second'].push(run.milliseconds);
  }
  return outputs;
}

interface Loaded {
  readonly inputs: readonly ModelValue[];
  readonly outputs: readonly string[];
}

/** @throws ModelRunError `different-models` */
function assertComparable(paths: readonly [string, string], [a, b]: readonly [Loaded, Loaded]): void {
  const named = ({ inputs, outputs }: Loaded): readonly [string, string] => [
    inputs
      .map(({ name, type }) => `${name}: ${type}`)
      .toSorted()
      .join(', '),
    outputs.toSorted().join(', '),
  ];
  const [ofA, ofB] = [named(a), named(b)];
  if (ofA[0] === ofB[0] && ofA[1] === ofB[1]) return;
  const what = ofA[0] === ofB[0] ? 'outputs' : 'inputs';
  const list = (loaded: Loaded): string =>
    what === 'inputs' ? loaded.inputs.map(valueText).join(', ') : loaded.outputs.join(', ');
  throw new ModelRunError(
    'different-models',
    `${paths[1]}: its ${what} (${list(b)}) are not those of ${paths[0]} (${list(a)}); compare a model with its own copy`,
  );
}

function latency({ first, second }: Times): Latency {
  return { median: median([...first, ...second]), first: median(first), second: median(second) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

async function bytesOfModel(file: string, signal: AbortSignal): Promise<number> {
  const reader = await FileReader.open(file);
  try {
    const { tensors } = await OnnxPlaces.read(reader, signal);
    const data = await dataFiles(file, tensors, signal);
    return data.reduce((sum, { identity }) => sum + identity.size, (await stat(file)).size);
  } finally {
    await reader.close();
  }
}
