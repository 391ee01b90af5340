/**
 * Qwen 2 and 2.5: Llama with biases of q, k and v.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/qwen2/modeling_qwen2.py
 */
import { qwenWindow } from '../config/layerTypes';
import type { Family } from './family';
import { llamaModel, usualShape } from './llamaBlocks';

export const qwen2: Family = {
  types: ['qwen2'],
  describe: (config) =>
    llamaModel(config, {
      ...usualShape(config),
      biases: { qkv: true },
      activation: config.word('hidden_act', 'silu'),
      epsilon: config.number('rms_norm_eps', 1e-6),
      window: qwenWindow(config),
      tied: false,
    }),
};
