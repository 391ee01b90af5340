/** The result of a layer that a run in the terminal did not reach. */
import type { LayerResult } from '../../shared/layers';
import type { Problem } from '../../shared/tensors';
import type { EngineLayer } from '../layer/engineLayer';
import { failedResult } from '../worker/layerResult';

/** A layer that was not looked at, because its files changed before. */
export function unreachedResult(name: string, { tensor, geometry }: EngineLayer, change: Problem): LayerResult {
  const problem = { ...change, message: `${name} was not analysed: ${change.message}`, tensor: name };
  return failedResult(name, tensor, geometry, problem, null);
}
