/**
 * The language models of Gemma 3: Gemma 2 with norms of q and k in place of soft caps. Five of six layers see a window, and
 * turn with a base of their own.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/gemma3/modeling_gemma3.py
 */
import { FULL, layerTypes, SLIDING } from '../config/layerTypes';
import { ropeOf, type Rope } from '../config/rope';
import type { ConfigFields } from '../config/configFields';
import type { Family } from './family';
import { headsOf, llamaModel } from './llamaBlocks';

export const gemma3: Family = {
  types: ['gemma3_text', 'gemma3'],
  describe(whole) {
    const config = whole.within('text_config') ?? whole;
    if (config.flag('use_bidirectional_attention', false)) throw config.unsupported('attention in both directions');
    const heads = headsOf(config, { heads: 8, keyValueHeads: 4, headSize: 256 });
    const pattern = config.size('sliding_window_pattern', config.size('_sliding_window_pattern', 6));
    const types = layerTypes(config, (layer) => (layer + 1) % pattern !== 0);
    const window = config.size('sliding_window', 4096);
    const ropes = ropesOf(config, heads.headSize);
    const bias = config.flag('attention_bias', false);
    const [scores, logits] = [
      config.optionalNumber('attn_logit_softcapping'),
      config.optionalNumber('final_logit_softcapping'),
    ];
    return llamaModel(config, {
      ...heads,
      rope: (layer) => ropes[types[layer]!],
      biases: { qkv: bias, o: bias },
      headNorms: true,
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

/** Scaling is of the layers that see all tokens. */
function ropesOf(config: ConfigFields, headSize: number): Record<typeof FULL | typeof SLIDING, Rope> {
  const theta = config.number('rope_local_base_freq', 10_000);
  const full = ropeOf(config, headSize, { theta: 1_000_000, kind: FULL });
  const own = config.within('rope_parameters')?.within(SLIDING);
  return {
    [FULL]: full,
    [SLIDING]: own
      ? ropeOf(config, headSize, { theta, kind: SLIDING })
      : { ...full, theta, scaling: { type: 'default' } },
  };
}
