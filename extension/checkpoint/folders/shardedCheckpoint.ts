/**
 * Checkpoints in shards: several files and an index (`model.safetensors.index.json`, `pytorch_model.bin.index.json`) whose
 * `weight_map` says which tensor lies in which. Every shard is opened as a checkpoint of its own, by its header (the index
 * has no shapes); one that cannot be read costs its own tensors only.
 *
 * @see https://huggingface.co/docs/transformers/big_models
 */
import path from 'node:path';
import type { Checkpoint, CheckpointFormat } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { concurrently } from '../files/concurrently';
import type { FileReader } from '../files/fileReader';
import { FileSet } from '../files/fileSet';
import { jsonError, objectStart, readJsonFile } from '../files/jsonFile';
import { OpeningBudget } from '../files/openingBudget';
import { ProblemList } from '../problemList';
import { openPytorch } from '../pytorch/pytorch';
import { openSafetensors } from '../safetensors/safetensors';
import { MAX_HEADER_BYTES } from '../safetensors/safetensorsHeader';
import { parseShardIndex, type ShardIndex } from './shardIndex';
import { joinedCheckpoint } from './joinedCheckpoint';
import { mergeShards, type Shard } from './shardMerge';
import { siblingPath } from '../files/siblingPath';
import { l10n } from '../../shared/language/l10n';

/** The index is to a sharded checkpoint what the header is to one file: one bound for both. */
const MAX_INDEX_BYTES = MAX_HEADER_BYTES;

/** The largest published models have a few hundred. */
const MAX_SHARDS = 10_000;

/** Headers read at the same time: hides the latency of network disks, keeps few files open. */
const HEADERS_AT_ONCE = 8;

/** Shards with these names are PyTorch's, all others safetensors. */
const PYTORCH_SHARD = /\.(bin|pth?|ckpt)$/i;

export const shardedFormat: CheckpointFormat = {
  name: 'index of shards',
  matches: (_path, head) =>
    objectStart(head) !== undefined && Buffer.from(head).toString('latin1').includes('"weight_map"'),
  async open(indexPath, signal) {
    const problems = new ProblemList(indexPath);
    const files = new FileSet();
    try {
      const index = await files.use(indexPath, (reader) => readIndex(reader, problems, signal));
      const names = [...new Set(index.weightMap.values())];
      const found = { path: indexPath, folder: path.dirname(indexPath), names, index };
      return await openShards(found, files, problems, signal);
    } catch (error) {
      await files.close();
      throw error;
    }
  },
};

/**
 * Shards that lie in `folder` without an index: `names` are all that belong together.
 *
 * @throws CheckpointError where none of them can be read
 */
export async function openShardSet(
  folder: string,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const files = new FileSet();
  try {
    return await openShards({ path: folder, folder, names }, files, new ProblemList(folder), signal);
  } catch (error) {
    await files.close();
    throw error;
  }
}

async function readIndex(reader: FileReader, problems: ProblemList, signal?: AbortSignal): Promise<ShardIndex> {
  const { json, start } = await readJsonFile(reader, MAX_INDEX_BYTES, signal);
  try {
    return parseShardIndex(json, start, reader.path, problems);
  } catch (error) {
    throw jsonError(error, reader.path, 'the index');
  }
}

interface FoundShards {
  readonly path: string;
  readonly folder: string;
  readonly names: readonly string[];
  readonly index?: ShardIndex;
}

async function openShards(
  found: FoundShards,
  files: FileSet,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const { path: checkpointPath, names, index } = found;
  if (names.length > MAX_SHARDS) {
    throw new CheckpointError('limit', `consists of ${names.length} files; more than ${MAX_SHARDS} are not opened`, {
      file: checkpointPath,
    });
  }
  const budget = new OpeningBudget(checkpointPath);
  const { compare } = new Intl.Collator('en', { numeric: true });
  const sorted = [...names].sort(compare);
  const shards = await concurrently(sorted, HEADERS_AT_ONCE, (name) => openShard(found, name, files, budget, signal));
  const merged = mergeShards(shards, index, problems);
  const readable = shards.filter((shard) => shard.checkpoint);
  if (readable.length === 0) {
    const first = shards.find(({ error }) => error)?.error;
    throw first ?? new CheckpointError('malformed', 'the index names no shard', { file: checkpointPath });
  }
  const shardFiles = readable.map(({ file }) => file);
  return joinedCheckpoint(
    {
      path: checkpointPath,
      format: readable[0]!.checkpoint!.format,
      files: index ? [checkpointPath, ...shardFiles] : shardFiles,
      weightFiles: shardFiles.length,
      metadata: merged.metadata,
      tensors: merged.tensors,
      problems: problems.list(),
      close: () => files.close(),
    },
    readable.map(({ checkpoint }) => checkpoint!),
  );
}

async function openShard(
  { path: checkpointPath, folder }: FoundShards,
  name: string,
  files: FileSet,
  budget: OpeningBudget,
  signal?: AbortSignal,
): Promise<Shard> {
  const file = siblingPath(folder, name);
  if (file === undefined) {
    const message = `names the shard ${JSON.stringify(name)}, which is not a file beside it and is not opened`;
    return { name, file: '', error: new CheckpointError('malformed', message, { file: checkpointPath }) };
  }
  try {
    const checkpoint = PYTORCH_SHARD.test(name)
      ? await openPytorch(await files.bytes(file), signal, budget)
      : await openSafetensors(file, files, signal);
    return { name, file, checkpoint };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    if (error.code !== 'not-found') return { name, file, error };
    const message = l10n.english('the shard is missing');
    return { name, file, error: new CheckpointError('missing-shard', message, { file, cause: error }) };
  }
}
