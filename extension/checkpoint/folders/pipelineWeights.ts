/**
 * Chooses the weights to read in the folder of a pipeline's part. Repositories keep several side by side: two formats,
 * and variants such as `fp16`, in the names that diffusers and transformers save them under.
 *
 * @see https://huggingface.co/docs/diffusers/using-diffusers/loading (checkpoint variants)
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../checkpointError';
import { fileError } from '../files/fileReader';
import { findInFolder, type FolderContent } from './folder';

/** `diffusion_pytorch_model.fp16.safetensors`; an index is `….safetensors.index.fp16.json`, or has its variant in front. */
const WEIGHTS =
  /^(?:diffusion_pytorch_model|pytorch_model|model)(?:\.([\w-]+))?\.(safetensors|bin)(\.index(?:\.([\w-]+))?\.json)?$/;

/** One of several files of weights: its index stands for all. */
const SHARD = /-\d{5}-of-\d{5}/;

export interface PartWeights {
  readonly found: FolderContent;
  /** The same weights in another format or variant, by the names of their files. */
  readonly others: readonly string[];
}

const PREFERRED_VARIANTS = ['', 'fp16'];

interface Choice {
  readonly name: string;
  readonly format: 'safetensors' | 'bin';
  /** '' for the usual one. */
  readonly variant: string;
  readonly index: boolean;
}

/**
 * Safetensors before PyTorch; the usual weights before fp16, and that before other variants.
 *
 * @param suffixes endings and whole names of all known formats
 * @returns undefined where the part has no weights: a tokenizer, a scheduler
 * @throws CheckpointError `not-found` without the folder, `ambiguous` where it holds several checkpoints of other names
 */
export async function weightsOfPart(folder: string, suffixes: readonly string[]): Promise<PartWeights | undefined> {
  const names = await fileNames(folder);
  const choices = names.flatMap(choiceOf).sort(byPreference);
  const [first, ...others] = choices;
  if (first) {
    return { found: { kind: 'file', path: path.join(folder, first.name) }, others: others.map(({ name }) => name) };
  }
  try {
    return { found: await findInFolder(folder, suffixes), others: [] };
  } catch (error) {
    if (error instanceof CheckpointError && error.code === 'not-found') return undefined;
    throw error;
  }
}

function choiceOf(name: string): Choice[] {
  const [, before = '', format, index, after = ''] = WEIGHTS.exec(name) ?? [];
  if (format === undefined || SHARD.test(name)) return [];
  return [{ name, format: format as Choice['format'], variant: before || after, index: index !== undefined }];
}

function byPreference(a: Choice, b: Choice): number {
  return (
    Number(a.format === 'bin') - Number(b.format === 'bin') ||
    variantPlace(a) - variantPlace(b) ||
    Number(a.index) - Number(b.index) ||
    a.name.localeCompare(b.name, 'en')
  );
}

function variantPlace({ variant }: Choice): number {
  const place = PREFERRED_VARIANTS.indexOf(variant);
  return place < 0 ? PREFERRED_VARIANTS.length : place;
}

async function fileNames(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    throw fileError(error, folder);
  }
}
