/** One list of tensors out of the headers of several shards, and what does not fit together. */
import { CheckpointError } from './checkpoint';
import { countNames, type ProblemList } from './problemList';
import type { SafetensorsHeader, StoredTensor } from './safetensorsHeader';
import type { ShardIndex } from './shardIndex';

/** A shard and its header, or why it has none. */
export interface Shard {
  /** As the index writes it. */
  readonly name: string;
  readonly file: string;
  readonly header?: SafetensorsHeader;
  readonly error?: CheckpointError;
}

export interface MergedShards {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Tensors in the order of the shards. Where the shards contradict the index or one another, what is stored is shown
 * and the contradiction told; the index decides between two tensors of one name.
 */
export function mergeShards(
  shards: readonly Shard[],
  index: ShardIndex | undefined,
  problems: ProblemList,
): MergedShards {
  const tensors = new Map<string, StoredTensor>();
  const metadata = new Map(index?.metadata);
  const placed = namesByShard(index);
  const shardNames = new Map(shards.map(({ name, file }) => [file, name]));
  for (const { name, header, error } of shards) {
    if (error) {
      const lost = placed.get(name) ?? [];
      const suffix = lost.length === 0 ? '' : `, so ${countNames(lost)} cannot be shown`;
      problems.push(new CheckpointError(error.code, error.reason + suffix, error.where).toProblem());
    }
    if (!header) continue;
    for (const [key, value] of Object.entries(header.metadata)) if (!metadata.has(key)) metadata.set(key, value);
    problems.push(...header.problems);
    for (const tensor of header.tensors) {
      const first = tensors.get(tensor.name);
      const kept = first && index?.weightMap.get(tensor.name) !== name ? first : tensor;
      tensors.set(tensor.name, kept);
      if (!first) continue;
      const [one, shown] = [shardNames.get(first.file)!, shardNames.get(kept.file)!];
      problems.add('malformed', `is in two shards, ${one} and ${name}, and the one in ${shown} is shown`, {
        tensor: tensor.name,
      });
    }
  }
  if (index) compareWithIndex([...tensors.values()], shards, index, shardNames, problems);
  return { tensors: [...tensors.values()], metadata: Object.fromEntries(metadata) };
}

function compareWithIndex(
  tensors: readonly StoredTensor[],
  shards: readonly Shard[],
  { weightMap }: ShardIndex,
  shardNames: ReadonlyMap<string, string>,
  problems: ProblemList,
): void {
  const unnamed = tensors.filter(({ name }) => !weightMap.has(name)).map(({ name }) => name);
  if (unnamed.length > 0) {
    problems.add(
      'malformed',
      `the index does not name ${countNames(unnamed)} that the shards hold, and that are shown all the same`,
    );
  }
  const elsewhere = tensors.filter(
    ({ name, file }) => weightMap.has(name) && weightMap.get(name) !== shardNames.get(file),
  );
  if (elsewhere.length > 0) {
    const names = countNames(elsewhere.map(({ name }) => name));
    problems.add(
      'malformed',
      `the index places ${names} in other shards than hold them, but they are shown all the same`,
    );
  }
  const known = new Set(tensors.map(({ name }) => name));
  for (const { header } of shards) for (const { tensor } of header?.problems ?? []) if (tensor) known.add(tensor);
  const unreadable = new Set(shards.filter(({ header }) => !header).map(({ name }) => name));
  const absent = [...weightMap].filter(([name, shard]) => !known.has(name) && !unreadable.has(shard));
  for (const [tensor, shard] of absent)
    problems.add('malformed', `is not in ${shard}, where the index places it`, { tensor });
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
