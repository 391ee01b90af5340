/** Results of the model's own weights: optimizer state lies in the same file, but has nothing to be well trained or saved. */
import type { LayerResult, TensorSummary } from '../extension/protocol';

/** As training programs and Keras call what their optimizer's state is wrapped in. */
const OPTIMIZER_GROUP = /^opt(im|$)/i;

/** @returns what takes them out of results: tensors are looked at once, results whenever more have come */
export function ofTheModel(
  tensors: readonly Pick<TensorSummary, 'name' | 'group'>[],
): (results: Iterable<LayerResult>) => LayerResult[] {
  const optimizer = new Set(tensors.filter(({ group }) => OPTIMIZER_GROUP.test(group)).map(({ name }) => name));
  return (results) => [...results].filter(({ tensor }) => !optimizer.has(tensor));
}
