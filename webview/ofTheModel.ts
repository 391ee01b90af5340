/** Results of the model's own weights: optimizer state lies in the same file, but has nothing to be well trained or saved. */
import type { LayerResult, TensorSummary } from '../extension/protocol';

/** As training programs and Keras call what their optimizer's state is wrapped in. */
const OPTIMIZER_GROUP = /^opt(im|$)/i;

export function ofTheModel(
  results: Iterable<LayerResult>,
  tensors: readonly Pick<TensorSummary, 'name' | 'group'>[],
): LayerResult[] {
  const optimizer = new Set(tensors.filter(({ group }) => OPTIMIZER_GROUP.test(group)).map(({ name }) => name));
  return [...results].filter(({ tensor }) => !optimizer.has(tensor));
}
