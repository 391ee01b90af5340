/**
 * Qwen's mixtures: Qwen 2 with a shared expert beside the chosen ones (Qwen1.5-MoE, Qwen2-57B-A14B), and Qwen 3 without one.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/qwen2_moe/modeling_qwen2_moe.py
 * @see https://github.com/huggingface/transformers src/transformers/models/qwen3_moe/modeling_qwen3_moe.py
 */
import type { ConfigFields } from '../config/configFields';
import { qwenWindow } from '../config/layerTypes';
import type { Family } from './family';
import { gatedMlp, llamaModel, usualShape, type LlamaLike } from './llamaBlocks';

/** @param shared every token goes through one expert more */
function expertsOf(config: ConfigFields, shared: boolean, normalised: boolean): NonNullable<LlamaLike['experts']> {
  const hidden = config.size('hidden_size');
  const count = config.firstSize(['num_experts', 'num_local_experts'], shared ? 60 : 128);
  const perToken = config.size('num_experts_per_tok', shared ? 4 : 8);
  const step = config.size('decoder_sparse_step', 1);
  const dense = new Set(config.has('mlp_only_layers') ? config.numbers('mlp_only_layers') : []);
  return (layer, block) => {
    if (dense.has(layer) || (layer + 1) % step !== 0) return undefined;
    const name = `${block}.mlp`;
    return {
      router: { name: `${name}.gate`, bias: false, outputs: count, inputs: hidden },
      ...(shared && {
        sharedGate: { name: `${name}.shared_expert_gate`, bias: false, outputs: 1, inputs: hidden },
      }),
      experts: {
        perToken,
        normalised,
        each: Array.from({ length: count }, (_, expert) => gatedMlp(`${name}.experts.${expert}`, hidden, false)),
        ...(shared && { shared: gatedMlp(`${name}.shared_expert`, hidden, false) }),
      },
    };
  };
}

export const qwen2Moe: Family = {
  types: ['qwen2_moe'],
  describe: (config) =>
    llamaModel(config, {
      ...usualShape(config),
      biases: { qkv: config.flag('qkv_bias', true) },
      activation: config.word('hidden_act', 'silu'),
      epsilon: config.number('rms_norm_eps', 1e-6),
      window: qwenWindow(config, (layer, from) => layer % 2 === 0 && layer < from),
      experts: expertsOf(config, true, config.flag('norm_topk_prob', false)),
      tied: false,
    }),
};

export const qwen3Moe: Family = {
  types: ['qwen3_moe'],
  describe(config) {
    const bias = config.flag('attention_bias', false);
    const windowed = config.flag('use_sliding_window', false)
      ? config.sizeUnlessNull('sliding_window', 4096)
      : undefined;
    return llamaModel(config, {
      ...usualShape(config),
      biases: { qkv: bias, o: bias },
      headNorms: true,
      activation: config.word('hidden_act', 'silu'),
      epsilon: config.number('rms_norm_eps', 1e-6),
      window: () => windowed,
      // llama.cpp's files do not say it, and always normalise.
      experts: expertsOf(config, false, config.flag('norm_topk_prob', config.gguf)),
      tied: false,
    });
  },
};
