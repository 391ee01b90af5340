/** The index of a sharded checkpoint: `{"metadata": {…}, "weight_map": {tensor: shard}}`. */
import { CheckpointError } from '../checkpointError';
import { collectMetadata } from '../files/headerMetadata';
import { objectEntries, parseValue } from '../files/jsonObject';
import { isLongName, longName } from '../elements/names';
import type { ProblemList } from '../problemList';
import { MAX_TENSORS } from '../elements/shape';
import { l10n } from '../../shared/language/l10n';

export interface ShardIndex {
  /** Tensor name → shard's file name, as written. */
  readonly weightMap: ReadonlyMap<string, string>;
  readonly metadata: ReadonlyMap<string, string>;
}

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;

/**
 * @throws JsonSyntaxError
 * @throws CheckpointError `malformed` without a `weight_map`
 */
export function parseShardIndex(json: Buffer, start: number, file: string, problems: ProblemList): ShardIndex {
  const weightMap = new Map<string, string>();
  const metadata = new Map<string, string>();
  let found = false;
  for (const entry of objectEntries(json, start)) {
    if (json[entry.start] !== OPEN_BRACE) continue;
    if (entry.key === 'metadata') collectMetadata(json, entry, metadata);
    if (entry.key !== 'weight_map') continue;
    found = true;
    for (const { key: tensor, keyOffset, start: at, end } of objectEntries(json, entry.start)) {
      if (weightMap.size >= MAX_TENSORS) {
        throw new CheckpointError('limit', `the index lists more than ${MAX_TENSORS} tensors`, { file });
      }
      if (isLongName(tensor)) {
        problems.add('limit', `in the index, ${longName(tensor)}: it is left out`, { offset: keyOffset });
        continue;
      }
      const where = { tensor, offset: keyOffset };
      const shard = json[at] === QUOTE ? (parseValue(json, at, end) as string) : undefined;
      const before = weightMap.get(tensor);
      if (shard === undefined) {
        problems.add('malformed', 'the index names no file for it', where);
      } else if (before !== undefined && before !== shard) {
        problems.add('malformed', `the index places it in ${before} and in ${shard}, and the first one counts`, where);
      } else {
        weightMap.set(tensor, shard);
      }
    }
  }
  if (!found)
    throw new CheckpointError('malformed', l10n.english('has no "weight_map", so it is not an index of shards'), {
      file,
    });
  return { weightMap, metadata };
}
