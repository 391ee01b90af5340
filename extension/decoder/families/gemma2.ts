/**
 * Gemma 2: Gemma with norms on both sides of each part, soft caps, and every other layer in a window.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/gemma2/modeling_gemma2.py
 */
import { layerTypes, SLIDING } from '../config/layerTypes';
import { ropeOf } from '../config/rope';
import type { Family } from './family';
import { headsOf, llamaModel } from './llamaBlocks';

export const gemma2: Family = {
  types: ['gemma2'],
  describe(config) {
    const heads = headsOf(config, { heads: 8, keyValueHeads: 4, headSize: 256 });
    const rope = ropeOf(config, heads.headSize);
    const types = layerTypes(config, (layer) => layer % 2 === 0);
    const window = config.size('sliding_window', 4096);
    const bias = config.flag('attention_bias', false);
    const scores = config.numberUnlessNull('attn_logit_softcapping', 50);
    const logits = config.numberUnlessNull('final_logit_softcapping', 30);
    return llamaModel(config, {
      ...heads,
      rope: () => rope,
      biases: { qkv: bias, o: bias },
      plusOne: true,
      order: 'around',
      scale: config.number('query_pre_attn_scalar', 256) ** -0.5,
      ...(scores !== undefined && { softCap: scores }),
      ...(logits !== undefined && { headSoftCap: logits }),
      activation: config.word('hidden_activation', 'gelu_pytorch_tanh'),
      epsilon: config.number('rms_norm_eps', 1e-6),
      window: (layer) => (types[layer] === SLIDING ? window : undefined),
      embeddingScale: config.size('hidden_size') ** 0.5,
      tied: true,
    });
  },
};
