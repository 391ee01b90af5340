/** Which files of a workspace are checkpoints, by name alone. The same lists stand in package.json's `contributes`. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

const SUFFIXES = ['.safetensors', '.pt', '.pth', '.bin', '.ckpt', '.th', '.jit', '.onnx'];
const INDEX_SUFFIX = '.safetensors.index.json';
const TENSORFLOW_JS = 'model.json';

/** For the open dialog. */
export const DIALOG_EXTENSIONS = [...SUFFIXES.map((suffix) => suffix.slice(1)), 'json'];

/** For `findFiles` and file system watchers. */
export const WORKSPACE_GLOB = `**/{${[...SUFFIXES, INDEX_SUFFIX].map((suffix) => `*${suffix}`).join(',')},${TENSORFLOW_JS}}`;

/** One shard of several, as Hugging Face names them: the index file beside them stands for all. */
const SHARD = /-\d{5}-of-\d{5}\.safetensors$/;

export function isCheckpointName(file: string): boolean {
  const name = path.basename(file).toLowerCase();
  return name === TENSORFLOW_JS || name.endsWith(INDEX_SUFFIX) || SUFFIXES.includes(path.extname(name));
}

/** Without the shards that an index file of the same folder lists. */
export function withoutIndexedShards(files: readonly string[]): string[] {
  const indexed = new Set(files.filter((file) => file.endsWith(INDEX_SUFFIX)).map((file) => path.dirname(file)));
  return files.filter((file) => !(SHARD.test(file) && indexed.has(path.dirname(file))));
}

/** Folders that stand for one checkpoint: those with an index, a `model.json` or a single file. */
export function checkpointFolders(files: readonly string[]): string[] {
  const byFolder = new Map<string, string[]>();
  for (const file of files) byFolder.set(path.dirname(file), [...(byFolder.get(path.dirname(file)) ?? []), file]);
  return [...byFolder].filter(([, inside]) => chosenOf(inside) !== undefined).map(([folder]) => folder);
}

/** The one of a folder's checkpoints that stands for all of them. */
function chosenOf(checkpoints: readonly string[]): string | undefined {
  const index = checkpoints.find((file) => file.endsWith(INDEX_SUFFIX));
  const model = checkpoints.find((file) => path.basename(file) === TENSORFLOW_JS);
  return index ?? model ?? (checkpoints.length === 1 ? checkpoints[0] : undefined);
}

/**
 * The file that stands for what was clicked: a folder's index of shards, its `model.json` or its only checkpoint; a
 * file itself. A folder without any is returned as it is, for the engine to say what is missing.
 */
export async function checkpointIn(clicked: string): Promise<string> {
  if (!(await stat(clicked)).isDirectory()) return clicked;
  const names = (await readdir(clicked)).sort().filter(isCheckpointName);
  const chosen = chosenOf(names);
  return chosen === undefined ? clicked : path.join(clicked, chosen);
}
