/** `eigenscope plan`: its arguments, checked before any file is touched. */
import { parseArgs } from 'node:util';
import { compiledPatterns } from '../../compression/plan/patterns';
import { methodOptions, type OptionName, type OptionRow } from '../../shared/compression/methodOptions';
import { isMethodName, layerMethod, layerMethods } from '../../shared/compression/methodTable';
import { DEFAULT_TIME_LIMIT } from '../../shared/compression/assignments';
import type { GroupShare } from '../../shared/compression/blockGroups';
import { idleOptions } from '../../shared/compression/quantisers';
import { GROUP_METHODS, MULTIPLES, TARGET_KINDS } from '../../shared/compression/planKeys';
import {
  ALLOCATIONS,
  PLAN_ENDING,
  type Allocation,
  type GroupMethodName,
  type LayerChoice,
} from '../../shared/compression/plans';
import type { PlanRequest } from '../../compression/plan/planRequest';
import { commonValues, integer, number, UsageError, type Common } from './cliArguments';

export const PLAN_USAGE = `plan:
  --ratio R            the target: a share from 0 to 1 of the size (or of what --target says)
  --target KIND        what R is of: size (bytes of the saved model), parameters, or error (of the weights)   (size)
  --allocation NAME    ${wrapped(ALLOCATIONS)}   (optimal)
  --method NAME        ${wrapped(layerMethods.map(({ name }) => name))}   (svd)
  --rank K             rank of an adapter (pissa, olora, eora, loftq), which no target decides
  --OPTION VALUE       options of the method: ${methodOptions.map(({ name }) => `--${name}`).join(', ')}
  --relative           errors are relative to each layer's own norm
  --per-block          one ratio for a block (alphapruning, farms-alpha)
  --epsilon E          ratios from 1 − E to 1 + E before they are scaled (alphapruning, farms-alpha)   (0.3);
                       temperature of the softmax (block-influence)   (0.1)
  --multiple N         ranks are multiples of N: ${MULTIPLES.join(', ')}   (1)
  --exclude RE         leave layers dense whose names match; may be repeated
  --include RE         compress embeddings or output matrices whose names match, too; may be repeated
  --stats FILE         statistics of the inputs, for methods and allocations that need them (optimal-gram: Gram matrices;
                       block-influence: <block>.block_influence)
  --quantised PATH     a quantised checkpoint of the same model, for eora: layers that it lacks stay dense
  --group METHOD:S     besides, the share S of the channels of each MLP (nystrom), or of the dimensions of each head (vo,
                       qk), stays; the target counts what stays. Running the plan needs --stats. May be repeated
  --choices LIST       what ilp chooses among: methods, with a quantiser if it is to be one: svd,quantise:int8,lq-lora
  --time-limit S       seconds for ilp   (5)
  --out FILE           the plan; its name ends in ${PLAN_ENDING}, or it is a folder
  --overwrite          replace FILE if it exists
  --no-cache           neither read nor keep results of earlier runs
`;

export interface PlanCommand extends Common {
  readonly command: 'plan';
  readonly request: Omit<PlanRequest, 'allocation'> & { readonly allocation: Allocation };
  /** Methods that ilp chooses among; the request's own if there are none. */
  readonly choices: readonly LayerChoice[];
  readonly groups: readonly GroupShare[];
  readonly statistics: string | undefined;
  readonly quantised: string | undefined;
  /** Seconds. */
  readonly timeLimit: number;
  readonly out: string;
  readonly overwrite: boolean;
  readonly cache: boolean;
}

/** @param args those behind the word `plan` @throws UsageError in words for people */
export function parsePlanArguments(args: readonly string[]): PlanCommand {
  const { values, positionals } = parsed(args);
  const repeated = Object.entries(values).find(
    ([name, value]) => Array.isArray(value) && value.length > 1 && !REPEATABLE.has(name),
  );
  if (repeated) throw new UsageError(`--${repeated[0]} is given more than once`);
  const one = (name: string): string | undefined => (values[name] as string[] | undefined)?.[0];
  const [path, ...rest] = positionals;
  if (!path) throw new UsageError('plan needs a PATH');
  if (rest.length > 0) throw new UsageError(`one PATH at a time, please: "${rest[0]!}" is too many`);
  const allocation = oneOf(one('allocation') ?? 'optimal', '--allocation', ALLOCATIONS);
  const method = choice(one);
  const value = number(one('ratio'), '--ratio', 0, 1);
  const adapter = layerMethod(method.method).stores === 'adapter';
  if (value === undefined && !adapter) throw new UsageError('plan needs --ratio R');
  if (adapter && method.rank === undefined) throw new UsageError(`${method.method} needs --rank K`);
  const out = one('out');
  if (out === undefined || out === '') throw new UsageError('plan needs --out FILE');
  const multiple = number(one('multiple'), '--multiple', 1, 64) ?? 1;
  const epsilon = number(one('epsilon'), '--epsilon', 0, 0.999);
  return {
    command: 'plan',
    path,
    ...commonValues({ threads: one('threads'), memory: one('memory'), device: one('device') }),
    request: {
      target: {
        kind: oneOf(one('target') ?? 'size', '--target', Object.keys(TARGET_KINDS) as PlanRequest['target']['kind'][]),
        value: value ?? 1,
      },
      allocation,
      ...(values.relative && { relative: true }),
      method,
      exclude: patterns(values.exclude, '--exclude'),
      include: patterns(values.include, '--include'),
      multiple: oneOf(multiple, '--multiple', MULTIPLES),
      ...(values['per-block'] && { perBlock: true }),
      ...(epsilon !== undefined && { epsilon }),
    },
    choices: ilpChoices(one('choices'), allocation),
    groups: groupShares(values.group),
    statistics: one('stats'),
    quantised: one('quantised'),
    timeLimit: number(one('time-limit'), '--time-limit', 0.1, 86_400) ?? DEFAULT_TIME_LIMIT,
    out,
    overwrite: values.overwrite === true,
    cache: values['no-cache'] !== true,
  };
}

const REPEATABLE: ReadonlySet<string> = new Set(['exclude', 'include', 'group']);

const FLAGS = ['relative', 'per-block', 'overwrite', 'no-cache'] as const;

const TEXTS = [
  ...['ratio', 'target', 'allocation', 'method', 'rank', 'epsilon', 'multiple', 'exclude', 'include', 'stats'],
  ...['quantised', 'choices', 'group', 'time-limit', 'out', 'threads', 'memory', 'device'],
  ...methodOptions.map(({ name }) => name),
];

type Values = Readonly<Record<string, boolean | string[] | undefined>>;

function parsed(args: readonly string[]): { values: Values; positionals: readonly string[] } {
  const options: Record<string, { type: 'boolean' | 'string'; multiple?: boolean }> = {};
  for (const name of FLAGS) options[name] = { type: 'boolean' };
  // A list, so that an option that is given twice is seen.
  for (const name of TEXTS) options[name] = { type: 'string', multiple: true };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options }) as ReturnType<typeof parsed>;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function choice(one: (name: string) => string | undefined): LayerChoice {
  const method = one('method') ?? 'svd';
  if (!isMethodName(method)) {
    throw new UsageError(`--method is ${layerMethods.map(({ name }) => name).join(', ')}, not "${method}"`);
  }
  const row = layerMethod(method);
  const rank = integer(one('rank'), '--rank', 1, Number.MAX_SAFE_INTEGER);
  if (rank !== undefined && row.stores !== 'adapter') {
    throw new UsageError(`the target decides the ranks of ${method}; --rank is for adapters`);
  }
  const given = methodOptions.filter(({ name }) => one(name) !== undefined);
  const stray = given.find(({ name }) => !row.options.includes(name));
  if (stray) throw new UsageError(`${method} takes no --${stray.name}`);
  const options = given.map((option): [OptionName, string | number] => [
    option.name,
    optionValue(option, one(option.name)!),
  ]);
  const made = { method, ...(rank !== undefined && { rank }), ...Object.fromEntries(options) };
  const [idle] = idleOptions(made);
  if (idle !== undefined) throw new UsageError(`${idle}; leave it out`);
  return made;
}

function ilpChoices(list: string | undefined, allocation: Allocation): LayerChoice[] {
  if (list === undefined) return [];
  if (allocation !== 'ilp') throw new UsageError('--choices is for --allocation ilp');
  return list.split(',').map((each) => {
    const [method = '', quantiser] = each.split(':');
    return choice((name) => (name === 'method' ? method : name === 'quantiser' ? quantiser : undefined));
  });
}

function groupShares(given: boolean | string[] | undefined): GroupShare[] {
  const list = Array.isArray(given) ? given : [];
  const shares = list.map((text) => {
    const [method = '', share, ...rest] = text.split(':');
    const value = rest.length === 0 ? number(share, '--group METHOD:S', 0, 1) : undefined;
    if (!value || value === 1)
      throw new UsageError(`--group is METHOD:S, with S between 0 and 1, as in nystrom:0.75, not "${text}"`);
    return { method: oneOf(method, '--group', Object.keys(GROUP_METHODS) as GroupMethodName[]), share: value };
  });
  const twice = shares.find(({ method }, index) => shares.findIndex((each) => each.method === method) < index);
  if (twice) throw new UsageError(`--group ${twice.method} is given more than once`);
  return shares;
}

function optionValue(option: OptionRow, text: string): string | number {
  const name = `--${option.name}`;
  switch (option.kind) {
    case 'integer':
      return integer(text, name, option.least, option.most)!;
    case 'share':
      return number(text, name, 0, 1)!;
    case 'choice':
      return oneOf(text, name, option.choices);
  }
}

function patterns(sources: boolean | string[] | undefined, option: string): string[] {
  const list = Array.isArray(sources) ? sources : [];
  // It would match every name: most likely a variable that is not set.
  if (list.includes('')) throw new UsageError(`${option} is empty; give a regular expression`);
  try {
    compiledPatterns(list);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(`${option}: ${error.message}`) : error;
  }
  return list;
}

function oneOf<T extends string | number>(value: string | number, option: string, possible: readonly T[]): T {
  const found = possible.find((each) => each === value);
  if (found === undefined) throw new UsageError(`${option} is ${possible.join(', ')}, not "${value}"`);
  return found;
}

/** Names in lines under one another. */
function wrapped(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last === undefined || last.length + name.length > 60) lines.push(name);
    else lines[lines.length - 1] = `${last}, ${name}`;
  }
  return lines.join(`,\n${' '.repeat(23)}`);
}
