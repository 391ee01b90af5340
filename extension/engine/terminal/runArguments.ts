/** `eigenscope compress --plan`: its arguments, checked before any file is touched. */
import { parseArgs } from 'node:util';
import { isLayoutName, saveLayouts, type LayoutName } from '../../shared/compression/layouts';
import type { RunRequest } from '../../shared/compression/runs';
import type { DType } from '../../shared/tensors';
import { commonValues, UsageError, type Common } from './cliArguments';

export const RUN_USAGE = `compress with a plan:
  --plan FILE          a plan of the whole model, as \`eigenscope plan\` makes it
  --to LAYOUT          ${saveLayouts.map(({ name }) => name).join(', ')}
  --out DIR            the new folder, outside the model's own
  --shard-size SIZE    most bytes of tensors in a file: 500MB, 5GB   (5GB)
  --dtype TYPE         type of new tensors: f64, f32, f16 or bf16; what is copied keeps its own   (as each layer has it)
  --stats FILE         statistics of the inputs, for methods that need them
  --quantised PATH     a quantised checkpoint of the same model, for methods that need one
  --resume             go on with an earlier run of the same plan that did not end
  --restart            remove what an earlier run left, and start anew
`;

export interface RunCommand extends Common, Omit<RunRequest, 'plan' | 'target'> {
  readonly command: 'run';
  readonly plan: string;
  readonly out: string;
}

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ['f64', 'F64'],
  ['f32', 'F32'],
  ['f16', 'F16'],
  ['bf16', 'BF16'],
]);

/** As Hugging Face reads them: powers of ten, and powers of two with an i. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['tb', 1e12],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
  ['tib', 2 ** 40],
]);

const TEXTS = [
  ...['plan', 'to', 'out', 'shard-size', 'dtype', 'stats', 'quantised'],
  ...['threads', 'memory', 'device'],
];
const FLAGS = ['resume', 'restart'];

/** True for arguments of this command, and not of `compress --layer`. */
export function isRun([command, ...args]: readonly string[]): boolean {
  const has = (name: string): boolean => args.some((each) => each === name || each.startsWith(`${name}=`));
  return command === 'compress' && (has('--plan') || has('--to')) && !has('--help') && !args.includes('-h');
}

/** @param args those behind the word `compress` @throws UsageError in words for people */
export function parseRunArguments(args: readonly string[]): RunCommand {
  const { values, positionals } = parsed(args);
  const repeated = Object.entries(values).find(([, value]) => Array.isArray(value) && value.length > 1);
  if (repeated) throw new UsageError(`--${repeated[0]} is given more than once`);
  const one = (name: string): string | undefined => (values[name] as string[] | undefined)?.[0];
  const [path, ...rest] = positionals;
  if (!path) throw new UsageError('compress needs a PATH');
  if (rest.length > 0) throw new UsageError(`one PATH at a time, please: "${rest[0]!}" is too many`);
  if (values.resume && values.restart) throw new UsageError('--resume and --restart exclude each other');
  const [statistics, quantised, dtype, size] = [one('stats'), one('quantised'), one('dtype'), one('shard-size')];
  return {
    ...{ command: 'run', path, plan: needed('plan', 'FILE', one('plan')), out: needed('out', 'DIR', one('out')) },
    ...commonValues({ threads: one('threads'), memory: one('memory'), device: one('device') }),
    layout: layoutName(one('to')),
    existing: values.resume ? 'resume' : values.restart ? 'restart' : 'refuse',
    ...(size !== undefined && { shardBytes: byteCount(size) }),
    ...(dtype !== undefined && { dtype: typeNamed(dtype) }),
    ...(statistics !== undefined && { statistics }),
    ...(quantised !== undefined && { quantised }),
  };
}

function parsed(args: readonly string[]): {
  values: Readonly<Record<string, boolean | string[] | undefined>>;
  positionals: readonly string[];
} {
  const options: Record<string, { type: 'boolean' } | { type: 'string'; multiple: true }> = {};
  for (const name of FLAGS) options[name] = { type: 'boolean' };
  // A list, so that an option that is given twice is seen.
  for (const name of TEXTS) options[name] = { type: 'string', multiple: true };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options }) as never;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** An empty one is a variable that is not set. */
function needed(option: string, what: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`compress with a plan needs --${option} ${what}`);
  return value;
}

function layoutName(name: string | undefined): LayoutName {
  if (name !== undefined && isLayoutName(name)) return name;
  const known = saveLayouts.map((each) => each.name).join(', ');
  throw new UsageError(
    name === undefined ? `compress with a plan needs --to LAYOUT: ${known}` : `--to is one of ${known}, not "${name}"`,
  );
}

function typeNamed(name: string): DType {
  const dtype = DTYPES.get(name.toLowerCase());
  if (dtype) return dtype;
  throw new UsageError(`--dtype is one of ${[...DTYPES.keys()].join(', ')}, not "${name}"`);
}

function byteCount(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = unit === '' ? 1 : UNITS.get(unit.toLowerCase());
  if (digits !== undefined && factor !== undefined) return Math.floor(Number(digits) * factor);
  throw new UsageError(`--shard-size is a number with MB or GB, as in 5GB, not "${text}"`);
}
