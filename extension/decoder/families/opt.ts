/**
 * OPT: LayerNorm, learned positions from row 2 on, ReLU. The 350M model has its norms behind the parts, none at the end, and an
 * embedding of another width.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/opt/modeling_opt.py
 */
import { activationOf } from '../graphs/activations';
import type { Family, Linear, Norm, NormKind } from './family';

/** Rows of the table of positions before the first one. */
const OFFSET = 2;

export const opt: Family = {
  types: ['opt'],
  describe(config) {
    const [hidden, layers] = [config.size('hidden_size'), config.size('num_hidden_layers')];
    const heads = config.size('num_attention_heads');
    if (hidden % heads !== 0) throw config.unsupported(`${heads} heads for a hidden size of ${hidden}`);
    const headSize = hidden / heads;
    const width = config.size('word_embed_proj_dim', hidden);
    const first = config.flag('do_layer_norm_before', true);
    const bias = config.flag('enable_bias', true);
    const affine = config.flag('layer_norm_elementwise_affine', true);
    const norm: NormKind = { form: 'layer', epsilon: 1e-5 };
    const activation = activationOf(config, config.word('activation_function', 'relu'));
    const of = (name: string): Norm => ({ name, bias: affine, ...(!affine && { plain: true as const }) });
    const projection = (name: string, outputs: number, inputs: number): Linear => ({
      ...{ name: `model.decoder.${name}`, bias: false, outputs, inputs },
    });
    const narrow = width !== hidden;
    return {
      hidden,
      positions: config.size('max_position_embeddings'),
      embedding: {
        weight: 'model.decoder.embed_tokens.weight',
        positions: { weight: 'model.decoder.embed_positions.weight', offset: OFFSET },
        ...(narrow && { project: projection('project_in', hidden, width) }),
      },
      blocks: Array.from({ length: layers }, (_, layer) => {
        const name = `model.decoder.layers.${layer}`;
        const linear = (module: string, sizes: Partial<Linear>): Linear => ({
          ...{ name: `${name}.${module}`, bias },
          ...sizes,
        });
        const square = { outputs: hidden, inputs: hidden };
        const [attention, mlp] = [of(`${name}.self_attn_layer_norm`), of(`${name}.final_layer_norm`)];
        return {
          name,
          kind: {
            attention: {
              ...{ heads, keyValueHeads: heads, headSize, rotated: 0, layout: 'separate', scale: headSize ** -0.5 },
            },
            norm,
            order: first ? 'before' : 'after',
            mlp: { form: 'plain', activation },
          },
          linears: {
            q: linear('self_attn.q_proj', square),
            k: linear('self_attn.k_proj', square),
            v: linear('self_attn.v_proj', square),
            o: linear('self_attn.out_proj', square),
            up: linear('fc1', { inputs: hidden }),
            down: linear('fc2', { outputs: hidden }),
          },
          norms: first ? { attention, mlp } : { attentionAfter: attention, mlpAfter: mlp },
        };
      }),
      head: {
        ...(first && !config.flag('_remove_final_layer_norm', false) && { norm: of('model.decoder.final_layer_norm') }),
        normKind: norm,
        ...(narrow && { project: projection('project_out', width, hidden) }),
        weight: 'lm_head.weight',
        tied: config.flag('tie_word_embeddings', true),
      },
    };
  },
};
