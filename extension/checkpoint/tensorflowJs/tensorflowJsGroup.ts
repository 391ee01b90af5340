/** Places each weight of a TensorFlow.js group in the joined bytes of the group's files. */
import path from 'node:path';
import type { TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { concurrently } from '../files/concurrently';
import { elementSize } from '../elements/dtype';
import { fileError } from '../files/fileReader';
import type { FileSet } from '../files/fileSet';
import { countNames, type ProblemList } from '../problemList';
import { siblingPath, type DataFolders } from '../files/siblingPath';
import { shortened, type WeightGroup } from './tensorflowJsManifest';
import { parseWeight, type Quantization, type RefusedEntry, type WeightEntry } from './tensorflowJsWeights';
import { placeShards, WeightStream, type Piece } from './weightStream';

/** Files looked at the same time. */
const FILES_AT_ONCE = 8;

/** A vocabulary has tens of thousands of words; bounds the walks through all string tensors of a model. */
export const MAX_STRINGS = 10_000_000;

/** What one read of them takes, in strings. */
const READ_STRINGS = 1000;

/**
 * Bytes of a string tensor read at once while its lengths are walked; near the end of the files half of it, a quarter, …
 * No `ReadWindow`: the bytes are those of several files in a row, some of which may be missing.
 */
const WINDOW_BYTES = [65536, 32768, 16384, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4];

export interface StreamedTensor extends TensorInfo {
  readonly stream: WeightStream;
  /** Offset of its first byte in the stream. */
  readonly offset: number;
  /** Bytes of one element in the stream. */
  readonly storedSize: number;
  readonly quantization?: Quantization;
}

/** The place of a model's files, and how they are opened. */
export interface ModelPlace {
  readonly modelPath: string;
  readonly folders: DataFolders;
  readonly files: FileSet;
  /** Each file that was looked for, by its name in the manifest, which may be there many times. */
  readonly shards: Map<string, FoundShard>;
  /** Texts that may still be read, of `MAX_STRINGS`. */
  stringsLeft: number;
}

export interface LaidOutGroup {
  readonly tensors: readonly StreamedTensor[];
  /** Those that exist, absolute. */
  readonly files: readonly string[];
}

/** Weights whose bytes are all there; the others go to `problems`. */
export async function layOutGroup(
  group: WeightGroup,
  place: ModelPlace,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<LaidOutGroup> {
  const unknown = [...new Set(group.paths)].filter((name) => !place.shards.has(name));
  const found = await concurrently(unknown, FILES_AT_ONCE, (name) => {
    signal?.throwIfAborted();
    return findShard(name, place);
  });
  unknown.forEach((name, i) => place.shards.set(name, found[i]!));
  for (const { error } of found) if (error) problems.push(error.toProblem());
  const shards = group.paths.map((name) => place.shards.get(name)!);
  const sizes = shards.map(({ size }) => size);
  const entries = withDeducedSize(group.weights.map(parseWeight), sizes);
  const total = storedTotal(entries);
  const starts = placeShards(sizes, total);
  const pieces: Piece[] = [];
  shards.forEach(({ file, size }, position) => {
    const start = starts[position];
    if (size && start !== undefined) pieces.push({ file, start, length: size });
  });
  const stream = new WeightStream(pieces, place.files);
  const { tensors, end } = await placeWeights(entries, stream, place, problems, signal);
  reportRest(sizes, end, shards.at(-1)?.file, problems);
  return { tensors, files: shards.filter(({ size }) => size !== undefined).map(({ file }) => file) };
}

export interface FoundShard {
  readonly file: string;
  readonly size?: number;
  readonly error?: CheckpointError;
}

async function findShard(name: string, { modelPath, folders, files }: ModelPlace): Promise<FoundShard> {
  const file = siblingPath(path.dirname(modelPath), name);
  if (file === undefined) {
    const message = `names the weight file ${JSON.stringify(shortened(name))}, which is not a file beside it and is not opened`;
    return { file: '', error: new CheckpointError('malformed', message, { file: modelPath }) };
  }
  try {
    if (!(await folders.hold(file))) {
      const message = `names the weight file ${JSON.stringify(shortened(name))}, which is a link out of its folder and is not opened`;
      return { file: '', error: new CheckpointError('malformed', message, { file: modelPath }) };
    }
    return { file, size: await files.use(file, (reader) => Promise.resolve(reader.size)) };
  } catch (thrown) {
    const error = fileError(thrown, file);
    if (error.code !== 'not-found') return { file, error };
    const message = 'the weight file is missing';
    return { file, error: new CheckpointError('missing-shard', message, { file, cause: error }) };
  }
}

function isRefused(entry: WeightEntry | RefusedEntry): entry is RefusedEntry {
  return 'message' in entry;
}

/** If one entry's size alone is not known, it is what the others leave of the files, if all of these are there. */
function withDeducedSize(
  entries: readonly (WeightEntry | RefusedEntry)[],
  sizes: readonly (number | undefined)[],
): readonly (WeightEntry | RefusedEntry)[] {
  const unknown = entries.filter((entry) => isRefused(entry) && entry.storedBytes === undefined);
  const [only] = unknown;
  if (unknown.length !== 1 || !only?.count || sizes.includes(undefined)) return entries;
  const others = storedTotal(entries.filter((entry) => entry !== only));
  const left = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) - (others ?? 0);
  const plausible = others !== undefined && [1, 2, 4, 8, 16].includes(left / only.count);
  return plausible ? entries.map((entry) => (entry === only ? { ...entry, storedBytes: left } : entry)) : entries;
}

/** Bytes of all weights, undefined where an entry's are not known from the manifest alone. */
function storedTotal(entries: readonly (WeightEntry | RefusedEntry)[]): number | undefined {
  let total = 0;
  for (const entry of entries) {
    const bytes = isRefused(entry) ? entry.storedBytes : entry.count * entry.storedSize;
    if (bytes === undefined) return undefined;
    total += bytes;
  }
  return total;
}

async function placeWeights(
  entries: readonly (WeightEntry | RefusedEntry)[],
  stream: WeightStream,
  place: ModelPlace,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<{ tensors: StreamedTensor[]; end: number | undefined }> {
  const tensors: StreamedTensor[] = [];
  const lost: string[] = [];
  let at: number | undefined = 0;
  for (const entry of entries) {
    const { name } = entry;
    if (isRefused(entry)) {
      problems.add(entry.code, entry.message, name === undefined ? {} : { tensor: name });
      if (at !== undefined) at = await skipRefused(entry, stream, place, at, signal);
      continue;
    }
    const length = entry.count * entry.storedSize;
    if (at === undefined) {
      lost.push(entry.name);
    } else {
      if (stream.has(at, length)) tensors.push(streamedTensor(entry, stream, at));
      else
        problems.add('truncated', 'its bytes are not all in the weight files', {
          tensor: entry.name,
        });
      at += length;
    }
  }
  if (lost.length > 0) {
    problems.add('malformed', `${countNames(lost)} come after a weight of unknown length and cannot be found`);
  }
  return { tensors, end: at };
}

function streamedTensor(entry: WeightEntry, stream: WeightStream, offset: number): StreamedTensor {
  const { name, shape, dtype, count, storedSize, quantization } = entry;
  return {
    name,
    group: '',
    shape,
    dtype,
    byteLength: count * elementSize(dtype),
    kernelLayout: '…IO',
    stream,
    offset,
    storedSize,
    ...(quantization && {
      quantization,
      encoding: {
        name: quantization.code === 'F16' ? 'F16' : `${quantization.code} affine`,
        byteLength: count * storedSize,
      },
    }),
  };
}

/** Byte after an entry that is not shown, undefined where it cannot be known. */
async function skipRefused(
  entry: RefusedEntry,
  stream: WeightStream,
  place: ModelPlace,
  at: number,
  signal?: AbortSignal,
): Promise<number | undefined> {
  if (entry.storedBytes !== undefined) return at + entry.storedBytes;
  return entry.strings === undefined ? undefined : skipStrings(entry.strings, stream, place, at, signal);
}

/** Walks `count` strings, each behind its length in 4 bytes; undefined where that ends outside, or is too much to do. */
async function skipStrings(
  count: number,
  stream: WeightStream,
  place: ModelPlace,
  start: number,
  signal?: AbortSignal,
): Promise<number | undefined> {
  if ((place.stringsLeft -= count) < 0) return undefined;
  let at = start;
  let window = { from: 0, bytes: new Uint8Array() };
  for (let i = 0; i < count; i++) {
    if (at + 4 > window.from + window.bytes.length || at < window.from) {
      const length = WINDOW_BYTES.find((bytes) => stream.has(at, bytes));
      if (length === undefined || (place.stringsLeft -= READ_STRINGS) < 0) return undefined;
      window = { from: at, bytes: await stream.read(at, length, signal) };
    }
    at += 4 + new DataView(window.bytes.buffer).getUint32(at - window.from, true);
  }
  return at;
}

/** Bytes that no weight claims mean that the manifest and the files are not of one model. */
function reportRest(
  sizes: readonly (number | undefined)[],
  end: number | undefined,
  file: string | undefined,
  problems: ProblemList,
): void {
  if (end === undefined || file === undefined || sizes.includes(undefined)) return;
  const stored = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  if (stored > end) {
    problems.add('malformed', `${stored - end} bytes of the weight files belong to no weight of model.json`, { file });
  }
}
