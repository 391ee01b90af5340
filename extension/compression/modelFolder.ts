/** Tells the existing files that may belong to a model, because they lie beside its checkpoint. */
import { open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { PIPELINE_INDEX } from '../shared/names/checkpointNames';
import { FileReader } from '../checkpoint/files/fileReader';
import { readSafetensorsHeader } from '../checkpoint/safetensors/safetensorsHeader';
import { NOTE_KEY } from '../shared/compression/savedNote';

/**
 * True where one of the paths lies in the model's folder, unless the file is one that Eigenscope saved. Configuration, tokenizer,
 * index, shards, the same weights in another format: no list of names has them all.
 *
 * @param places of one existing file: where it is asked for, and where links lead; folders are real ones
 * @param modelFiles files of the checkpoint
 * @param ownBeginning what a text file that Eigenscope wrote begins with
 */
export async function belongsToModel(
  places: readonly [asked: string, final: string],
  modelFiles: readonly string[],
  ownBeginning?: string,
): Promise<boolean> {
  const folders = new Set<string>();
  for (const file of modelFiles) {
    const real = await realpath(file).catch(() => path.resolve(file));
    const folder = await realpath(path.dirname(file)).catch(() => path.dirname(path.resolve(file)));
    folders.add(path.dirname(real)).add(folder);
  }
  const pipelines = new Set<string>();
  for (const folder of [...folders].flatMap((each) => [each, path.dirname(each)])) {
    if (await exists(path.join(folder, PIPELINE_INDEX))) pipelines.add(folder);
  }
  const isBeside = places.some((file) => {
    const folder = path.dirname(file);
    return folders.has(folder) || pipelines.has(folder) || pipelines.has(path.dirname(folder));
  });
  if (!isBeside) return false;
  return !(ownBeginning === undefined ? await isSavedCopy(places[1]) : await beginsWith(places[1], ownBeginning));
}

async function beginsWith(file: string, beginning: string): Promise<boolean> {
  const expected = Buffer.from(beginning);
  const content = await open(file, 'r').catch(() => undefined);
  try {
    const start = Buffer.alloc(expected.length);
    const { bytesRead } = (await content?.read(start, 0, start.length, 0)) ?? { bytesRead: 0 };
    return bytesRead === expected.length && start.equals(expected);
  } finally {
    await content?.close();
  }
}

/** A safetensors file with Eigenscope's note. */
async function isSavedCopy(file: string): Promise<boolean> {
  let reader: FileReader | undefined;
  try {
    reader = await FileReader.open(file);
    return (await readSafetensorsHeader(reader)).metadata[NOTE_KEY] !== undefined;
  } catch {
    // What cannot be read as such was not saved as such.
    return false;
  } finally {
    await reader?.close();
  }
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}
