/** Which checkpoint a folder holds, by the names that model repositories use. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from './checkpoint';
import { deepspeedRefusal } from './deepspeed';
import { METADATA_NAME, RECORDS_SUFFIX } from './distributed';
import { fileError } from './fileReader';
import { partNames } from './ggufParts';
import { isOrbax, orbaxRefusal } from './orbax';
import { dataFilePrefix, INDEX_SUFFIX, LATEST } from './tensorBundlePath';

/** Stands for a whole folder of folders; what lies beside it is another edition of the same weights. */
const PIPELINE = 'model_index.json';

/** In the order in which they are taken: weights that were saved last in the safest format come first. */
const PREFERRED = [
  'model.safetensors.index.json',
  'model.safetensors',
  'model.json',
  'pytorch_model.bin.index.json',
  'pytorch_model.bin',
  'adapter_model.safetensors',
  'model.onnx',
  'saved_model.pb',
];

/** Folders in a folder without a checkpoint that are looked into: runs keep some dozen steps. */
const MAX_STEPS = 100;

/** Of indexes of shards, the preferred first: model repositories hold the same weights in both formats. */
const INDEXES = ['.safetensors.index.json', '.bin.index.json'];

/** `model-00002-of-00007.safetensors` */
const SHARD = /^(.*)-(\d{5,})-of-(\d{5,})(\.safetensors|\.bin)$/;

/** More shards than any model has; a name that promises more is not believed. */
const MAX_SHARDS = 10_000;

export type FolderContent =
  /** One file, or an index of shards. */
  | { readonly kind: 'file'; readonly path: string }
  /** Shards without an index: the names of all that their numbers promise. */
  | { readonly kind: 'shards'; readonly names: readonly string[] };

/**
 * @param suffixes endings and whole names of all known formats
 * @throws CheckpointError `not-found` where the folder holds no checkpoint, `ambiguous` where it holds several,
 *   `unsupported` for what Orbax or DeepSpeed wrote
 */
export async function findInFolder(folder: string, suffixes: readonly string[]): Promise<FolderContent> {
  const names = await fileNames(folder);
  const file = (name: string): FolderContent => ({ kind: 'file', path: path.join(folder, name) });
  if (names.includes(PIPELINE)) return file(PIPELINE);
  const indexes = INDEXES.map((suffix) => names.filter((name) => name.endsWith(suffix))).find(
    ({ length }) => length > 0,
  );
  const preferred = PREFERRED.find((name) => names.includes(name));
  if (indexes?.length === 1 && preferred !== 'model.safetensors') return file(indexes[0]!);
  if (preferred !== undefined) return file(preferred);
  const refused = deepspeedRefusal(folder, names);
  if (refused) throw refused;
  const records = names.find((name) => name.endsWith(RECORDS_SUFFIX));
  if (records !== undefined) return file(names.includes(METADATA_NAME) ? METADATA_NAME : records);
  const bundles = new Set(names.map(dataFilePrefix));
  const candidates = names.filter((name) => {
    // An index without data is of something else, as names go.
    if (isTensorflow(name)) return bundles.has(name.slice(0, -INDEX_SUFFIX.length));
    return hasSuffix(name, suffixes) && !hasSuffix(name, INDEXES);
  });
  const set = shardSet(candidates);
  if (set) return { kind: 'shards', names: set };
  const choices = indexes ?? candidates;
  if (choices.length === 1 || arePartsOfOne(choices)) return file(choices[0]!);
  if (choices.length > 1) {
    if (names.includes(LATEST) && choices.every(isTensorflow)) return file(LATEST);
    const message = `holds several checkpoints (${choices.slice(0, 10).join(', ')}${choices.length > 10 ? ', …' : ''})`;
    throw new CheckpointError('ambiguous', message, { file: folder });
  }
  if (names.some(isOrbax) || (await hasOrbaxStep(folder))) throw orbaxRefusal(folder);
  const looked = [
    PIPELINE,
    ...PREFERRED,
    ...suffixes.filter((suffix) => suffix.startsWith('.')).map((suffix) => `*${suffix}`),
  ];
  throw new CheckpointError('not-found', `holds no checkpoint; looked for ${looked.join(', ')}`, {
    file: folder,
    remedy: 'open the file itself if it has another name',
  });
}

/** True for one of the endings; those without a leading dot are whole names. */
export function hasSuffix(file: string, suffixes: readonly string[]): boolean {
  const name = path.basename(file).toLowerCase();
  return suffixes.some((suffix) => (suffix.startsWith('.') ? name.endsWith(suffix) : name === suffix));
}

async function fileNames(folder: string): Promise<string[]> {
  const entries = await entriesOf(folder);
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

async function hasOrbaxStep(folder: string): Promise<boolean> {
  const steps = (await entriesOf(folder)).filter((entry) => entry.isDirectory()).slice(0, MAX_STEPS);
  for (const { name } of steps) if ((await fileNames(path.join(folder, name))).some(isOrbax)) return true;
  return false;
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw fileError(error, folder);
  }
}

function isTensorflow(name: string): boolean {
  return name.endsWith(INDEX_SUFFIX);
}

/** Whether any of them opens all: parts of one GGUF model. */
function arePartsOfOne(names: readonly string[]): boolean {
  const parts = new Set(partNames(names[0] ?? ''));
  return names.length > 0 && names.every((name) => parts.has(name));
}

/** All names of the one set that the candidates are shards of, missing ones too; undefined where they are not. */
function shardSet(candidates: readonly string[]): readonly string[] | undefined {
  const parts = candidates.map((name) => SHARD.exec(name));
  const first = parts[0];
  if (!first || parts.some((part) => part?.[1] !== first[1] || part?.[3] !== first[3] || part?.[4] !== first[4]))
    return undefined;
  const [, prefix, number, count, suffix] = first as unknown as [string, string, string, string, string];
  const total = Number(count);
  if (total < 1 || total > MAX_SHARDS) return undefined;
  return Array.from(
    { length: total },
    (_, i) => `${prefix}-${String(i + 1).padStart(number.length, '0')}-of-${count}${suffix}`,
  );
}
