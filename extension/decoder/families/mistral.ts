/**
 * Mistral: Llama whose tokens see a window, if the configuration gives one.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/mistral/modeling_mistral.py
 */
import type { Family } from './family';
import { llamaModel, usualShape } from './llamaBlocks';

export const mistral: Family = {
  types: ['mistral'],
  describe(config) {
    const window = config.sizeUnlessNull('sliding_window', 4096);
    return llamaModel(config, {
      ...usualShape(config, { keyValueHeads: 8 }),
      activation: config.word('hidden_act', 'silu'),
      epsilon: config.number('rms_norm_eps', 1e-6),
      window: () => window,
      tied: false,
    });
  },
};
