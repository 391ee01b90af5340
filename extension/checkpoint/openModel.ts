/**
 * Opens a model as the whole program sees it: the checkpoint that a path means, with everything that is known of it from
 * the files beside it. The engine, the command line, the process that reads headers and the tests all come here.
 *
 * The layers, from the file outwards: names of a bounded length, quantised weights decoded, copies of the embedding
 * marked, LoRA's products and what else stored parts stand for added, folds and slices readable.
 */
import path from 'node:path';
import { stat } from 'node:fs/promises';
import { hasNameOf, TENSORFLOW_INDEX } from '../shared/names/checkpointNames';
import type { Checkpoint, CheckpointFormat } from './checkpoint';
import { CheckpointError } from './checkpointError';
import { FileReader, fileError } from './files/fileReader';
import { leftByTransfer, textInPlace } from './files/textInPlace';
import { isOrbax, orbaxRefusal } from './flax/orbax';
import { diffusersFormat, DIFFUSERS } from './folders/diffusers';
import { findInFolder, type FolderContent } from './folders/folder';
import { snapshotOf } from './folders/hubCache';
import { openShardSet } from './folders/shardedCheckpoint';
import { readModelConfig, type ModelConfig } from './modelConfig';
import { withQuantisedWeights } from './quantised/quantisedCheckpoint';
import { weightFormats } from './registry';
import { wrapCheckpoint } from './wrappedCheckpoint';
import { withBoundedNames } from './wrappers/boundedNames';
import { withFactoredWeights } from './wrappers/factoredWeights';
import { withFolds } from './wrappers/foldedTensor';
import { withLoraProducts } from './wrappers/loraAdapter';
import { withSlices } from './wrappers/tensorSlice';
import { withTiedEmbeddings } from './wrappers/tiedEmbeddings';
import { l10n } from '../shared/language/l10n';

/** Enough to see the first keys of a JSON file. */
const HEAD_BYTES = 4096;

/** A checkpoint with what its configuration says. */
export interface Model extends Checkpoint {
  readonly config: ModelConfig;
}

/** All formats: those of weights, and pipelines of several models. */
export const formats: readonly CheckpointFormat[] = [diffusersFormat(openPart), ...weightFormats];

/**
 * Opens a model: one file, an index of shards, a `model.json`, a `model_index.json`, or a folder that holds one of them
 * or is a model of the download cache. One shard of several is opened as just that file. The model's `path` is the file
 * that was found (the folder itself if its shards have no index).
 *
 * @throws CheckpointError `not-found`, `permission`, `io`; `unknown-format`, `ambiguous`; what the format's `open` throws
 * @throws DOMException `AbortError` when `signal` fires
 */
export async function openModel(modelPath: string, signal?: AbortSignal): Promise<Model> {
  signal?.throwIfAborted();
  const resolved = await existingPath(path.resolve(modelPath));
  const stored = (await isFolder(resolved)) ? await openFolder(resolved, signal) : await openFile(resolved, signal);
  // An adapter's configuration lies beside its own weights, and a pipeline's parts have folders of their own.
  const whole = stored.format === DIFFUSERS ? stored : await withParts(stored, signal);
  return { ...withSlices(withFolds(whole)), config: stored.config };
}

async function withParts(stored: Model, signal?: AbortSignal): Promise<Checkpoint> {
  const products = await withLoraProducts(stored, openFile, signal);
  return withFactoredWeights(products, stored.config.fields, signal);
}

async function openFolder(folder: string, signal?: AbortSignal): Promise<Model> {
  const snapshot = (await snapshotOf(folder)) ?? folder;
  return openFound(snapshot, await findInFolder(snapshot), formats, signal);
}

/** A part of a pipeline: no pipeline, which might have itself for a part. */
function openPart(folder: string, found: FolderContent, signal?: AbortSignal): Promise<Checkpoint> {
  return openFound(folder, found, weightFormats, signal);
}

function openFile(file: string, signal?: AbortSignal): Promise<Model> {
  return openAs(formats, file, signal);
}

async function openFound(
  folder: string,
  found: FolderContent,
  among: readonly CheckpointFormat[],
  signal?: AbortSignal,
): Promise<Model> {
  if (found.kind === 'file') return openAs(among, found.path, signal);
  return withItsConfiguration(await openShardSet(folder, found.names, signal), signal);
}

/**
 * What a checkpoint's own file and the configuration beside it say.
 *
 * @throws CheckpointError, AbortError; the checkpoint is then closed
 */
async function withItsConfiguration(stored: Checkpoint, signal?: AbortSignal): Promise<Model> {
  const decoded = await withQuantisedWeights(withBoundedNames(stored), signal);
  try {
    const config = await readModelConfig(decoded, signal);
    const tied = config.copiesAreTied ? await withTiedEmbeddings(decoded, signal) : decoded;
    return { ...wrapCheckpoint(tied, {}), config };
  } catch (error) {
    await decoded.close();
    throw error;
  }
}

/** The path itself, or the index of what TensorFlow's programs call by the name that its files begin with. */
async function existingPath(file: string): Promise<string> {
  for (const candidate of [file, file + TENSORFLOW_INDEX]) {
    const found = await stat(candidate).catch(() => undefined);
    if (found) return candidate;
  }
  return file;
}

async function isFolder(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isDirectory();
  } catch (error) {
    throw fileError(error, file);
  }
}

async function openAs(among: readonly CheckpointFormat[], file: string, signal?: AbortSignal): Promise<Model> {
  const head = await readHead(file, signal);
  const format = formatOf(among, file, head);
  return withItsConfiguration(await format.open(file, signal), signal);
}

/** @throws CheckpointError if the file is none of these formats, with what it is instead where that can be seen */
function formatOf(among: readonly CheckpointFormat[], file: string, head: Uint8Array): CheckpointFormat {
  if (head.length === 0) throw new CheckpointError('truncated', l10n.english('is empty'), { file });
  const left = leftByTransfer(file, head);
  if (left) throw left;
  // What it looks like, else a damaged file of the format that its name says.
  const matching = among.find((candidate) => candidate.matches(file, head));
  if (matching) return matching;
  const isJson = file.toLowerCase().endsWith('.json');
  const format = among.find(({ name }) => hasNameOf(name, file));
  const text = format && !isJson ? textInPlace(file, head) : undefined;
  if (text) throw text;
  if (format) return format;
  if (isOrbax(file)) throw orbaxRefusal(file);
  const known = [...new Set(among.map(({ name }) => name))].join(', ');
  const message = l10n.english('is not a checkpoint of a known format ({0}), by its content or its name', known);
  const remedy = isJson
    ? l10n.english('open the weights beside it, or its folder')
    : l10n.english('convert it to one of them');
  throw new CheckpointError('unknown-format', message, { file, offset: 0, remedy });
}

async function readHead(file: string, signal?: AbortSignal): Promise<Uint8Array> {
  const reader = await FileReader.open(file);
  try {
    return await reader.read(0, Math.min(reader.size, HEAD_BYTES), signal);
  } finally {
    await reader.close();
  }
}
