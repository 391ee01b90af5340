/**
 * What of the memory limit shows in a layer's numbers: which are made in another way, or not at all, where a layer is
 * streamed. Results made in different ways are different results.
 */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import type { InspectSettings } from '../../shared/layers';
import type { LayerGeometry } from '../../spectral/matrices';
import { planFarms } from './farmsPlan';
import { LayerError, planLayer } from './layerInput';

/** A layer as it is computed with all the memory that it can use: nothing is more exact. */
export function exactnessWithoutLimit(tensor: TensorInfo, layer: LayerGeometry, settings: InspectSettings): string {
  return exactness(tensor, layer, settings, Number.MAX_SAFE_INTEGER)!;
}

/**
 * The same for the same way of computing.
 *
 * @param limit bytes
 * @returns undefined where the layer does not fit in the limit
 */
export function exactness(
  tensor: TensorInfo,
  layer: LayerGeometry,
  settings: InspectSettings,
  limit: number,
): string | undefined {
  if (tensor.product) return 'product';
  let plan;
  try {
    plan = planLayer(tensor, layer, settings, limit);
  } catch (error) {
    if (error instanceof LayerError) return undefined;
    throw error;
  }
  const { held, chunk, working } = plan;
  const { farms } = settings;
  const windows = farms.enabled ? planFarms(layer, farms, { held, memory: working }) : undefined;
  return JSON.stringify({
    held,
    resolved: held && resolvesSmall(layer, chunk),
    ...(windows?.kind === 'windows' && { full: windows.full, windows: windows.limit, shared: windows.shared?.side }),
  });
}

/**
 * True if small eigenvalues of a held layer are made as exact as the large ones: the memory for it must be within what
 * was set aside for chunks.
 */
export function resolvesSmall({ rows, cols }: LayerGeometry, chunk: number): boolean {
  return 8 * rows * cols <= chunk;
}
