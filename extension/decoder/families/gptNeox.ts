/**
 * GPT-NeoX and Pythia: LayerNorm, attention and MLP side by side, q, k and v of each head in one module.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/gpt_neox/modeling_gpt_neox.py
 */
import { ropeOf } from '../config/rope';
import { activationOf } from '../graphs/activations';
import type { Family, Linear, Norm, NormKind } from './family';

export const gptNeox: Family = {
  types: ['gpt_neox'],
  describe(config) {
    const [hidden, layers] = [config.size('hidden_size'), config.size('num_hidden_layers')];
    const heads = config.size('num_attention_heads');
    if (hidden % heads !== 0) throw config.unsupported(`${heads} heads for a hidden size of ${hidden}`);
    const headSize = hidden / heads;
    const rope = ropeOf(config, headSize, {
      theta: config.number('rotary_emb_base', 10_000),
      share: config.number('rotary_pct', 0.25),
    });
    const norm: NormKind = { form: 'layer', epsilon: config.number('layer_norm_eps', 1e-5) };
    const activation = activationOf(config, config.word('hidden_act', 'gelu'));
    const positions = config.optionalSize('max_position_embeddings');
    const attentionBias = config.flag('attention_bias', true);
    const order = config.flag('use_parallel_residual', true) ? 'parallel' : 'before';
    const of = (name: string): Norm => ({ name, bias: true });
    return {
      hidden,
      ...(positions !== undefined && { positions }),
      embedding: { weight: 'gpt_neox.embed_in.weight' },
      blocks: Array.from({ length: layers }, (_, layer) => {
        const name = `gpt_neox.layers.${layer}`;
        const linear = (module: string, bias: boolean, sizes: Partial<Linear>): Linear => ({
          ...{ name: `${name}.${module}`, bias },
          ...sizes,
        });
        return {
          name,
          kind: {
            attention: {
              ...{ heads, keyValueHeads: heads, headSize, rotated: rope.rotated, scale: headSize ** -0.5 },
              // llama.cpp's convert script brings q, k and v below one another.
              layout: config.gguf ? 'stacked' : 'byHeads',
            },
            norm,
            order,
            mlp: { form: 'plain', activation },
          },
          linears: {
            qkv: linear('attention.query_key_value', attentionBias, { outputs: 3 * hidden, inputs: hidden }),
            o: linear('attention.dense', attentionBias, { outputs: hidden, inputs: hidden }),
            up: linear('mlp.dense_h_to_4h', true, { inputs: hidden }),
            down: linear('mlp.dense_4h_to_h', true, { outputs: hidden }),
          },
          norms: { attention: of(`${name}.input_layernorm`), mlp: of(`${name}.post_attention_layernorm`) },
          rope,
        };
      }),
      head: {
        norm: of('gpt_neox.final_layer_norm'),
        normKind: norm,
        weight: 'embed_out.weight',
        tied: config.flag('tie_word_embeddings', false),
      },
    };
  },
};
