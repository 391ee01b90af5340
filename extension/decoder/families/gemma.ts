/**
 * Gemma 1: Llama with a scaled embedding, GeGLU, and norms whose weights lack 1.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/gemma/modeling_gemma.py
 */
import { ropeOf } from '../config/rope';
import type { Family } from './family';
import { headsOf, llamaModel } from './llamaBlocks';

export const gemma: Family = {
  types: ['gemma'],
  describe(config) {
    const heads = headsOf(config, { heads: 16, keyValueHeads: 16, headSize: 256 });
    const rope = ropeOf(config, heads.headSize);
    const bias = config.flag('attention_bias', false);
    return llamaModel(config, {
      ...heads,
      rope: () => rope,
      biases: { qkv: bias, o: bias },
      plusOne: true,
      // Configurations say `gelu` in `hidden_act`, and the models were trained with the tanh form.
      activation: config.word('hidden_activation', 'gelu_pytorch_tanh'),
      epsilon: config.number('rms_norm_eps', 1e-6),
      embeddingScale: config.size('hidden_size') ** 0.5,
      tied: true,
    });
  },
};
