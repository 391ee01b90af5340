/**
 * All formats, and which one a path holds: what the file begins with decides, its name where that says nothing.
 * Adding a format is one file and one line here.
 */
import path from 'node:path';
import { stat } from 'node:fs/promises';
import { CheckpointError } from './checkpointError';
import { withBoundedNames } from './wrappers/boundedNames';
import type { Checkpoint, CheckpointFormat } from './checkpoint';
import { distributedFormat } from './pytorch/distributed';
import { FileReader, fileError } from './files/fileReader';
import { flaxFormat } from './flax/flax';
import { diffusersFormat, DIFFUSERS } from './folders/diffusers';
import { findInFolder, hasSuffix, type FolderContent } from './folders/folder';
import { ggufFormat } from './gguf/gguf';
import { hdf5Format } from './hdf5/hdf5';
import { snapshotOf } from './folders/hubCache';
import { kerasFormat } from './keras/keras';
import { withLoraProducts } from './wrappers/loraAdapter';
import { numpyFormat } from './numpy/numpy';
import { onnxFormat } from './onnx/onnx';
import { isOrbax, orbaxRefusal } from './flax/orbax';
import { pytorchFormat } from './pytorch/pytorch';
import { withQuantisedWeights } from './quantised/quantisedCheckpoint';
import { safetensorsFormat } from './safetensors/safetensors';
import { openShardSet, shardedFormat } from './folders/shardedCheckpoint';
import { tensorBundleFormat } from './tensorflow/tensorBundle';
import { INDEX_SUFFIX } from './tensorflow/tensorBundlePath';
import { frozenGraphFormat, savedModelFormat } from './tensorflow/tensorflowGraphFile';
import { tensorflowJsFormat } from './tensorflowJs/tensorflowJs';
import { leftByTransfer, textInPlace } from './files/textInPlace';
import { tfliteFormat } from './tflite/tflite';

/** The first that recognises a file opens it: unmistakable beginnings come before those that are guessed. */
const weightFormats: readonly CheckpointFormat[] = [
  safetensorsFormat,
  shardedFormat,
  ggufFormat,
  tfliteFormat,
  hdf5Format,
  tensorflowJsFormat,
  kerasFormat,
  distributedFormat,
  numpyFormat,
  pytorchFormat,
  tensorBundleFormat,
  savedModelFormat,
  frozenGraphFormat,
  onnxFormat,
  flaxFormat,
];

export const formats: readonly CheckpointFormat[] = [
  diffusersFormat(openPart, suffixesOf(weightFormats)),
  ...weightFormats,
];

/** File name endings (or whole names) of all formats, lower case. */
export const checkpointSuffixes: readonly string[] = suffixesOf(formats);

function suffixesOf(chosen: readonly CheckpointFormat[]): string[] {
  return [...new Set(chosen.flatMap(({ suffixes }) => suffixes))];
}

/** Enough to see the first keys of a JSON file. */
const HEAD_BYTES = 4096;

/**
 * Opens a checkpoint: one file, an index of shards, a `model.json`, a `model_index.json`, or a folder that holds one of
 * them or is a model of the download cache. One shard of several is opened as just that file. The checkpoint's `path` is the file that was found (the folder itself where its
 * shards have no index).
 *
 * @throws CheckpointError `not-found`, `permission`, `io`; `unknown-format`, `ambiguous`; what the format's `open` throws
 * @throws DOMException `AbortError` when `signal` fires
 */
export async function openCheckpoint(checkpointPath: string, signal?: AbortSignal): Promise<Checkpoint> {
  signal?.throwIfAborted();
  const resolved = await existingPath(path.resolve(checkpointPath));
  const checkpoint = (await isFolder(resolved)) ? await openFolder(resolved, signal) : await openFile(resolved, signal);
  // An adapter's configuration lies beside its own weights.
  if (checkpoint.format === DIFFUSERS) return checkpoint;
  return withLoraProducts(checkpoint, openFile, signal);
}

async function openFolder(folder: string, signal?: AbortSignal): Promise<Checkpoint> {
  const snapshot = (await snapshotOf(folder)) ?? folder;
  return openFound(snapshot, await findInFolder(snapshot, checkpointSuffixes), formats, signal);
}

/** A part of a pipeline: no pipeline, which might have itself for a part. */
function openPart(folder: string, found: FolderContent, signal?: AbortSignal): Promise<Checkpoint> {
  return openFound(folder, found, weightFormats, signal);
}

async function openFound(
  folder: string,
  found: FolderContent,
  among: readonly CheckpointFormat[],
  signal?: AbortSignal,
): Promise<Checkpoint> {
  if (found.kind === 'file') return openAs(among, found.path, signal);
  return withQuantisedWeights(await openShardSet(folder, found.names, signal), signal);
}

/** The path itself, or the index of what TensorFlow's programs call by the name that its files begin with. */
async function existingPath(file: string): Promise<string> {
  for (const candidate of [file, file + INDEX_SUFFIX]) {
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

function openFile(file: string, signal?: AbortSignal): Promise<Checkpoint> {
  return openAs(formats, file, signal);
}

async function openAs(among: readonly CheckpointFormat[], file: string, signal?: AbortSignal): Promise<Checkpoint> {
  const head = await readHead(file, signal);
  if (head.length === 0) throw new CheckpointError('truncated', 'is empty', { file });
  const left = leftByTransfer(file, head);
  if (left) throw left;
  // What it looks like, else a damaged file of the format that its name says.
  const matching = among.find((candidate) => candidate.matches(file, head));
  const format = matching ?? among.find(({ suffixes }) => hasSuffix(file, suffixes));
  const text = matching || !format || hasSuffix(file, ['.json']) ? undefined : textInPlace(file, head);
  if (text) throw text;
  if (!format) {
    if (isOrbax(file)) throw orbaxRefusal(file);
    const known = [...new Set(among.map(({ name }) => name))].join(', ');
    const message = `is not a checkpoint of a known format (${known}), by its content or its name`;
    const remedy = hasSuffix(file, ['.json'])
      ? 'open the weights beside it, or its folder'
      : 'convert it to one of them';
    throw new CheckpointError('unknown-format', message, { file, offset: 0, remedy });
  }
  return withQuantisedWeights(withBoundedNames(await format.open(file, signal)), signal);
}

async function readHead(file: string, signal?: AbortSignal): Promise<Uint8Array> {
  const reader = await FileReader.open(file);
  try {
    return await reader.read(0, Math.min(reader.size, HEAD_BYTES), signal);
  } finally {
    await reader.close();
  }
}
