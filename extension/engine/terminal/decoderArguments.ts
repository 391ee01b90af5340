/** `eigenscope evaluate` and `calibrate` of language models: their arguments, checked before any file is touched. */
import { parseArgs } from 'node:util';
import type { TokenInputs } from '../../shared/decoderRuns';
import { MEGABYTE } from '../resources/megabytes';
import { UsageError } from './usageError';
import { whole } from './wholeNumber';

export interface EvaluateDecodersCommand {
  readonly command: 'evaluateDecoders';
  readonly models: readonly string[];
  readonly plans: readonly string[];
  readonly statistics: string | undefined;
  readonly tokens: TokenInputs;
  readonly json: boolean;
}

export interface CalibrateDecoderCommand {
  readonly command: 'calibrateDecoder';
  readonly model: string;
  readonly tokens: TokenInputs;
  readonly out: string;
  readonly overwrite: boolean;
  readonly gramBytes: number;
}

/** Options that say where tokens come from. */
export const TOKEN_OPTIONS = {
  text: { type: 'string', multiple: true },
  tokens: { type: 'string', multiple: true },
  seed: { type: 'string', multiple: true },
  windows: { type: 'string', multiple: true },
  length: { type: 'string', multiple: true },
} as const;

const OPTIONS = {
  ...TOKEN_OPTIONS,
  plan: { type: 'string', multiple: true },
  stats: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  out: { type: 'string', multiple: true },
  memory: { type: 'string', multiple: true },
  overwrite: { type: 'boolean' },
} as const;

const OWN = { evaluate: ['json', 'plan', 'stats'], calibrate: ['out', 'memory', 'overwrite'] } as const;
const OF_BOTH = Object.keys(TOKEN_OPTIONS);

/** Gram matrices of one block: those of a model of 7 billion parameters fit. */
const DEFAULT_MEGABYTES = 2048;
const DEFAULT_WINDOWS = 16;
const MOST_WINDOWS = 1_000_000;
/** Masks have a number for each pair of tokens. */
const MOST_LENGTH = 32_768;

/** True of arguments that only language models have. */
export function isOfDecoders(args: readonly string[]): boolean {
  return args.some((each) => /^--(text|tokens)(=|$)/.test(each));
}

/** @throws UsageError */
export function parseDecoderCommand(
  command: 'evaluate' | 'calibrate',
  args: readonly string[],
): EvaluateDecodersCommand | CalibrateDecoderCommand {
  const { values, positionals } = parsed(args);
  const stray = Object.keys(values).find((name) => ![...OF_BOTH, ...OWN[command]].includes(name));
  if (stray !== undefined) throw new UsageError(`${command} of language models takes no --${stray}`);
  const repeated = Object.entries(values).find(
    ([name, value]) => name !== 'plan' && Array.isArray(value) && value.length > 1,
  );
  if (repeated) throw new UsageError(`--${repeated[0]} is given more than once`);
  const tokens = tokensOf(values);
  if (command === 'calibrate') {
    const [model] = positionals;
    if (model === undefined || model === '' || positionals.length > 1) {
      throw new UsageError(`calibrate needs one model, and has ${positionals.length}`);
    }
    const out = values.out?.[0] ?? '';
    if (out === '') throw new UsageError('calibrate needs --out FILE');
    const megabytes = whole(values.memory?.[0], '--memory', 1, 2 ** 20) ?? DEFAULT_MEGABYTES;
    const overwrite = values.overwrite ?? false;
    return { command: 'calibrateDecoder', model, tokens, out, overwrite, gramBytes: megabytes * MEGABYTE };
  }
  if (positionals.length === 0 || positionals.includes('')) throw new UsageError('evaluate needs a model, or several');
  const { plan: plans = [], stats } = values;
  if ([...plans, ...(stats ?? [])].includes('')) throw new UsageError('--plan and --stats need a file');
  if (stats && plans.length === 0) throw new UsageError('--stats are for plans: give --plan, too');
  return {
    command: 'evaluateDecoders',
    models: positionals,
    plans,
    statistics: stats?.[0],
    tokens,
    json: values.json ?? false,
  };
}

/** @throws UsageError */
export function tokensOf(values: Readonly<Partial<Record<keyof typeof TOKEN_OPTIONS, string[]>>>): TokenInputs {
  const [text, ids] = [values.text?.[0], values.tokens?.[0]];
  if (text !== undefined && ids !== undefined) throw new UsageError('give --text or --tokens, not both');
  const path = text ?? ids ?? '';
  if (path === '') throw new UsageError('--text and --tokens need a file');
  if (text !== undefined && /\.(npy|bin)$/i.test(path)) throw new UsageError(`${path} holds ids: give it as --tokens`);
  if (ids !== undefined && !/\.(npy|bin|jsonl)$/i.test(path)) {
    throw new UsageError(`--tokens reads .npy, .bin and .jsonl files; give ${path} as --text if it is one`);
  }
  const length = whole(values.length?.[0], '--length', 2, MOST_LENGTH);
  const seed = whole(values.seed?.[0], '--seed', 0, 2 ** 31 - 1);
  return {
    path,
    windows: whole(values.windows?.[0], '--windows', 1, MOST_WINDOWS) ?? DEFAULT_WINDOWS,
    ...(length !== undefined && { length }),
    ...(seed !== undefined && { seed }),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
