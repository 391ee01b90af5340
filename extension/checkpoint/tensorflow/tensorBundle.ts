/**
 * TensorFlow's checkpoints, of its version 1 and 2: an index (`NAME.index`, a LevelDB table) and data files
 * (`NAME.data-00000-of-00001`). Any of them opens all, and so does the file `checkpoint`, which names the latest one of
 * its folder. Those of a SavedModel are below it (`tensorflowGraphFile.ts`).
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/tensor_bundle/tensor_bundle.h
 */
import { TENSORFLOW_INDEX } from '../../shared/names/checkpointNames';
import type { Checkpoint, CheckpointFormat } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { FileSet } from '../files/fileSet';
import { firstNames, ProblemList } from '../problemList';
import { SourcedCheckpoint } from '../elements/sourcedCheckpoint';
import { OBJECT_GRAPH, readFullNames } from './tensorBundleGraph';
import { looksLikeBundleIndex, looksLikeOldCheckpoint, readBundleIndex } from './tensorBundleIndex';
import { dataFilePrefix, looksLikeLatest, resolveIndex } from './tensorBundlePath';
import { findShards, shardFailure } from './tensorBundleShards';
import { layOutBundle, type BundlePlace, type BundleTensor } from './tensorBundleTensors';
import { DT_STRING } from './tensorflowTypes';

const FORMAT = 'tensorflow checkpoint';

/** Texts in a checkpoint: so many are named. */
const MAX_TEXTS_NAMED = 20;

export const tensorBundleFormat: CheckpointFormat = {
  name: FORMAT,
  matches: (file, head) =>
    looksLikeBundleIndex(head) ||
    looksLikeOldCheckpoint(head) ||
    looksLikeLatest(head) ||
    dataFilePrefix(file) !== undefined,
  async open(file, signal) {
    const files = new FileSet();
    try {
      const index = await resolveIndex(file, files, signal);
      return await openBundle(index, { path: index, format: FORMAT }, files, signal);
    } catch (error) {
      await files.close();
      throw error;
    }
  },
};

/** What a checkpoint is shown as: the index itself, or the SavedModel around it. */
export interface BundleIdentity {
  readonly path: string;
  readonly format: string;
}

/**
 * @param files belong to the checkpoint once it is open
 * @throws CheckpointError where the index cannot be read
 */
export async function openBundle(
  indexPath: string,
  identity: BundleIdentity,
  files: FileSet,
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const problems = new ProblemList(indexPath);
  const index = await files.use(indexPath, (reader) => readBundleIndex(reader, problems, signal));
  const entries = [...index.tensors.values(), ...[...index.slices.values()].flat().map(({ entry }) => entry)];
  const prefix = indexPath.slice(0, -TENSORFLOW_INDEX.length);
  const numbers = entries.map(({ shard }) => shard);
  const shards = await findShards(prefix, index.header.shards, numbers, files, signal);
  const place: BundlePlace = { index, file: indexPath, shards, files };
  const tensors = layOutBundle(place, problems);
  const fullNames = await fullNamesOf(place, tensors, problems, signal);
  const texts = [...index.tensors].flatMap(([key, { type }]) =>
    type === DT_STRING && key !== OBJECT_GRAPH ? [key] : [],
  );
  const metadata = {
    'data files': String(index.header.shards),
    ...(index.header.bigEndian && { 'byte order': 'big-endian' }),
    ...(texts.length > 0 && { 'tensors of text': firstNames(texts, MAX_TEXTS_NAMED) }),
  };
  const existing = [...shards.values()].flatMap(({ file, size }) => (size === undefined ? [] : [file]));
  return new SourcedCheckpoint(files.under(identity.path), {
    format: identity.format,
    files: [...new Set([identity.path, indexPath, ...existing])],
    weightFiles: existing.length,
    metadata,
    tensors: tensors.map((tensor) => withAlias(tensor, fullNames.get(tensor.key))),
    problems: problems.list(),
  });
}

/** What the program called its variables; what is wrong with that costs no tensor. */
async function fullNamesOf(
  { index, shards, files, file }: BundlePlace,
  tensors: readonly BundleTensor[],
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const graph = index.tensors.get(OBJECT_GRAPH);
  if (!graph || graph.type !== DT_STRING) return new Map();
  const failure = shardFailure(graph, shards);
  if (failure) {
    const where = { file: failure.shard?.file ?? file, tensor: OBJECT_GRAPH };
    // A missing file's own problem is there already, unless nothing else is in it.
    if (!failure.shard?.error || tensors.length === 0) problems.add(failure.code, failure.reason, where);
    return new Map();
  }
  const keys = new Set(tensors.map(({ key }) => key));
  const stored = { start: graph.offset, end: graph.offset + graph.size };
  try {
    return await files.use(shards.get(graph.shard)!.file, (reader) =>
      readFullNames(reader, stored, (key) => keys.has(key), signal),
    );
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.code === 'changed') throw error;
    problems.push(error.toProblem());
    return new Map();
  }
}

function withAlias(tensor: BundleTensor, fullName: string | undefined): BundleTensor {
  if (fullName === undefined || fullName === tensor.info.name) return tensor;
  return { ...tensor, info: { ...tensor.info, alias: fullName } };
}
