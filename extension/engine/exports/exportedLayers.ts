/** What an export tells of: every layer of the checkpoint, whether it was analysed by then or not. */
import { withoutNumbers } from '../../shared/layerFindings';
import type { LayerResult } from '../../shared/layers';
import type { CheckpointSummary } from '../../shared/tensors';

/** Code of the problem of a layer without a result. */
export const NOT_ANALYSED = 'not-analysed';

/** In the file's order, each layer before its parts that were looked at. */
export function exportedLayers(
  { tensors }: Pick<CheckpointSummary, 'tensors'>,
  results: ReadonlyMap<string, LayerResult>,
): LayerResult[] {
  const parts = new Map<string, LayerResult[]>();
  for (const result of results.values()) {
    if (result.partOf === undefined) continue;
    const known = parts.get(result.partOf);
    if (known) known.push(result);
    else parts.set(result.partOf, [result]);
  }
  return tensors.flatMap((tensor) => {
    const names = tensor.layers.length > 0 ? tensor.layers : [tensor.name];
    return names.flatMap((name) => {
      const message = `${name} was not analysed before the export`;
      const missing = { code: NOT_ANALYSED, message, tensor: name };
      return [results.get(name) ?? withoutNumbers(name, tensor, missing), ...(parts.get(name) ?? [])];
    });
  });
}
