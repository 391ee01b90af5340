/** What compressing one matrix does to those that the model ties to it: the output matrix, as a rule. */
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint';
import { isInputEmbedding, isOutputMatrix } from '../checkpoint/wrappers/embeddingNames';
import { firstNames } from '../checkpoint/problemList';
import { withTiedEmbeddings } from '../checkpoint/wrappers/tiedEmbeddings';

/** Names that a note lists. */
const NAMES_SHOWN = 3;

/**
 * @param config what the model's configuration says of the two, if it says anything
 * @param together names of all tensors that are compressed in the same way
 * @throws DOMException `AbortError` when `signal` fires
 */
export async function tieNotes(
  checkpoint: Checkpoint,
  tensor: TensorInfo,
  config: { readonly tied: boolean; readonly untied: boolean },
  together: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<string[]> {
  const twins = await twinsOf(checkpoint, tensor, config.untied, signal);
  const left = twins.filter((name) => !together.has(name));
  if (left.length > 0) {
    const names = firstNames(left, NAMES_SHOWN);
    const stay = left.length === 1 ? 'stays as it is' : 'stay as they are';
    return [
      `It holds the same numbers as ${names} (tied weights), which ${stay}: in the saved file they differ, and a ` +
        'program that ties them takes one for both. Compress them all, or untie them in the configuration.',
    ];
  }
  if (twins.length > 0 || !isInputEmbedding(tensor.name) || config.untied) return [];
  if (checkpoint.tensors.some(({ name }) => isOutputMatrix(name))) return [];
  const who = config.tied
    ? 'No output matrix is stored, and the configuration ties it to this embedding'
    : 'No output matrix (lm_head) is stored, so a model that predicts words uses this embedding for that, too';
  return [`${who}: compressing it changes what the model puts out. Two factors in its place must serve both ends.`];
}

/** Other tensors with the very same numbers, whether the model is known to tie them or only holds copies. */
async function twinsOf(
  checkpoint: Checkpoint,
  tensor: TensorInfo,
  untied: boolean,
  signal?: AbortSignal,
): Promise<string[]> {
  const among = (tensors: readonly TensorInfo[]): string[] => {
    const first = ({ name, sharedWith }: TensorInfo): string => sharedWith ?? name;
    const own = tensors.find(({ name }) => name === tensor.name) ?? tensor;
    return tensors.filter((other) => other !== own && first(other) === first(own)).map(({ name }) => name);
  };
  const known = among(checkpoint.tensors);
  if (known.length > 0 || untied || !(isInputEmbedding(tensor.name) || isOutputMatrix(tensor.name))) return known;
  return among((await withTiedEmbeddings(checkpoint, signal)).tensors);
}
