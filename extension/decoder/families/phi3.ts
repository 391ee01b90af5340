/**
 * Phi-3, Phi-3.5 and Phi-4: Llama whose q, k, v are one module, and gate and up; part of a head may turn (Phi-4-mini).
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/phi3/modeling_phi3.py
 */
import type { Family } from './family';
import { llamaModel, usualShape } from './llamaBlocks';

export const phi3: Family = {
  types: ['phi3'],
  describe(config) {
    const window = config.optionalSize('sliding_window');
    return llamaModel(config, {
      ...usualShape(config),
      fused: true,
      activation: config.word('hidden_act', 'silu'),
      epsilon: config.number('rms_norm_eps', 1e-5),
      window: () => window,
      tied: false,
    });
  },
};
