/** One list of tensors out of several shards, and what does not fit together. */
import { type Checkpoint, type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { countNames, type ProblemList } from '../problemList';
import { JoinedTensor } from './joinedCheckpoint';
import type { ShardIndex } from './shardIndex';

/** A shard, opened, or why it is not. */
export interface Shard {
  /** As the index writes it. */
  readonly name: string;
  readonly file: string;
  readonly checkpoint?: Checkpoint;
  readonly error?: CheckpointError;
}

export interface MergedShards {
  readonly tensors: readonly JoinedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

interface PlacedTensor {
  readonly tensor: TensorInfo;
  readonly shard: string;
  readonly holder: Checkpoint;
}

/**
 * Tensors in the order of the shards. If the shards contradict the index or one another, what is stored is shown, and
 * the contradiction listed; the index decides between two tensors of one name.
 */
export function mergeShards(
  shards: readonly Shard[],
  index: ShardIndex | undefined,
  problems: ProblemList,
): MergedShards {
  const placed = new Map<string, PlacedTensor>();
  const metadata = new Map(index?.metadata);
  const expected = namesByShard(index);
  for (const { name, checkpoint, error } of shards) {
    if (error) {
      const lost = expected.get(name) ?? [];
      const suffix = lost.length === 0 ? '' : `, so ${countNames(lost)} cannot be shown`;
      problems.push(new CheckpointError(error.code, error.reason + suffix, error.where).toProblem());
    }
    if (!checkpoint) continue;
    for (const [key, value] of Object.entries(checkpoint.metadata)) if (!metadata.has(key)) metadata.set(key, value);
    problems.pushAll(checkpoint.problems);
    for (const tensor of checkpoint.tensors) {
      const first = placed.get(tensor.name);
      const kept =
        first && index?.weightMap.get(tensor.name) !== name ? first : { tensor, shard: name, holder: checkpoint };
      placed.set(tensor.name, kept);
      if (!first) continue;
      problems.add('malformed', `is in two shards, ${first.shard} and ${name}, and the one in ${kept.shard} is shown`, {
        tensor: tensor.name,
      });
    }
  }
  if (index) compareWithIndex(placed, shards, index, problems);
  const tensors = [...placed.values()].map(
    ({ tensor, holder }) => new JoinedTensor(sharedWithin(tensor, holder, placed), holder, tensor),
  );
  return { tensors, metadata: Object.fromEntries(metadata) };
}

/** A tensor that shares its bytes with one of its own shard, which may not be the one shown under that name. */
function sharedWithin(tensor: TensorInfo, holder: Checkpoint, placed: ReadonlyMap<string, PlacedTensor>): TensorInfo {
  if (tensor.sharedWith === undefined || placed.get(tensor.sharedWith)?.holder === holder) return tensor;
  const { sharedWith: _, ...alone } = tensor;
  return alone;
}

function compareWithIndex(
  placed: ReadonlyMap<string, PlacedTensor>,
  shards: readonly Shard[],
  { weightMap }: ShardIndex,
  problems: ProblemList,
): void {
  const unnamed: string[] = [];
  const elsewhere: string[] = [];
  for (const [name, { shard }] of placed) {
    const named = weightMap.get(name);
    if (named === undefined) unnamed.push(name);
    else if (named !== shard) elsewhere.push(name);
  }
  if (unnamed.length > 0) {
    const names = countNames(unnamed);
    problems.add('malformed', `the index does not name ${names} that the shards hold, and that are shown all the same`);
  }
  if (elsewhere.length > 0) {
    const names = countNames(elsewhere);
    problems.add(
      'malformed',
      `the index places ${names} in other shards than hold them, but they are shown all the same`,
    );
  }
  // For these a problem already says why they are not shown.
  const refused = new Set(shards.flatMap(({ checkpoint }) => checkpoint?.problems ?? []).map(({ tensor }) => tensor));
  const unreadable = new Set(shards.filter(({ checkpoint }) => !checkpoint).map(({ name }) => name));
  for (const [tensor, shard] of weightMap) {
    if (placed.has(tensor) || refused.has(tensor) || unreadable.has(shard)) continue;
    problems.add('malformed', `is not in ${shard}, where the index places it`, { tensor });
  }
}

function namesByShard(index: ShardIndex | undefined): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const [tensor, shard] of index?.weightMap ?? []) {
    const list = names.get(shard);
    if (list) list.push(tensor);
    else names.set(shard, [tensor]);
  }
  return names;
}
