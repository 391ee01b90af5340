/** `eigenscope evaluate` of language models: its arguments, checked before any file is touched. */
import { parseArgs } from 'node:util';
import type { TokenInputs } from '../../shared/decoderRuns';
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

const OPTIONS = {
  plan: { type: 'string', multiple: true },
  stats: { type: 'string', multiple: true },
  text: { type: 'string', multiple: true },
  tokens: { type: 'string', multiple: true },
  seed: { type: 'string', multiple: true },
  windows: { type: 'string', multiple: true },
  length: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

const DEFAULT_WINDOWS = 16;
const MOST_WINDOWS = 1_000_000;
/** Masks have a number for each pair of tokens. */
const MOST_LENGTH = 32_768;

/** True of arguments that only language models have. */
export function isOfDecoders(args: readonly string[]): boolean {
  return args.some((each) => /^--(text|tokens)(=|$)/.test(each));
}

/** @throws UsageError */
export function parseDecoderEvaluation(args: readonly string[]): EvaluateDecodersCommand {
  const { values, positionals } = parsed(args);
  const repeated = Object.entries(values).find(
    ([name, value]) => name !== 'plan' && Array.isArray(value) && value.length > 1,
  );
  if (repeated) throw new UsageError(`--${repeated[0]} is given more than once`);
  if (positionals.length === 0 || positionals.includes('')) throw new UsageError('evaluate needs a model, or several');
  const { plan: plans = [], stats } = values;
  if ([...plans, ...(stats ?? [])].includes('')) throw new UsageError('--plan and --stats need a file');
  if (stats && plans.length === 0) throw new UsageError('--stats are for plans: give --plan, too');
  return {
    command: 'evaluateDecoders',
    models: positionals,
    plans,
    statistics: stats?.[0],
    tokens: tokensOf(values),
    json: values.json ?? false,
  };
}

/** @throws UsageError */
function tokensOf(values: ReturnType<typeof parsed>['values']): TokenInputs {
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
