/**
 * Method `pissa`: an adapter that begins at the leading singular directions, and the base without them. Base and adapter
 * together are W.
 *
 * @see PiSSA, arXiv 2404.02948; PEFT's `pissa_init`
 */
import type { ProductPart } from '../../shared/compression/parts';
import { truncatedSvd } from '../truncatedSvd';
import { residualBase } from './adapterBase';
import type { LayerMethod } from './method';
import { noiseNotes } from './weightedSvd';

export const pissa: LayerMethod = (input, tools) => {
  const { w, outputs, inputs, rank } = input;
  const { kernels, poll } = tools;
  const { left, right, numericalRank } = truncatedSvd(w, outputs, inputs, rank, { kernels, onProgress: poll });
  const adapter: ProductPart = { kind: 'product', rank, left, right };
  return { parts: [adapter], base: residualBase(input, adapter, tools), notes: noiseNotes(rank, numericalRank) };
};
