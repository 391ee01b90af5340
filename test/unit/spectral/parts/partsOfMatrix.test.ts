/** Which rows or columns of a matrix are q, k, v, gate, up, a gate of an LSTM or a head: one test a kind of model. */
import assert from 'node:assert/strict';
import { ModelConfig } from '../../../../extension/checkpoint/modelConfig';
import type { RecurrentOperator, Runs } from '../../../../extension/shared/tensors';
import { partsOf, type MatrixPart, type MatrixParts } from '../../../../extension/spectral/parts/partsOf';

interface Kind {
  what: string;
  name: string;
  shape: [rows: number, cols: number];
  config?: Record<string, unknown>;
  /** Other tensors. */
  beside?: Record<string, number[]>;
  stacked?: boolean;
  recurrent?: RecurrentOperator;
}

function parts({ name, shape, config = {}, beside = {}, stacked = false, recurrent }: Omit<Kind, 'what'>): MatrixParts {
  return partsOf({
    ...{ name, rows: shape[0], cols: shape[1], stacked, ...(recurrent && { recurrent }) },
    sizes: new ModelConfig('config.json', config).sizesOf(name),
    shapeOf: (other) => (other === name ? shape : beside[other]),
  });
}

function indices({ start, length, step, count }: Runs): number[] {
  return Array.from({ length: length * count }, (_, i) => start + Math.floor(i / length) * step + (i % length));
}

/** Indices of a part along the axis that is split; along the other it is whole. */
function along(axis: 'rows' | 'cols', part: MatrixPart, [rows, cols]: [number, number]): number[] {
  const [split, other, size] = axis === 'rows' ? [part.rows, part.cols, cols] : [part.cols, part.rows, rows];
  assert.deepEqual(indices(other), [...Array(size).keys()], 'the other axis is whole');
  return indices(split);
}

/** As the models' code splits: which label the output `i` of `size` has. */
type LabelAt = (i: number, size: number) => string;

const thirds: LabelAt = (i, size) => ['q', 'k', 'v'][Math.floor((3 * i) / size)]!;
const halves: LabelAt = (i, size) => (i < size / 2 ? 'gate' : 'up');
const turns: LabelAt = (i) => ['gate', 'up'][i % 2]!;
const gates =
  (...names: string[]): LabelAt =>
  (i, size) =>
    names[Math.floor((names.length * i) / size)]!;
/** view(heads, 3, size) */
const perHead =
  (headSize: number): LabelAt =>
  (i) =>
    ['q', 'k', 'v'][Math.floor(i / headSize) % 3]!;
/** view(groups, n + 2, size) */
const inGroups =
  (n: number, headSize: number): LabelAt =>
  (i) => {
    const at = Math.floor(i / headSize) % (n + 2);
    return at < n ? 'q' : at === n ? 'k' : 'v';
  };
/** split([heads · size, keyValueHeads · size, …]) */
const inOrder =
  (heads: number, keyValueHeads: number, headSize: number): LabelAt =>
  (i) => {
    const at = Math.floor(i / headSize);
    return at < heads ? 'q' : at < heads + keyValueHeads ? 'k' : 'v';
  };

const type = (model_type: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...{ model_type, hidden_size: 24, num_attention_heads: 6 },
  ...more,
});

const FUSED: readonly (Kind & { axis: 'rows' | 'cols'; labelAt: LabelAt })[] = [
  ...([
    {
      what: 'GPT-2 (Conv1D, in × out)',
      name: 'h.0.attn.c_attn.weight',
      axis: 'cols',
      shape: [24, 72],
      labelAt: thirds,
    },
    {
      ...{ what: 'GPT-2, attention to an encoder', name: 'h.0.crossattention.c_attn.weight', axis: 'cols' },
      ...{ shape: [24, 48], labelAt: (i: number) => (i < 24 ? 'k' : 'v') },
    },
    {
      ...{ what: 'Qwen 1', name: 'transformer.h.0.attn.c_attn.weight', axis: 'rows', shape: [72, 24] },
      ...{ config: type('qwen'), labelAt: thirds },
    },
    {
      ...{ what: 'StarCoder (multi-query)', name: 'transformer.h.0.attn.c_attn.weight', axis: 'rows', shape: [32, 24] },
      ...{ config: type('gpt_bigcode', { multi_query: true }), labelAt: inOrder(6, 1, 4) },
    },
    {
      ...{ what: 'StarCoder (multi-head)', name: 'transformer.h.0.attn.c_attn.weight', axis: 'rows', shape: [72, 24] },
      ...{ config: type('gpt_bigcode', { multi_query: false }), labelAt: perHead(4) },
    },
    {
      ...{ what: 'Phi-3', name: 'model.layers.0.self_attn.qkv_proj.weight', axis: 'rows', shape: [40, 24] },
      ...{ config: type('phi3', { num_key_value_heads: 2 }), labelAt: inOrder(6, 2, 4) },
    },
    {
      ...{ what: 'GPT-NeoX', name: 'gpt_neox.layers.0.attention.query_key_value.weight', axis: 'rows' },
      ...{ shape: [72, 24], config: type('gpt_neox'), labelAt: perHead(4) },
    },
    {
      ...{ what: 'BLOOM', name: 'h.0.self_attention.query_key_value.weight', axis: 'rows', shape: [72, 24] },
      ...{ config: { model_type: 'bloom', n_embd: 24, n_head: 6 }, labelAt: perHead(4) },
    },
    {
      ...{
        what: 'Falcon 7B (multi-query)',
        name: 'transformer.h.0.self_attention.query_key_value.weight',
        axis: 'rows',
      },
      ...{ shape: [32, 24], config: type('falcon', { multi_query: true }), labelAt: inOrder(6, 1, 4) },
    },
    {
      ...{ what: 'Falcon 40B (groups)', name: 'transformer.h.0.self_attention.query_key_value.weight', axis: 'rows' },
      shape: [40, 24],
      config: type('falcon', { new_decoder_architecture: true, num_kv_heads: 2 }),
      labelAt: inGroups(3, 4),
    },
    {
      ...{ what: 'Falcon RW', name: 'transformer.h.0.self_attention.query_key_value.weight', axis: 'rows' },
      ...{ shape: [72, 24], config: type('falcon', { multi_query: false }), labelAt: perHead(4) },
    },
    {
      ...{ what: 'ChatGLM3', name: 'transformer.encoder.layers.0.self_attention.query_key_value.weight', axis: 'rows' },
      shape: [40, 24],
      config: type('chatglm', { multi_query_attention: true, multi_query_group_num: 2, kv_channels: 4 }),
      labelAt: inOrder(6, 2, 4),
    },
    {
      ...{ what: 'InternLM2', name: 'model.layers.0.attention.wqkv.weight', axis: 'rows', shape: [40, 24] },
      ...{ config: type('internlm2', { num_key_value_heads: 2 }), labelAt: inGroups(3, 4) },
    },
    {
      ...{ what: 'DBRX', name: 'transformer.blocks.0.norm_attn_norm.attn.Wqkv.weight', axis: 'rows', shape: [40, 24] },
      config: { model_type: 'dbrx', d_model: 24, n_heads: 6, attn_config: { kv_n_heads: 2 } },
      labelAt: inOrder(6, 2, 4),
    },
    { what: 'ModernBERT', name: 'layers.0.attn.Wqkv.weight', axis: 'rows', shape: [72, 24], labelAt: thirds },
    {
      what: 'Baichuan',
      name: 'model.layers.0.self_attn.W_pack.weight',
      axis: 'rows',
      shape: [72, 24],
      labelAt: thirds,
    },
    { what: 'nn.MultiheadAttention', name: 'attn.in_proj_weight', axis: 'rows', shape: [72, 24], labelAt: thirds },
    { what: 'vision transformer', name: 'blocks.0.attn.qkv.weight', axis: 'rows', shape: [72, 24], labelAt: thirds },
    {
      ...{ what: 'llama.cpp', name: 'blk.0.attn_qkv.weight', axis: 'rows', shape: [40, 24] },
      ...{ config: type('gptneox', { num_key_value_heads: 2 }), labelAt: inOrder(6, 2, 4) },
    },
    { what: 'Phi-3', name: 'layers.0.mlp.gate_up_proj.weight', axis: 'rows', shape: [20, 6], labelAt: halves },
    {
      ...{ what: 'Phi-3 in llama.cpp', name: 'blk.0.ffn_up.weight', axis: 'rows', shape: [20, 6] },
      ...{ config: type('phi3'), beside: { 'blk.0.ffn_down.weight': [6, 10] }, labelAt: halves },
    },
    {
      ...{
        what: 'Llama 4 (experts, in × out)',
        name: 'feed_forward.experts.gate_up_proj',
        axis: 'cols',
        shape: [24, 20],
      },
      ...{ stacked: true, config: { text_config: type('llama4_text') }, labelAt: halves },
    },
    {
      ...{ what: 'Mixtral (experts, out × in)', name: 'mlp.experts.gate_up_proj', axis: 'rows', shape: [20, 24] },
      ...{ stacked: true, config: type('mixtral'), labelAt: halves },
    },
    {
      ...{ what: 'gpt-oss (experts, in × out)', name: 'mlp.experts.gate_up_proj', axis: 'cols', shape: [24, 20] },
      ...{ stacked: true, config: type('gpt_oss'), labelAt: turns },
    },
    {
      ...{ what: 'gpt-oss in MXFP4 (out × in)', name: 'mlp.experts.gate_up_proj', axis: 'rows', shape: [20, 24] },
      ...{ stacked: true, config: type('gpt_oss'), labelAt: turns },
    },
    {
      ...{
        what: 'DBRX (experts below one another)',
        name: 'blocks.0.ffn.experts.mlp.w1',
        axis: 'rows',
        shape: [12, 24],
      },
      ...{ config: { model_type: 'dbrx', ffn_config: { moe_num_experts: 3 } }, labelAt: gates('0', '1', '2') },
    },
    {
      ...{ what: 'LSTM of PyTorch', name: 'rnn.weight_ih_l1_reverse', axis: 'rows', shape: [20, 7] },
      ...{ beside: { 'rnn.weight_hh_l1_reverse': [20, 5] }, labelAt: gates('i', 'f', 'g', 'o') },
    },
    {
      ...{ what: 'LSTM of PyTorch with a projection', name: 'weight_hh_l0', axis: 'rows', shape: [20, 3] },
      ...{ beside: { weight_hr_l0: [3, 5] }, labelAt: gates('i', 'f', 'g', 'o') },
    },
    { what: 'GRU of PyTorch', name: 'cell.weight_hh', axis: 'rows', shape: [15, 5], labelAt: gates('r', 'z', 'n') },
    {
      ...{ what: 'LSTM of Keras', name: 'lstm/lstm_cell/kernel:0', axis: 'cols', shape: [7, 20] },
      ...{ beside: { 'lstm/lstm_cell/recurrent_kernel:0': [5, 20] }, labelAt: gates('i', 'f', 'c', 'o') },
    },
    { what: 'GRU of Keras', name: 'recurrent_kernel', axis: 'cols', shape: [5, 15], labelAt: gates('z', 'r', 'h') },
    {
      ...{ what: 'LSTM of ONNX', name: 'W', axis: 'rows', shape: [20, 7], stacked: true, recurrent: 'LSTM' },
      labelAt: gates('i', 'o', 'f', 'c'),
    },
    {
      ...{ what: 'GRU of ONNX', name: 'R', axis: 'rows', shape: [15, 5], stacked: true, recurrent: 'GRU' },
      labelAt: gates('z', 'r', 'h'),
    },
  ] as (Kind & { axis: 'rows' | 'cols'; labelAt: LabelAt })[]),
];

describe('parts of a matrix', () => {
  for (const kind of FUSED) {
    const { what, name, shape, axis, labelAt } = kind;
    it(`${what}: ${name.split('.').slice(-3).join('.')}`, () => {
      const size = axis === 'rows' ? shape[0] : shape[1];
      const outer = parts(kind).parts.filter(({ within }) => within === undefined);
      const all = [...Array(size).keys()];
      const labels = [...new Set(all.map((i) => labelAt(i, size)))];
      assert.deepEqual(
        outer.map((part) => [part.label, along(axis, part, shape)]),
        labels.map((label) => [label, all.filter((i) => labelAt(i, size) === label)]),
      );
    });
  }

  const heads = (kind: Omit<Kind, 'what'>, axis: 'rows' | 'cols'): [string, number[]][] =>
    parts(kind)
      .parts.filter(({ label }) => label.includes('head'))
      .map((part) => [part.label, along(axis, part, kind.shape)]);
  const range = (start: number, end: number): number[] => [...Array(end - start).keys()].map((i) => start + i);

  it('heads of q follow one another in every order that q, k and v can have', () => {
    const config = type('phi3', { num_key_value_heads: 2 });
    const phi = heads({ name: 'self_attn.qkv_proj.weight', shape: [40, 24], config }, 'rows');
    assert.equal(phi.length, 10);
    assert.deepEqual(phi[5], ['q.head5', range(20, 24)]);
    assert.deepEqual(phi[7], ['k.head1', range(28, 32)]);
    const neox = heads({ name: 'query_key_value.weight', shape: [72, 24], config: type('gpt_neox') }, 'rows');
    assert.deepEqual(neox[2], ['q.head2', range(24, 28)]);
    assert.deepEqual(neox[6 + 2], ['k.head2', range(28, 32)]);
    const grouped = type('internlm2', { num_key_value_heads: 2 });
    const intern = heads({ name: 'attention.wqkv.weight', shape: [40, 24], config: grouped }, 'rows');
    assert.deepEqual(intern[4], ['q.head4', range(20 + 4, 20 + 8)]);
    assert.deepEqual(intern[9], ['v.head1', range(36, 40)]);
    const gpt2 = heads({ name: 'h.0.attn.c_attn.weight', shape: [24, 72], config: type('gpt2') }, 'cols');
    assert.deepEqual(gpt2[7], ['k.head1', range(28, 32)]);
  });

  it('projections with a tensor of their own: outputs of q, k and v, inputs of o', () => {
    const llama = type('llama', { num_key_value_heads: 2, head_dim: 5 });
    const projection = (name: string, shape: [number, number], axis: 'rows' | 'cols', config = llama, beside = {}) =>
      heads({ name, shape, config, beside }, axis).map(([label, at]) => [label, at[0], at.length]);
    const q = projection('model.layers.0.self_attn.q_proj.weight', [30, 24], 'rows');
    assert.deepEqual(
      q,
      range(0, 6).map((i) => [`head${i}`, 5 * i, 5]),
    );
    const two = [
      ['head0', 0, 5],
      ['head1', 5, 5],
    ];
    assert.deepEqual(projection('model.layers.0.self_attn.k_proj.weight', [10, 24], 'rows'), two);
    assert.deepEqual(projection('blk.0.attn_v.weight', [10, 24], 'rows'), two);
    assert.deepEqual(projection('model.layers.0.self_attn.o_proj.weight', [24, 30], 'cols'), q);
    const bert = type('bert');
    const six = range(0, 6).map((i) => [`head${i}`, 4 * i, 4]);
    assert.deepEqual(projection('encoder.layer.0.attention.self.query.weight', [24, 24], 'rows', bert), six);
    assert.deepEqual(projection('encoder.layer.0.attention.output.dense.weight', [24, 24], 'cols', bert), six);
    assert.deepEqual(projection('encoder/layer/0/attention/self/query/kernel', [24, 24], 'cols', bert), six);
    const t5 = { model_type: 't5', d_model: 24, num_heads: 6, d_kv: 5 };
    assert.deepEqual(projection('encoder.block.0.layer.0.SelfAttention.o.weight', [24, 30], 'cols', t5), q);
    const gpt2 = { 'h.0.attn.c_attn.weight': [24, 72] };
    assert.deepEqual(projection('h.0.attn.c_proj.weight', [24, 24], 'rows', type('gpt2'), gpt2), six);
    assert.deepEqual(projection('h.0.attn.c_proj.weight', [24, 24], 'cols', type('gpt_bigcode')), six);
    const mla = type('deepseek_v2', { qk_nope_head_dim: 3, qk_rope_head_dim: 2, v_head_dim: 4 });
    assert.deepEqual(projection('self_attn.q_proj.weight', [30, 24], 'rows', mla), q);
    assert.deepEqual(projection('self_attn.o_proj.weight', [24, 24], 'cols', mla), six);
  });

  it('says why nothing is certain', () => {
    const reason = (name: string, shape: [number, number], config?: Record<string, unknown>, stacked = false) => {
      const found = parts({ name, shape, stacked, ...(config && { config }) });
      assert.deepEqual(found.parts, []);
      return found.reason ?? '';
    };
    assert.match(reason('attention.query_key_value.weight', [72, 24]), /no config\.json/);
    assert.match(reason('attn.qkv_proj.weight', [72, 24], type('codegen')), /not known for models of the type codegen/);
    assert.match(reason('attn.c_attn.weight', [72, 24]), /no config\.json/);
    assert.match(reason('self_attn.q_proj.weight', [24, 24]), /no config\.json/);
    assert.match(
      reason('self_attn.q_proj.weight', [48, 24], type('qwen3_next')),
      /48 rows are not those of 6 heads of 4/,
    );
    assert.match(reason('self_attn.qkv_proj.weight', [72, 25], type('phi3', { num_key_value_heads: 2 })), /72 rows/);
    const uneven = type('falcon', { new_decoder_architecture: true, num_kv_heads: 4 });
    assert.match(reason('query_key_value.weight', [56, 24], uneven), /6 heads of q cannot share 4/);
    assert.match(reason('experts.gate_up_proj', [24, 24], type('mixtral'), true), /not certain/);
  });

  it('kernels of CuDNN are in another order, unless they are square', () => {
    const beside = { 'rnn/recurrent_kernel:0': [5, 20], 'rnn/bias:0': [40] };
    const kernel = (rows: number): MatrixParts => parts({ name: 'rnn/kernel:0', shape: [rows, 20], beside });
    assert.match(kernel(7).reason ?? '', /CuDNN/);
    assert.deepEqual(kernel(7).parts, []);
    assert.equal(kernel(5).parts.length, 4);
    assert.equal(parts({ name: 'rnn/recurrent_kernel:0', shape: [5, 20], beside }).parts.length, 4);
    const plain = { ...beside, 'rnn/bias:0': [20] };
    assert.equal(parts({ name: 'rnn/kernel:0', shape: [7, 20], beside: plain }).parts.length, 4);
  });

  it('other matrices have none, and no reason', () => {
    for (const name of [
      'model.embed_tokens.weight',
      'mlp.down_proj.weight',
      'h.0.mlp.c_proj.weight',
      'encoder.layer.0.output.dense.weight',
      'encoder.block.0.layer.1.DenseReluDense.wo.weight',
      'blk.0.ffn_up.weight',
      'dense/kernel',
      'q_proj.lora_A.weight',
    ]) {
      assert.deepEqual(parts({ name, shape: [24, 24], config: type('llama') }), { parts: [] }, name);
    }
  });

  it('names of any length are looked at in one pass: 300 kB without a dot took minutes', () => {
    for (const name of ['a'.repeat(1e6), `${'a'.repeat(1e6)}.weight`, `${'.'.repeat(1e6)}q`, `${'a.'.repeat(1e6)}w`]) {
      assert.deepEqual(parts({ name, shape: [4, 4] }).parts, []);
    }
  });

  it('an absurd number of heads or experts makes no list', () => {
    const config = type('llama', { num_attention_heads: 100_000, hidden_size: 100_000 });
    assert.deepEqual(parts({ name: 'self_attn.q_proj.weight', shape: [100_000, 1], config }).parts, []);
    const dbrx = { model_type: 'dbrx', ffn_config: { moe_num_experts: 100_000 } };
    assert.deepEqual(parts({ name: 'experts.mlp.w1', shape: [100_000, 1], config: dbrx }).parts, []);
  });
});
