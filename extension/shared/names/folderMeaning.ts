/**
 * Which file of a folder is meant by the folder: one rule, on the names of its files alone, for the engine, the host's
 * menus and the parts of pipelines. It takes the file that the model's own library loads.
 *
 * @see https://github.com/huggingface/transformers src/transformers/modeling_utils.py: one file before an index,
 *   safetensors before PyTorch
 * @see https://github.com/huggingface/diffusers src/diffusers/models/modeling_utils.py: an index before one file
 */
import {
  DISTRIBUTED_METADATA,
  DISTRIBUTED_RECORDS,
  mayBeCheckpoint,
  OPENED_PATTERNS,
  PIPELINE_INDEX,
  SAVED_MODEL,
  TENSORFLOW_DATA,
  TENSORFLOW_INDEX,
} from './checkpointNames';
import { isDeepspeed } from './deepspeedNames';
import { isShardName, shardSet, withoutFurtherParts } from './shardNames';

export type FolderMeaning =
  /** One file, or an index of shards. `others` are the same weights in another format or variant. */
  | { readonly kind: 'file'; readonly name: string; readonly others: readonly string[] }
  /** Shards without an index: the names of all that their numbers promise. */
  | { readonly kind: 'shards'; readonly names: readonly string[] }
  /** Several models, of which a person chooses one. */
  | { readonly kind: 'several'; readonly names: readonly string[] }
  /** What DeepSpeed wrote, which only its own script can put together. */
  | { readonly kind: 'deepspeed' }
  | { readonly kind: 'none' };

/** The usual weights, as transformers and diffusers look for them: the preferred first. */
const USUAL = [
  'model.safetensors',
  'model.safetensors.index.json',
  'diffusion_pytorch_model.safetensors.index.json',
  'diffusion_pytorch_model.safetensors',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
  'diffusion_pytorch_model.bin.index.json',
  'diffusion_pytorch_model.bin',
] as const;

/** Where transformers looks for a model's weights: a base model, say. */
export const TRANSFORMERS_WEIGHTS: readonly string[] = USUAL.filter((name) => !name.startsWith('diffusion_'));

/** `model.fp16.safetensors`; an index is `….safetensors.index.fp16.json`, or has its variant in front. */
const VARIANT =
  /^(\w+)\.([\w-]+)\.(safetensors|bin)(\.index\.json)?$|^(\w+\.(?:safetensors|bin)\.index)\.([\w-]+)\.json$/;

/** What a program means that asks for half precision; of other variants none is more usual than another. */
const HALF = 'fp16';

/** Whole models of other libraries, the preferred first: what lies beside them is the same model, or no model. */
const OTHER_WHOLE = [
  'adapter_model.safetensors',
  'model.json',
  'model.onnx',
  SAVED_MODEL,
  'tf_model.h5',
  'flax_model.msgpack',
];

const INDEXES = ['.safetensors.index.json', '.bin.index.json'];
/** Names the latest of TensorFlow's checkpoints in its folder. */
export const LATEST = 'checkpoint';

/** Names and endings that are looked for, each once, to tell a person. */
export const LOOKED_FOR: readonly string[] = [
  ...new Set([PIPELINE_INDEX, ...USUAL, ...OTHER_WHOLE, ...OPENED_PATTERNS]),
];

/** @param unsorted names of the folder's files, without its folders */
export function folderMeaning(unsorted: readonly string[]): FolderMeaning {
  const names = [...unsorted].sort();
  const file = (name: string, others: readonly string[] = []): FolderMeaning => ({ kind: 'file', name, others });
  if (names.includes(PIPELINE_INDEX)) return file(PIPELINE_INDEX);
  const [edition, ...others] = editions(names);
  if (edition !== undefined) return file(edition, others);
  const indexes = INDEXES.map((ending) => names.filter((name) => name.endsWith(ending))).find(
    (some) => some.length > 0,
  );
  if (indexes?.length === 1) return file(indexes[0]!);
  const whole = OTHER_WHOLE.find((name) => names.includes(name));
  if (whole !== undefined) return file(whole);
  if (isDeepspeed(names)) return { kind: 'deepspeed' };
  const records = names.find((name) => name.endsWith(DISTRIBUTED_RECORDS));
  if (records !== undefined) return file(names.includes(DISTRIBUTED_METADATA) ? DISTRIBUTED_METADATA : records);
  return choice(names, indexes);
}

/** Of files without a name that says which is meant. */
function choice(names: readonly string[], indexes: readonly string[] | undefined): FolderMeaning {
  if (indexes) return { kind: 'several', names: indexes };
  const bundles = new Set(
    names.flatMap((name) => (TENSORFLOW_DATA.test(name) ? name.replace(TENSORFLOW_DATA, '') : [])),
  );
  const candidates = names.filter((name) => {
    // An index without data is of something else, as names go; the metadata stand for records that are not there.
    if (isBundle(name)) return bundles.has(name.slice(0, -TENSORFLOW_INDEX.length));
    return mayBeCheckpoint(name) && name !== DISTRIBUTED_METADATA;
  });
  const set = shardSet(candidates);
  if (set) return { kind: 'shards', names: set };
  const choices = withoutFurtherParts(candidates);
  if (choices.length === 0) return { kind: 'none' };
  if (choices.length === 1) return { kind: 'file', name: choices[0]!, others: [] };
  if (names.includes(LATEST) && choices.every(isBundle)) return { kind: 'file', name: LATEST, others: [] };
  return { kind: 'several', names: choices };
}

function isBundle(name: string): boolean {
  return name.endsWith(TENSORFLOW_INDEX);
}

/** The usual weights that there are, then their variants: half precision, or another one if nothing else lies there. */
function editions(names: readonly string[]): string[] {
  const usual = USUAL.filter((name) => names.includes(name));
  const variants = new Map<string, string[]>();
  for (const name of names) {
    const { variant, usual: of } = variantOf(name);
    if (variant !== undefined && isUsual(of)) variants.set(variant, [...(variants.get(variant) ?? []), name]);
  }
  const place = (name: string): number => (USUAL as readonly string[]).indexOf(variantOf(name).usual);
  const sorted = [...variants].sort(([a], [b]) => Number(b === HALF) - Number(a === HALF) || a.localeCompare(b, 'en'));
  if (usual.length === 0 && !variants.has(HALF)) {
    // No program takes another variant unless it is told to: beside anything else it is one of several.
    const ofVariant = new Set([...variants.values()].flat());
    const others = names.some((name) => mayBeCheckpoint(name) && !isShardName(name) && !ofVariant.has(name));
    if (variants.size > 1 || others) return [];
  }
  return [...usual, ...sorted.flatMap(([, each]) => each.sort((a, b) => place(a) - place(b)))];
}

function isUsual(name: string): boolean {
  return (USUAL as readonly string[]).includes(name);
}

/** The variant in a name, and the name of the usual weights that they are a variant of. */
function variantOf(name: string): { variant?: string; usual: string } {
  if (isShardName(name)) return { usual: name };
  const [, stem, before, format, index = '', indexStem, after] = VARIANT.exec(name) ?? [];
  if (before !== undefined) return { variant: before, usual: `${stem}.${format}${index}` };
  if (after !== undefined) return { variant: after, usual: `${indexStem}.json` };
  return { usual: name };
}
