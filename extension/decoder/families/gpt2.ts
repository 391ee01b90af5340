/**
 * GPT-2: LayerNorm, learned positions, q, k and v in one module that is stored in × out.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/gpt2/modeling_gpt2.py
 */
import { activationOf } from '../graphs/activations';
import type { Family, Linear, Norm, NormKind } from './family';

export const gpt2: Family = {
  types: ['gpt2'],
  describe(config) {
    const [hidden, layers, heads] = [config.size('n_embd'), config.size('n_layer'), config.size('n_head')];
    const positions = config.firstSize(['n_positions', 'n_ctx'], 1024);
    if (hidden % heads !== 0) throw config.unsupported(`${heads} heads for a hidden size of ${hidden}`);
    if (config.flag('add_cross_attention', false)) throw config.unsupported('attention to another model');
    const headSize = hidden / heads;
    const norm: NormKind = { form: 'layer', epsilon: config.number('layer_norm_epsilon', 1e-5) };
    const activation = activationOf(config, config.word('activation_function', 'gelu_new'));
    const scaled = config.flag('scale_attn_weights', true) ? headSize ** -0.5 : 1;
    const byLayer = config.flag('scale_attn_by_inverse_layer_idx', false);
    const of = (name: string): Norm => ({ name, bias: true });
    return {
      hidden,
      positions,
      embedding: { weight: 'transformer.wte.weight', positions: { weight: 'transformer.wpe.weight', offset: 0 } },
      blocks: Array.from({ length: layers }, (_, layer) => {
        const name = `transformer.h.${layer}`;
        const linear = (module: string, sizes: Partial<Linear>): Linear => ({
          ...{ name: `${name}.${module}`, bias: true, inputsFirst: true },
          ...sizes,
        });
        return {
          name,
          kind: {
            attention: {
              ...{ heads, keyValueHeads: heads, headSize, rotated: 0, layout: 'stacked' },
              scale: byLayer ? scaled / (layer + 1) : scaled,
            },
            norm,
            order: 'before',
            mlp: { form: 'plain', activation },
          },
          linears: {
            qkv: linear('attn.c_attn', { outputs: 3 * hidden, inputs: hidden }),
            o: linear('attn.c_proj', { outputs: hidden, inputs: hidden }),
            up: linear('mlp.c_fc', { inputs: hidden }),
            down: linear('mlp.c_proj', { outputs: hidden }),
          },
          norms: { attention: of(`${name}.ln_1`), mlp: of(`${name}.ln_2`) },
        };
      }),
      head: {
        norm: of('transformer.ln_f'),
        normKind: norm,
        weight: 'lm_head.weight',
        tied: config.flag('tie_word_embeddings', true),
      },
    };
  },
};
