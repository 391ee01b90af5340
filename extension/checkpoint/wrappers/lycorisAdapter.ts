/**
 * LoHa and LoKr adapters: of PEFT, whose `adapter_config.json` has the scale, and of LyCORIS and kohya's scripts, whose
 * modules have an α each. `lycorisWeights.ts` says what the tensors make.
 */
import path from 'node:path';
import type { TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { isFloating } from '../elements/dtype';
import { elementCount } from '../elements/shape';
import { isObject, readJsonObject } from '../files/jsonFile';
import { lohaWeight, lokrWeight } from './lycorisWeights';
import { madeInfo, type MadeWeight } from './madeWeights';

const CONFIG = 'adapter_config.json';
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

const MEMBER = /^(.+)\.(hada|lokr)_(w[12](?:_[ab])?|t[12])$/;

export function isLycorisMember(name: string): boolean {
  return (name.includes('.hada_') || name.includes('.lokr_')) && MEMBER.test(name);
}

/** What PEFT's configuration says of the scale. */
export interface LycorisConfig {
  readonly file: string;
  scaleOf(module: string): number | string;
}

/** @returns undefined without a configuration of such an adapter. @throws CheckpointError, AbortError */
export async function readLycorisConfig(folder: string, signal?: AbortSignal): Promise<LycorisConfig | undefined> {
  const file = path.join(folder, CONFIG);
  let value: Record<string, unknown>;
  try {
    value = await readJsonObject(file, MAX_CONFIG_BYTES, signal);
  } catch (error) {
    if (error instanceof CheckpointError && error.code === 'not-found') return undefined;
    throw error;
  }
  if (value.peft_type !== 'LOHA' && value.peft_type !== 'LOKR') return undefined;
  const of = (all: unknown, patterns: unknown, module: string): unknown => {
    const entries = Object.entries(isObject(patterns) ? patterns : {});
    const found = entries.find(([name]) => module === name || module.endsWith(`.${name}`));
    return found ? found[1] : all;
  };
  const unclear = [value.rank_pattern, value.alpha_pattern]
    .flatMap((patterns) => Object.keys(isObject(patterns) ? patterns : {}))
    .find((name) => /[\\*+?()[\]{}|^$]/.test(name));
  return {
    file,
    scaleOf(module) {
      if (unclear !== undefined)
        return `${CONFIG} has the pattern ${JSON.stringify(unclear)}, which is no module's name`;
      const [alpha, rank] = [of(value.alpha, value.alpha_pattern, module), of(value.r, value.rank_pattern, module)];
      if (typeof alpha === 'number' && Number.isFinite(alpha) && typeof rank === 'number' && rank >= 1)
        return alpha / rank;
      return `${CONFIG} has the alpha ${JSON.stringify(alpha)} and the rank ${JSON.stringify(rank)}`;
    },
  };
}

interface Adapted {
  readonly module: string;
  readonly kind: 'hada' | 'lokr';
  readonly members: Record<string, TensorInfo>;
}

export interface LycorisTools {
  readonly tensors: readonly TensorInfo[];
  readonly config: LycorisConfig | undefined;
  readonly alpha: (module: string) => number | string | undefined;
  readonly refuse: (tensor: string, message: string) => void;
}

export function lycorisWeights({ tensors, config, alpha, refuse }: LycorisTools): MadeWeight[] {
  const adapted = new Map<string, Adapted>();
  const names = new Set<string>();
  for (const tensor of tensors) {
    names.add(tensor.name);
    const [, module, kind, member] = isLycorisMember(tensor.name) ? (MEMBER.exec(tensor.name) ?? []) : [];
    if (module === undefined || member === undefined) continue;
    const key = JSON.stringify([tensor.group, module, kind]);
    const own = adapted.get(key) ?? { module, kind: kind as Adapted['kind'], members: {} };
    own.members[member] = tensor;
    adapted.set(key, own);
  }
  return [...adapted.values()].flatMap((each) => {
    const made = madeWeight(each, names, config, alpha);
    if (typeof made !== 'string') return [made];
    refuse(Object.values(each.members)[0]!.name, made);
    return [];
  });
}

/** @returns why it is none, in words */
function madeWeight(
  { module, kind, members }: Adapted,
  names: ReadonlySet<string>,
  config: LycorisConfig | undefined,
  alphaOf: LycorisTools['alpha'],
): MadeWeight | string {
  const label = kind === 'hada' ? 'LoHa' : 'LoKr';
  const all = Object.values(members);
  if (!all.every(({ dtype, unreadable }) => isFloating(dtype) && unreadable === undefined)) {
    return `is of a ${label} whose tensors are not all floating-point numbers that can be read`;
  }
  const added = (kind === 'hada' ? lohaWeight : lokrWeight)(members);
  if (typeof added === 'string') return `is of a ${label}, but ${added}`;
  const count = elementCount(added.shape);
  if (typeof count === 'string') return `is of a ${label} that ${count}`;
  if (names.has(`${module}.dora_scale`)) return `is of a ${label} with DoRA, which gives each output another length`;
  const scale = scaleOf(module, added.rank, config, alphaOf);
  if (typeof scale === 'string') return `is of a ${label}, but ${scale}: its scale is unknown`;
  const name = `${module}.delta_weight`;
  if (names.has(name)) return `is of a ${label}, but there is a tensor ${name}`;
  const encoding = added.rank === undefined ? label : `${label} r=${added.rank}`;
  return {
    info: madeInfo({ name, group: all[0]!.group, shape: added.shape, encoding }, { madeOf: all }),
    rows: async (range, read) => (await added.rows(range, read)).map((value) => scale * value),
    hidesParts: false,
  };
}

function scaleOf(
  module: string,
  rank: number | undefined,
  config: LycorisConfig | undefined,
  alphaOf: LycorisTools['alpha'],
): number | string {
  if (config) return config.scaleOf(module.replace(/^base_model\.model\./, ''));
  const alpha = alphaOf(module);
  if (typeof alpha === 'string') return alpha;
  // PEFT's names for what it wraps: its files have no α of their own.
  if (alpha === undefined && module.startsWith('base_model.model.')) return `there is no ${CONFIG} beside it`;
  return alpha === undefined || rank === undefined ? 1 : alpha / rank;
}
