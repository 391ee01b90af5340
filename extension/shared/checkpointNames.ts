/**
 * Recognises the checkpoints of a workspace by their names alone. The same lists stand in package.json's `contributes`.
 */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

const SUFFIXES = [
  ...['.safetensors', '.gguf', '.pt', '.pth', '.bin', '.ckpt', '.th', '.jit', '.pt2', '.onnx'],
  ...['.npy', '.npz', '.msgpack', '.tflite', '.h5', '.hdf5', '.keras', '.distcp'],
];
const INDEX_SUFFIXES = ['.safetensors.index.json', '.bin.index.json'];
const TENSORFLOW_JS = 'model.json';
const PIPELINE = 'model_index.json';

/** Indexes of TensorFlow's checkpoints, by the names that programs usually give them: other things have an index, too. */
const VARIABLES = 'variables.index';
const TENSORFLOW_INDEXES = ['*ckpt*.index', VARIABLES];
const TENSORFLOW_INDEX = /(ckpt.*|^variables)\.index$/;

/** Its variables lie in a checkpoint below it. */
const SAVED_MODEL = 'saved_model.pb';

/** Graphs with weights inside: other protobuf files end in `.pb`, too. */
const TENSORFLOW_GRAPHS = ['*frozen*.pb', '*graph*.pb'];
const TENSORFLOW_GRAPH = /(frozen|graph).*\.pb$/;

/** What a folder of PyTorch's distributed checkpoint is described by; the records are in `.distcp` files. */
const DISTRIBUTED = '.metadata';

/** Whole names of files that are checkpoints. */
const NAMES = [PIPELINE, TENSORFLOW_JS, SAVED_MODEL, DISTRIBUTED];

/** Endings and names of files that stand for all of a folder's, whatever lies beside them: the preferred first. */
const WHOLE_MODELS = [
  ...[PIPELINE, '.safetensors.index.json', 'model.safetensors', '.bin.index.json'],
  ...[TENSORFLOW_JS, SAVED_MODEL, DISTRIBUTED],
];

/** For the open dialog. */
export const DIALOG_EXTENSIONS = [...SUFFIXES.map((suffix) => suffix.slice(1)), 'json', 'index', 'pb'];

/** For `findFiles` and file system watchers. */
export const WORKSPACE_GLOB = `**/{${[
  ...[...SUFFIXES, ...INDEX_SUFFIXES].map((suffix) => `*${suffix}`),
  ...[...NAMES, ...TENSORFLOW_INDEXES, ...TENSORFLOW_GRAPHS],
].join(',')}}`;

/** One shard of several, as Hugging Face names them: the index file beside them stands for all. */
const SHARD = /-\d{5}-of-\d{5}(\.safetensors|\.bin)$/;

const RECORDS_SUFFIX = '.distcp';

/** The model's folder of a file in the cache. */
const CACHED_MODEL = /^(.*[\\/]models--[^\\/]+)[\\/]snapshots[\\/]/;

/** One part of several, as llama.cpp names them: each of them opens all. */
const PART = /-\d{5}(-of-\d{5}\.gguf)$/i;

export function isCheckpointName(file: string): boolean {
  const name = path.basename(file).toLowerCase();
  if (NAMES.includes(name) || isIndex(name) || TENSORFLOW_INDEX.test(name) || TENSORFLOW_GRAPH.test(name)) return true;
  return SUFFIXES.includes(path.extname(name));
}

function isIndex(name: string): boolean {
  return INDEX_SUFFIXES.some((suffix) => name.endsWith(suffix));
}

/**
 * Without the shards that an index or a `.metadata` of the same folder stands for, the variables of SavedModels and the
 * parts of pipelines; of GGUF parts the first of each model.
 */
export function wholeCheckpoints(files: readonly string[]): string[] {
  // Folder and suffix: weights of one format may have an index while those of another beside them have none.
  const indexed = new Set(
    files.flatMap((file) => {
      const suffix = INDEX_SUFFIXES.find((ending) => file.endsWith(ending));
      return suffix === undefined ? [] : [path.dirname(file) + suffix];
    }),
  );
  const all = new Set(files);
  const isIndexed = (file: string): boolean => {
    const [, suffix] = SHARD.exec(file) ?? [];
    return suffix !== undefined && indexed.has(`${path.dirname(file)}${suffix}.index.json`);
  };
  const stoodFor = (file: string): boolean => {
    const folder = path.dirname(file);
    if (isIndexed(file) || all.has(path.join(folder, '..', PIPELINE))) return true;
    if (file.endsWith(RECORDS_SUFFIX)) return all.has(path.join(folder, DISTRIBUTED));
    return path.basename(file) === VARIABLES && all.has(path.join(folder, '..', SAVED_MODEL));
  };
  return withoutFurtherParts(files).filter((file) => !stoodFor(file));
}

/** Files whose names others use, too (`.bin`, `.npy`), come last, in the order of the list of suffixes. */
export function likeliestFirst(files: readonly string[]): string[] {
  const place = (file: string): number => {
    if (WHOLE_MODELS.some((whole) => file.endsWith(whole))) return -1;
    const index = SUFFIXES.indexOf(path.extname(file).toLowerCase());
    return index < 0 ? SUFFIXES.length : index;
  };
  return [...files].sort((a, b) => place(a) - place(b));
}

function withoutFurtherParts(files: readonly string[]): string[] {
  const first = new Map<string, string>();
  const model = (file: string): string => file.replace(PART, '$1');
  for (const file of files) {
    const known = first.get(model(file));
    if (PART.test(file) && (known === undefined || file < known)) first.set(model(file), file);
  }
  return files.filter((file) => !PART.test(file) || first.get(model(file)) === file);
}

/** Folders that hold a checkpoint directly, or are a model of Hugging Face's download cache with a snapshot that does. */
export function checkpointFolders(files: readonly string[]): string[] {
  const folders = files.map((file) => path.dirname(file));
  const cached = folders.flatMap((folder) => CACHED_MODEL.exec(folder)?.[1] ?? []);
  return [...new Set([...folders, ...cached])];
}

/** The one of a folder's files that stands for all of them, as the engine takes it too. */
function chosenOf(names: readonly string[]): string | undefined {
  const is = (name: string, whole: string): boolean => (whole.startsWith('.') ? name.endsWith(whole) : name === whole);
  const [best] = WHOLE_MODELS.flatMap((whole) => names.filter((name) => is(name, whole)));
  return best ?? (names.length === 1 ? names[0] : undefined);
}

/**
 * What may be meant by what was clicked: a file itself; of a folder the index of shards, the whole model or the only
 * checkpoint, else all it holds, for the person to choose. Shards without an index are their folder, and one without
 * any checkpoint is returned as it is, for the engine to say what is missing.
 */
export async function checkpointsIn(clicked: string): Promise<string[]> {
  if (!(await stat(clicked)).isDirectory()) return [clicked];
  const names = withoutFurtherParts((await readdir(clicked)).sort().filter(isCheckpointName));
  const chosen = chosenOf(names);
  if (chosen !== undefined) return [path.join(clicked, chosen)];
  return names.every((name) => SHARD.test(name)) ? [clicked] : names.map((name) => path.join(clicked, name));
}
