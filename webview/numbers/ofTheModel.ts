/** Results of the model's own weights: other tensors in the file (optimizer state, say) are neither trained nor compressed. */
import { isOfModel, type Named } from '../../extension/shared/layerFindings';
import type { LayerResult } from '../../extension/shared/layers';

/** @returns what takes them out of results: tensors are looked at once, results whenever more have come */
export function ofTheModel(tensors: readonly Named[]): (results: Iterable<LayerResult>) => LayerResult[] {
  const others = new Set(tensors.filter((tensor) => !isOfModel(tensor)).map(({ name }) => name));
  return (results) => [...results].filter(({ tensor }) => !others.has(tensor));
}
