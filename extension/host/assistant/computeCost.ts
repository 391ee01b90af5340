/** Whether computing is over at once, or long enough for a person to be asked. */
import type { LayerInfo } from '../api/eigenscope';

/** Multiply-adds of the Gram matrix of a square of 1024: its spectrum, with FARMS, is there within seconds anywhere. */
const QUICK_WORK = 1024 ** 3;

/** True if these layers are computed within seconds. */
export function isQuick(layers: readonly LayerInfo[]): boolean {
  return layers.reduce((sum, layer) => sum + workOf(layer), 0) <= QUICK_WORK;
}

/** Multiply-adds of WᵀW; a kernel is taken as one matrix of its outputs. */
function workOf({ shape, hasSpectrum, parameters }: LayerInfo): number {
  if (!hasSpectrum) return parameters;
  const rows = shape[0] ?? 1;
  return parameters * Math.min(rows, parameters / Math.max(1, rows));
}

/** The largest of them, by the work that it takes. */
export function largestLayer(layers: readonly LayerInfo[]): LayerInfo | undefined {
  return layers.reduce<LayerInfo | undefined>(
    (largest, layer) => (largest && workOf(largest) >= workOf(layer) ? largest : layer),
    undefined,
  );
}
