/** Which of a workspace's files stand for a model by themselves, by name alone. */
import path from 'node:path';
import {
  DISTRIBUTED_METADATA,
  DISTRIBUTED_RECORDS,
  likelihoodPlace,
  PIPELINE_INDEX,
  SAVED_MODEL,
  TENSORFLOW_VARIABLES,
} from '../../shared/names/checkpointNames';
import { folderMeaning } from '../../shared/names/folderMeaning';
import { shardEnding, withoutFurtherParts } from '../../shared/names/shardNames';

/** The model's folder of a file in the download cache. */
const CACHED_MODEL = /^(.*[\\/]models--[^\\/]+)[\\/]snapshots[\\/]/;

const INDEX_ENDING = '.index.json';

/**
 * Without the shards that an index or a `.metadata` of the same folder stands for, the variables of SavedModels and the
 * parts of pipelines; of GGUF parts the first of each model.
 */
export function wholeCheckpoints(files: readonly string[]): string[] {
  // Folder and ending: weights of one format may have an index while those of another beside them have none.
  const indexed = new Set(files.filter((file) => file.endsWith(INDEX_ENDING)).map(indexedBy));
  const all = new Set(files);
  const stoodFor = (file: string): boolean => {
    const folder = path.dirname(file);
    const name = path.basename(file);
    const ending = shardEnding(name);
    if (ending !== undefined && indexed.has(folder + ending)) return true;
    if (all.has(path.join(folder, '..', PIPELINE_INDEX))) return true;
    if (name.endsWith(DISTRIBUTED_RECORDS)) return all.has(path.join(folder, DISTRIBUTED_METADATA));
    return name === TENSORFLOW_VARIABLES && all.has(path.join(folder, '..', SAVED_MODEL));
  };
  return withoutFurtherParts(files).filter((file) => !stoodFor(file));
}

/** `/m/model.safetensors.index.json` → `/m.safetensors`. */
function indexedBy(index: string): string {
  return path.dirname(index) + path.extname(index.slice(0, -INDEX_ENDING.length));
}

/** Files that stand for all of their folder come first, then the likeliest names: others use `.bin` and `.npy`, too. */
export function likeliestFirst(files: readonly string[]): string[] {
  const byFolder = new Map<string, string[]>();
  for (const file of files) {
    const folder = path.dirname(file);
    const known = byFolder.get(folder);
    if (known) known.push(path.basename(file));
    else byFolder.set(folder, [path.basename(file)]);
  }
  const whole = new Set<string>();
  for (const [folder, names] of byFolder) {
    const meaning = folderMeaning(names);
    if (meaning.kind === 'file' && names.length > 1) whole.add(path.join(folder, meaning.name));
  }
  const place = (file: string): number => (whole.has(file) ? -1 : likelihoodPlace(file));
  return files
    .map((file) => ({ file, at: place(file) }))
    .sort((a, b) => a.at - b.at)
    .map(({ file }) => file);
}

/** Folders that hold a checkpoint directly, or are a model of Hugging Face's download cache with a snapshot that does. */
export function checkpointFolders(files: readonly string[]): string[] {
  const folders = files.map((file) => path.dirname(file));
  const cached = folders.flatMap((folder) => CACHED_MODEL.exec(folder)?.[1] ?? []);
  return [...new Set([...folders, ...cached])];
}
