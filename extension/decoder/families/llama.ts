/**
 * Llama 1–3, and what has its architecture: TinyLlama, SmolLM, Yi, DeepSeek's first models.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/llama/modeling_llama.py
 */
import type { Family } from './family';
import { llamaModel, usualShape } from './llamaBlocks';

export const llama: Family = {
  types: ['llama'],
  describe(config) {
    const attention = config.flag('attention_bias', false);
    return llamaModel(config, {
      ...usualShape(config),
      biases: { qkv: attention, o: attention, mlp: config.flag('mlp_bias', false) },
      activation: config.word('hidden_act', 'silu'),
      epsilon: config.number('rms_norm_eps', 1e-6),
      tied: false,
    });
  },
};
