/** What pictures of a layer's plots say that they are of. */
import type { LayerResult } from '../../extension/shared/layers';

export function aboutLayer({ name, metrics }: Pick<LayerResult, 'name' | 'metrics'>): string {
  return typeof metrics.alpha === 'number' ? `${name} · α ${metrics.alpha.toFixed(2)}` : name;
}
