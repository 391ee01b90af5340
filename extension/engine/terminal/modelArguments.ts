/** `eigenscope calibrate` and `evaluate` of ONNX models: their arguments, checked before any file is touched. */
import { parseArgs } from 'node:util';
import type { ModelInputs } from '../../shared/modelRuns';
import { MEGABYTE } from '../resources/megabytes';
import {
  isOfDecoders,
  parseDecoderCommand,
  type CalibrateDecoderCommand,
  type EvaluateDecodersCommand,
} from './decoderArguments';
import { UsageError } from './usageError';
import { whole } from './wholeNumber';

export interface CalibrateCommand {
  readonly command: 'calibrate';
  readonly model: string;
  readonly inputs: ModelInputs;
  readonly out: string;
  readonly overwrite: boolean;
  readonly gramBytes: number;
}

export interface EvaluateCommand {
  readonly command: 'evaluate';
  readonly original: string;
  readonly compressed: string;
  readonly inputs: ModelInputs;
  readonly logits: readonly string[];
  readonly json: boolean;
}

export type ModelCommand = CalibrateCommand | EvaluateCommand | CalibrateDecoderCommand | EvaluateDecodersCommand;

const DEFAULT_MEGABYTES = 1024;

const OPTIONS = {
  inputs: { type: 'string', multiple: true },
  random: { type: 'string', multiple: true },
  seed: { type: 'string', multiple: true },
  shape: { type: 'string', multiple: true },
  out: { type: 'string', multiple: true },
  memory: { type: 'string', multiple: true },
  logits: { type: 'string', multiple: true },
  overwrite: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

const OF_BOTH = ['inputs', 'random', 'seed', 'shape'];
const OWN = { calibrate: ['out', 'memory', 'overwrite'], evaluate: ['logits', 'json'] } as const;
const REPEATABLE: ReadonlySet<string> = new Set(['shape', 'logits']);

/** Undefined for another command, and where help is asked for. @throws UsageError in words for people */
export function parseModelCommand(args: readonly string[]): ModelCommand | undefined {
  const [command, ...rest] = args;
  if ((command !== 'calibrate' && command !== 'evaluate') || rest.some((each) => each === '--help' || each === '-h')) {
    return undefined;
  }
  if (isOfDecoders(rest)) return parseDecoderCommand(command, rest);
  const { values, positionals } = parsed(rest);
  const given = Object.keys(values);
  const stray = given.find((name) => ![...OF_BOTH, ...OWN[command]].includes(name));
  if (stray !== undefined) throw new UsageError(`${command} takes no --${stray}`);
  const repeated = Object.entries(values).find(
    ([name, value]) => Array.isArray(value) && value.length > 1 && !REPEATABLE.has(name),
  );
  if (repeated) throw new UsageError(`--${repeated[0]} is given more than once`);
  const inputs = inputsOf(command, values);
  const models = command === 'calibrate' ? ['MODEL.onnx'] : ['A.onnx', 'B.onnx'];
  if (positionals.length !== models.length || positionals.includes('')) {
    throw new UsageError(`${command} needs ${models.join(' and ')}, and has ${positionals.length} of them`);
  }
  const [model, compressed] = positionals;
  if (command === 'evaluate') {
    const { logits = [], json = false } = values;
    return { command, original: model!, compressed: compressed!, inputs, logits, json };
  }
  const out = values.out?.[0];
  if (out === undefined || out === '') throw new UsageError('calibrate needs --out FILE');
  const megabytes = whole(values.memory?.[0], '--memory', 1, 2 ** 20) ?? DEFAULT_MEGABYTES;
  return { command, model: model!, inputs, out, overwrite: values.overwrite ?? false, gramBytes: megabytes * MEGABYTE };
}

function parsed(args: readonly string[]): ReturnType<typeof parse> {
  try {
    return parse(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
}

function inputsOf(command: string, values: ReturnType<typeof parse>['values']): ModelInputs {
  const [path] = values.inputs ?? [];
  const samples = whole(values.random?.[0], '--random', 1, 1_000_000);
  if ((path === undefined) === (samples === undefined))
    throw new UsageError(
      `${command} needs --inputs X or --random N for ONNX models, and --text FILE for language models`,
    );
  if (samples === undefined) {
    const idle = (['seed', 'shape'] as const).find((name) => values[name] !== undefined);
    if (idle) throw new UsageError(`--${idle} is about --random, and --inputs are given`);
    if (path === '') throw new UsageError('--inputs needs a path');
    return { kind: 'files', path: path! };
  }
  const shapes = Object.fromEntries((values.shape ?? []).map(shapeOf));
  return { kind: 'random', samples, seed: whole(values.seed?.[0], '--seed', 0, 2 ** 31 - 1) ?? 0, shapes };
}

/** `input=1,512`; `=` alone behind the name for a scalar. */
function shapeOf(text: string): [string, readonly number[]] {
  const at = text.lastIndexOf('=');
  const sizes = text.slice(at + 1);
  if (at < 1 || !/^(\d{1,9}(,\d{1,9})*)?$/.test(sizes)) {
    throw new UsageError(`--shape is a name and sizes, as in input=1,512, not "${text}"`);
  }
  return [text.slice(0, at), sizes === '' ? [] : sizes.split(',').map(Number)];
}
