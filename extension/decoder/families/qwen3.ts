/**
 * Qwen 3: Llama with norms of q and k over each head.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/qwen3/modeling_qwen3.py
 */
import { qwenWindow } from '../config/layerTypes';
import type { Family } from './family';
import { llamaModel, usualShape } from './llamaBlocks';

export const qwen3: Family = {
  types: ['qwen3'],
  describe(config) {
    const bias = config.flag('attention_bias', false);
    return llamaModel(config, {
      ...usualShape(config, { headSize: 128 }),
      biases: { qkv: bias, o: bias },
      headNorms: true,
      activation: config.word('hidden_act', 'silu'),
      epsilon: config.number('rms_norm_eps', 1e-6),
      window: qwenWindow(config),
      tied: false,
    });
  },
};
