/** A shard that was opened by itself: which of how many it is, and what stands for all of them. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ShardOfModel } from '../../shared/tensors';
import { indexNameOf, shardSet } from '../../shared/names/shardNames';

/** @returns undefined for a file whose name is not that of one shard of several */
export async function shardOfModel(file: string): Promise<ShardOfModel | undefined> {
  const name = path.basename(file);
  const names = shardSet([name]);
  const number = (names?.indexOf(name) ?? -1) + 1;
  if (!names || names.length < 2 || number < 1) return undefined;
  const place = { number, total: names.length };
  const folder = path.dirname(file);
  // `model-00002-of-00003.safetensors` is one of those that `model.safetensors.index.json` lists.
  const index = path.join(folder, indexNameOf(name)!);
  if (await exists(index)) return { ...place, whole: index };
  for (const each of names) if (!(await exists(path.join(folder, each)))) return place;
  return { ...place, whole: folder };
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}
