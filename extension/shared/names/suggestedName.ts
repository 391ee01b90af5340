/** Names for files that are saved from a checkpoint. */
import path from 'node:path';
import type { RankRequest } from '../compressions';

/** Longest part of a layer's name in a file name: 255 bytes is what file systems take for the whole. */
const MAX_LAYER_PART = 80;

/** `svd-rank64`, `svd-energy95` (percent of the energy), `svd-params50` (percent of the parameters). */
export function methodAtRank(method: string, request: RankRequest): string {
  switch (request.kind) {
    case 'rank':
      return `${method}-rank${request.rank}`;
    case 'energy':
      return `${method}-energy${percent(request.energy)}`;
    case 'budget':
      return `${method}-params${percent(request.budget)}`;
  }
}

function percent(share: number): string {
  return String(Number((100 * share).toPrecision(6)));
}

/**
 * `model-fc1.weight-svd-rank64.safetensors`
 *
 * @param source path of the checkpoint
 * @param what the method at its rank, or what else is saved of the layers
 */
export function suggestedName(source: string, layers: readonly string[], what: string): string {
  const base = path.basename(source).replace(/(\.safetensors|\.bin)?\.index\.json$|\.[^.]*$/i, '');
  const layer = layers.length === 1 ? layers[0]!.replace(/[^\w.-]+/g, '_').slice(-MAX_LAYER_PART) : undefined;
  return `${base}-${layer ?? `${layers.length}-layers`}-${what}.safetensors`;
}
