/** Method `quantise`: blocks of few bits, nothing beside them. @see `compression/quantisers` */
import { quantiseBlocks } from '../quantisers/quantiseBlocks';
import type { LayerMethod } from './method';

export const quantise: LayerMethod = (input, { poll }) => ({
  parts: [quantiseBlocks(input, input.options, { layer: input.layer, poll })],
  notes: [],
});
