/**
 * Reads the text of a plan's file. Everything is checked that can be without the model: keys, types, methods and their
 * options. `checkPlan.ts` holds the rest against a model.
 */
import { layerMethods, type LayerMethodRow } from '../../shared/compression/methodTable';
import {
  ALLOCATIONS,
  type CompressionPlan,
  type GroupPlan,
  type LayerChoice,
  type LayerPlan,
} from '../../shared/compression/plans';
import { didYouMean } from '../../shared/names/nearestNames';
import { CompressionError } from '../compressionError';
import { patternProblem } from '../plan/patterns';
import { placeOf, repeatedKey } from './jsonPlaces';
import {
  FINGERPRINT,
  GROUP_METHODS,
  methodRow,
  MULTIPLES,
  NAMED_KEYS,
  optionRow,
  PLAN_KEYS,
  PLAN_VERSION,
  REQUIRED_KEYS,
  TARGET_KINDS,
} from '../../shared/compression/planKeys';

type Path = readonly (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

/** @throws CompressionError `invalid-plan`: what is wrong, where (`layers["a"].rank`), and what is possible there */
export function parsePlan(text: string, file: string): CompressionPlan {
  return new PlanReader(file).plan(text);
}

class PlanReader {
  constructor(private readonly file: string) {}

  plan(text: string): CompressionPlan {
    const fields = this.object(this.json(text), [], Object.keys(PLAN_KEYS), REQUIRED_KEYS);
    const { version, statistics, groups } = fields;
    if (version !== PLAN_VERSION) {
      this.refuse(['version'], `is ${shown(version)}, and this program reads version ${PLAN_VERSION}`);
    }
    if (fields.$schema !== undefined) this.text(fields.$schema, ['$schema']);
    if (fields.relative !== undefined && typeof fields.relative !== 'boolean') {
      this.refuse(['relative'], `is ${shown(fields.relative)}, not true or false`);
    }
    this.named(fields.checkpoint, ['checkpoint']);
    if (statistics !== undefined) this.named(statistics, ['statistics']);
    this.target(fields.target);
    this.oneOf(fields.allocation, ALLOCATIONS, ['allocation']);
    this.choice(fields.method, ['method'], false);
    this.patterns(fields.exclude);
    this.oneOf(fields.multiple, MULTIPLES, ['multiple']);
    for (const [name, layer] of this.entries(fields.layers, ['layers'])) this.layer(layer, ['layers', name]);
    if (groups !== undefined) {
      for (const [name, group] of this.entries(groups, ['groups'])) this.group(group, ['groups', name]);
    }
    return fields as unknown as CompressionPlan;
  }

  private json(text: string): unknown {
    let value: unknown;
    try {
      // A byte order mark is what some editors put in front.
      value = JSON.parse(text.replace(/^\uFEFF/u, ''));
    } catch (error) {
      throw this.error(`it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
    const twice = repeatedKey(text);
    if (twice !== undefined) throw this.error(`${twice} is there twice; remove one of the two`);
    return value;
  }

  private layer(value: unknown, path: Path): LayerPlan {
    const fields = this.object(value, path);
    if (!Object.hasOwn(fields, 'keep')) return this.choice(value, path, true);
    this.object(value, path, ['keep', 'why'], ['keep', 'why']);
    if (fields.keep !== 'dense') this.refuse([...path, 'keep'], `is ${shown(fields.keep)}; "dense" is possible`);
    this.text(fields.why, [...path, 'why']);
    return fields as unknown as LayerPlan;
  }

  /** @param ranked a method that has a rank needs it here */
  private choice(value: unknown, path: Path, ranked: boolean): LayerChoice {
    const fields = this.object(value, path);
    const names = layerMethods.map(({ name }) => name);
    if (!Object.hasOwn(fields, 'method')) this.refuse(path, 'has no method, and no keep');
    const row = methodRow(this.oneOf(fields.method, names, [...path, 'method']) as string)!;
    const { rank, options } = row;
    const known = ['method', ...(rank === undefined ? [] : ['rank']), ...options];
    this.object(value, path, known, rank !== undefined && ranked ? ['method', 'rank'] : ['method'], ownKeys(row));
    if (fields.rank !== undefined) this.integer(fields.rank, 1, Number.MAX_SAFE_INTEGER, [...path, 'rank']);
    for (const option of options)
      if (fields[option] !== undefined) this.option(option, fields[option], [...path, option]);
    return fields as unknown as LayerChoice;
  }

  private option(name: string, value: unknown, path: Path): void {
    const row = optionRow(name)!;
    switch (row.kind) {
      case 'integer':
        this.integer(value, row.least, row.most, path);
        break;
      case 'share':
        this.share(value, path);
        break;
      case 'choice':
        this.oneOf(value, row.choices, path);
        break;
    }
  }

  private group(value: unknown, path: Path): GroupPlan {
    const fields = this.object(value, path, ['method', 'rank'], ['method', 'rank']);
    this.oneOf(fields.method, Object.keys(GROUP_METHODS), [...path, 'method']);
    this.integer(fields.rank, 1, Number.MAX_SAFE_INTEGER, [...path, 'rank']);
    return fields as unknown as GroupPlan;
  }

  private target(value: unknown): void {
    const fields = this.object(value, ['target'], ['kind', 'value'], ['kind', 'value']);
    this.oneOf(fields.kind, Object.keys(TARGET_KINDS), ['target', 'kind']);
    this.share(fields.value, ['target', 'value']);
  }

  private named(value: unknown, path: Path): void {
    const fields = this.object(value, path, Object.keys(NAMED_KEYS), Object.keys(NAMED_KEYS));
    this.text(fields.name, [...path, 'name']);
    if (typeof fields.fingerprint !== 'string' || !FINGERPRINT.test(fields.fingerprint)) {
      this.refuse([...path, 'fingerprint'], `is ${shown(fields.fingerprint)}, not 64 hexadecimal digits`);
    }
  }

  private patterns(value: unknown): void {
    if (!Array.isArray(value)) this.refuse(['exclude'], `is ${shown(value)}, not a list of regular expressions`);
    for (const [i, pattern] of (value as unknown[]).entries()) {
      const problem = patternProblem(this.text(pattern, ['exclude', i]));
      if (problem !== undefined) this.refuse(['exclude', i], `cannot be used: ${problem}`);
    }
  }

  private entries(value: unknown, path: Path): [string, unknown][] {
    return Object.entries(this.object(value, path));
  }

  /**
   * @param known keys that it may have; any if not given
   * @param possible what to say of the keys that are known
   */
  private object(
    value: unknown,
    path: Path,
    known?: readonly string[],
    required: readonly string[] = [],
    possible = `known are ${known?.join(', ') ?? ''}`,
  ): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.refuse(path, `is ${shown(value)}, not an object`);
    }
    for (const key of Object.keys(value)) {
      if (!known || known.includes(key)) continue;
      this.refuse([...path, key], `is no key of this format${didYouMean(key, known)}; ${possible}`);
    }
    const absent = required.find((key) => !Object.hasOwn(value, key));
    if (absent !== undefined) this.refuse([...path, absent], 'is missing');
    return value as Fields;
  }

  private text(value: unknown, path: Path): string {
    return typeof value === 'string' ? value : this.refuse(path, `is ${shown(value)}, not a text`);
  }

  private share(value: unknown, path: Path): void {
    if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
      this.refuse(path, `is ${shown(value)}, not a number from 0 to 1`);
    }
  }

  private integer(value: unknown, least: number, most: number, path: Path): void {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
      const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
      this.refuse(path, `is ${shown(value)}, not a whole number ${range}`);
    }
  }

  private oneOf(value: unknown, possible: readonly (string | number)[], path: Path): unknown {
    if (possible.includes(value as string | number)) return value;
    const near = typeof value === 'string' ? didYouMean(value, possible.map(String)) : '';
    return this.refuse(
      path,
      `is ${shown(value)}${near === '' ? '; possible' : `${near} Possible`} are ${possible.join(', ')}`,
    );
  }

  private refuse(path: Path, what: string): never {
    throw this.error(`${path.length === 0 ? 'the plan' : placeOf(path)} ${what}`);
  }

  private error(message: string): CompressionError {
    return new CompressionError('invalid-plan', message, { file: this.file });
  }
}

function ownKeys({ name, rank, options }: LayerMethodRow): string {
  const own = [...(rank === undefined ? [] : ['rank']), ...options];
  return own.length === 0 ? `${name} takes nothing` : `${name} takes ${own.join(', ')}`;
}

/** Characters of a wrong value that a message shows. */
const MAX_SHOWN = 60;

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text =
    typeof value === 'object' && value !== null
      ? Array.isArray(value)
        ? 'a list'
        : 'an object'
      : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
