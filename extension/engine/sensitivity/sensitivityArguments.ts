/** `eigenscope sensitivity`: its arguments, checked before any file is touched. */
import { parseArgs } from 'node:util';
import { patternProblem } from '../../compression/plan/patterns';
import { isMethodName, layerMethods, type MethodName } from '../../shared/compression/methodTable';
import type { TokenInputs } from '../../shared/decoderRuns';
import { TOKEN_OPTIONS, tokensOf } from '../terminal/decoderArguments';
import { UsageError } from '../terminal/usageError';
import type { GroupedBy } from './sensitivityUnits';

export interface SensitivityCommand {
  readonly command: 'sensitivity';
  readonly path: string;
  readonly tokens: TokenInputs;
  readonly ratio: number;
  readonly by: GroupedBy;
  readonly method: MethodName;
  readonly layers: RegExp | undefined;
  readonly statistics: string | undefined;
  readonly json: boolean;
  readonly out: string | undefined;
  readonly overwrite: boolean;
}

const text = { type: 'string', multiple: true } as const;
const OPTIONS = {
  ...TOKEN_OPTIONS,
  ...{ ratio: text, by: text, layers: text, method: text, stats: text, out: text },
  json: { type: 'boolean' },
  overwrite: { type: 'boolean' },
} as const;

export const SENSITIVITY_USAGE = `sensitivity (of language models):
  --text, --tokens, --windows, --seed, --length  as for evaluate
  --ratio R            share of a layer's parameters that stays
  --by KIND            what is compressed at a time: layer, role or block   (layer)
  --layers RE          only layers whose names match
  --method NAME        svd, or another method of ranks                (svd)
  --stats FILE         statistics of the inputs, for methods that need them
  --json               print JSON instead of the table
  --out FILE.csv       write the table as CSV, too
  --overwrite          replace FILE if it exists
`;

/** @param args those behind the word `sensitivity` @throws UsageError */
export function parseSensitivity(args: readonly string[]): SensitivityCommand {
  const { values, positionals } = parsed(args);
  const repeated = Object.entries(values).find(([, value]) => Array.isArray(value) && value.length > 1);
  if (repeated) throw new UsageError(`--${repeated[0]} is given more than once`);
  const [path, ...rest] = positionals;
  if (path === undefined || path === '' || rest.length > 0) throw new UsageError('sensitivity needs one model');
  const ratio = Number(values.ratio?.[0]);
  if (!values.ratio || values.ratio[0] === '' || !(ratio > 0 && ratio < 1)) {
    throw new UsageError('sensitivity needs --ratio R, with R between 0 and 1: the share of parameters that stays');
  }
  const by = values.by?.[0] ?? 'layer';
  if (by !== 'layer' && by !== 'role' && by !== 'block')
    throw new UsageError(`--by is layer, role or block, not "${by}"`);
  const method = values.method?.[0] ?? 'svd';
  if (!isMethodName(method)) {
    throw new UsageError(`--method is ${layerMethods.map(({ name }) => name).join(', ')}, not "${method}"`);
  }
  const out = values.out?.[0];
  if (out === '') throw new UsageError('--out is empty; give a file');
  return {
    ...{ command: 'sensitivity', path, ratio, by, method, out },
    tokens: tokensOf(values),
    layers: pattern(values.layers?.[0]),
    statistics: values.stats?.[0],
    json: values.json ?? false,
    overwrite: values.overwrite ?? false,
  };
}

/** @throws UsageError */
function pattern(source: string | undefined): RegExp | undefined {
  if (source === undefined) return undefined;
  const problem = source === '' ? 'it is empty' : patternProblem(source);
  if (problem !== undefined) throw new UsageError(`--layers: ${problem}`);
  return new RegExp(source, 'u');
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
