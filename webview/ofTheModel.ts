/** Results of the model's own weights: optimizer state lies in the same file, but has nothing to be well trained or saved. */
import { isOptimizerState, type Named } from '../extension/layerFindings';
import type { LayerResult } from '../extension/protocol';

/** @returns what takes them out of results: tensors are looked at once, results whenever more have come */
export function ofTheModel(tensors: readonly Named[]): (results: Iterable<LayerResult>) => LayerResult[] {
  const optimizer = new Set(tensors.filter(isOptimizerState).map(({ name }) => name));
  return (results) => [...results].filter(({ tensor }) => !optimizer.has(tensor));
}
