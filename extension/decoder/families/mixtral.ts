/**
 * Mixtral: Mistral with experts in place of the MLP.
 *
 * @see https://github.com/huggingface/transformers src/transformers/models/mixtral/modeling_mixtral.py
 */
import type { Family } from './family';
import { gatedMlp, llamaModel, usualShape } from './llamaBlocks';

const EXPERT = { gate: 'w1', up: 'w3', down: 'w2' };

export const mixtral: Family = {
  types: ['mixtral'],
  describe(config) {
    const hidden = config.size('hidden_size');
    const count = config.size('num_local_experts', 8);
    const perToken = config.size('num_experts_per_tok', 2);
    const window = config.optionalSize('sliding_window');
    return llamaModel(config, {
      ...usualShape(config, { keyValueHeads: 8, theta: 1_000_000 }),
      activation: config.word('hidden_act', 'silu'),
      epsilon: config.number('rms_norm_eps', 1e-5),
      window: () => window,
      experts: (_, block) => ({
        router: { name: `${block}.block_sparse_moe.gate`, bias: false, outputs: count, inputs: hidden },
        experts: {
          perToken,
          normalised: true,
          each: Array.from({ length: count }, (__, expert) =>
            gatedMlp(`${block}.block_sparse_moe.experts.${expert}`, hidden, false, EXPERT),
          ),
        },
      }),
      tied: false,
    });
  },
};
