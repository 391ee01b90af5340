/** Names for files that are saved from a checkpoint. */
import path from 'node:path';

/** Longest part of a layer's name in a file name: 255 bytes is what file systems take for the whole. */
const MAX_LAYER_PART = 80;

/**
 * `model-fc1.weight-svd.safetensors`
 *
 * @param source path of the checkpoint
 * @param what the method, or what else is saved of the layers
 */
export function suggestedName(source: string, layers: readonly string[], what: string): string {
  const base = path.basename(source).replace(/(\.safetensors|\.bin)?\.index\.json$|\.[^.]*$/i, '');
  const layer = layers.length === 1 ? layers[0]!.replace(/[^\w.-]+/g, '_').slice(-MAX_LAYER_PART) : undefined;
  return `${base}-${layer ?? `${layers.length}-layers`}-${what}.safetensors`;
}
