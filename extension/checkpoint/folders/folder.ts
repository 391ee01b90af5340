/** Finds the checkpoint in a folder, by the names that model repositories use. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../checkpointError';
import { deepspeedRefusal } from '../pytorch/deepspeed';
import { METADATA_NAME, RECORDS_SUFFIX } from '../pytorch/distributed';
import { fileError } from '../files/fileReader';
import { partNames } from '../gguf/ggufParts';
import { snapshotOf } from './hubCache';
import { isOrbax, orbaxRefusal } from '../flax/orbax';
import { firstNames } from '../problemList';
import { dataFilePrefix, INDEX_SUFFIX, LATEST } from '../tensorflow/tensorBundlePath';

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

/** Folders within one without a checkpoint that are looked into; a person reads the names of the first ten. */
const MAX_FOLDERS_WITHIN = 50;
const NAMES_SHOWN = 10;

/** Endings of indexes of shards, the preferred first: model repositories hold the same weights in both formats. */
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
  const { files, folders } = await namesIn(folder);
  const found = contentOf(folder, files, suffixes);
  if (found) return found;
  const within = await checkpointsWithin(folder, folders, suffixes);
  if (within.length > 0) {
    const message = `holds no checkpoint itself, but folders with one (${firstNames(within, NAMES_SHOWN)})`;
    throw new CheckpointError('not-found', message, { file: folder, remedy: 'open one of them' });
  }
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

/** Undefined where the folder itself holds none. @throws CheckpointError `ambiguous`, `unsupported`, as `findInFolder` */
function contentOf(folder: string, names: readonly string[], suffixes: readonly string[]): FolderContent | undefined {
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
    const message = `holds several checkpoints (${firstNames(choices, NAMES_SHOWN)})`;
    throw new CheckpointError('ambiguous', message, { file: folder });
  }
  if (names.some(isOrbax)) throw orbaxRefusal(folder);
  return undefined;
}

/**
 * Names of the folders in this one that hold a checkpoint, or several: runs, steps of one run, models of a download cache.
 *
 * @throws CheckpointError `unsupported` where all that the first of them holds is Orbax's or DeepSpeed's
 */
async function checkpointsWithin(
  folder: string,
  folders: readonly string[],
  suffixes: readonly string[],
): Promise<string[]> {
  const within: string[] = [];
  let refused: CheckpointError | undefined;
  for (const name of folders.slice(0, MAX_FOLDERS_WITHIN)) {
    const inner = path.join(folder, name);
    try {
      const place = (await snapshotOf(inner)) ?? inner;
      if (contentOf(place, (await namesIn(place)).files, suffixes)) within.push(name);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      if (error.code === 'ambiguous') within.push(name);
      // What cannot be listed holds nothing that could be opened either.
      if (error.code === 'unsupported') refused ??= error;
    }
  }
  if (within.length === 0 && refused) throw refused;
  return within;
}

/** True for one of the endings; those without a leading dot are whole names. */
export function hasSuffix(file: string, suffixes: readonly string[]): boolean {
  const name = path.basename(file).toLowerCase();
  return suffixes.some((suffix) => (suffix.startsWith('.') ? name.endsWith(suffix) : name === suffix));
}

/** What is no folder counts as a file: links, too. */
async function namesIn(folder: string): Promise<{ files: string[]; folders: string[] }> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const named = (isFolder: boolean): string[] =>
      entries.filter((entry) => entry.isDirectory() === isFolder).map(({ name }) => name);
    return { files: named(false), folders: named(true).sort() };
  } catch (error) {
    throw fileError(error, folder);
  }
}

function isTensorflow(name: string): boolean {
  return name.endsWith(INDEX_SUFFIX);
}

/** True if any of them opens all: parts of one GGUF model. */
function arePartsOfOne(names: readonly string[]): boolean {
  const parts = new Set(partNames(names[0] ?? ''));
  return names.length > 0 && names.every((name) => parts.has(name));
}

/** All names of the one set that the candidates are shards of, missing ones too; undefined where they are not. */
export function shardSet(candidates: readonly string[]): readonly string[] | undefined {
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
