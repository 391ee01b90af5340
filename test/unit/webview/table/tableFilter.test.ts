import assert from 'node:assert/strict';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { moduleTree, type TreeNode } from '../../../../webview/model/moduleTree';
import { RowFilter } from '../../../../webview/table/rowFilter';
import type { FilterField } from '../../../../webview/table/filterQuery';
import { quickly } from '../../../harness/quick';

function tensor(name: string, more: Partial<TensorSummary> = {}): TensorSummary {
  const numbers = { parameters: 64, bytes: 256, shape: [8, 8] };
  return { name, group: '', dtype: 'F32', ...numbers, layers: [name], ...more };
}

/** Columns as the table has them, with alphas of some layers. */
function fields(alphas: Readonly<Record<string, number>> = {}): FilterField[] {
  const shape = ({ tensor: shown }: TreeNode): string => shown!.shape.join(' × ');
  return [
    { key: 'name', label: 'Name', sort: ({ name }) => name, text: ({ name }) => name },
    { key: 'shape', label: 'Shape', sort: ({ parameters }) => parameters, text: shape },
    { key: 'dtype', label: 'Type', sort: () => '', text: ({ tensor: shown }) => shown!.encoding ?? shown!.dtype },
    { key: 'parameters', label: 'Params', sort: ({ parameters }) => parameters },
    { key: 'alpha', label: 'α', sort: ({ name }) => alphas[name] ?? null },
    { key: 'farms_alpha', label: 'FARMS α', sort: () => 3 },
  ];
}

/** Names as Llama's five blocks have them: 11 norms, 15 tensors of MLPs. */
function llama(): TensorSummary[] {
  const block = (at: number): TensorSummary[] =>
    [
      ...['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj'],
      ...['mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj', 'input_layernorm', 'post_attention_layernorm'],
    ].map((name) => tensor(`model.layers.${at}.${name}.weight`));
  return [tensor('model.embed_tokens.weight'), ...[0, 1, 2, 3, 4].flatMap(block), tensor('model.norm.weight')];
}

function filterOf(tensors: readonly TensorSummary[], alphas?: Readonly<Record<string, number>>) {
  const filter = new RowFilter(moduleTree(tensors), fields(alphas));
  return {
    names: (typed: string) => filter.rows(typed, null).rows.map(({ node }) => node.name),
    found: (typed: string) => filter.rows(typed, null).rows.map(({ node, found }) => [node.name, found]),
    problem: (typed: string) => filter.rows(typed, null).problem,
    filter,
  };
}

describe('the filter of the table', () => {
  const q = tensor('blk.0.attn_q.weight', { alias: 'model.layers.0.self_attn.q_proj.weight' });
  const gguf = filterOf([q, tensor('output.weight', { alias: 'lm_head.weight' }), tensor('rope_freqs')]);

  it('finds a tensor by its own name, and shows no more than that', () => {
    assert.deepEqual(gguf.found('attn_q'), [['blk.0.attn_q.weight', undefined]]);
    assert.deepEqual(gguf.found('rope'), [['rope_freqs', undefined]]);
  });

  it('finds a tensor by its alias, and shows both', () => {
    assert.deepEqual(gguf.found('q_proj'), [['blk.0.attn_q.weight', `${q.name} · ${q.alias!}`]]);
    assert.deepEqual(gguf.found('lm_head'), [['output.weight', 'output.weight · lm_head.weight']]);
  });

  it('finds every name that holds the text, and no other', () => {
    const { names } = filterOf(llama());
    assert.equal(names('norm').length, 11);
    assert.equal(names('mlp').length, 15);
    assert.ok(names('mlp').every((name) => name.includes('.mlp.')));
    assert.equal(names('NORM').length, 11, 'whatever the case');
    assert.deepEqual(names('norm')[0], 'model.layers.0.input_layernorm.weight', 'in file order');
  });

  it('says which letters matched', () => {
    const { filter } = filterOf(llama());
    const [row] = filter.rows('k_proj layers.2', null).rows;
    const matched = [...row!.matches!].sort((a, b) => a - b).map((i) => row!.node.name[i]);
    assert.equal(matched.join(''), 'layers.2k_proj');
  });

  it('asks for all of several words', () => {
    const { names } = filterOf(llama());
    assert.deepEqual(names('layers.3 up_proj'), ['model.layers.3.mlp.up_proj.weight']);
    assert.deepEqual(names('up_proj layers.3'), ['model.layers.3.mlp.up_proj.weight']);
  });

  it('takes a text with * and ? for a pattern, of the whole name or of a part of it', () => {
    const { names } = filterOf([...llama(), tensor('head.bias'), tensor('rnn.bias_hh')]);
    assert.equal(names('model.layers.?.mlp.*').length, 15);
    assert.equal(names('layers.*.{q,k}_proj').length, 10);
    assert.deepEqual(names('*.bias'), ['head.bias'], 'the whole name first');
  });

  it('takes brackets for what they are where names have them', () => {
    const { names } = filterOf([tensor('experts', { shape: [2, 8, 8], layers: ['experts[0]', 'experts[1]'] })]);
    assert.deepEqual(names('experts[1]'), ['experts[1]']);
  });

  it('looks for scattered letters only where nothing else is found', () => {
    const { names } = filterOf(llama());
    assert.equal(names('l3qproj')[0], 'model.layers.3.self_attn.q_proj.weight');
    assert.deepEqual(names('zzzz'), []);
  });

  it('compares the numbers of any column, and leaves out layers without one', () => {
    const { names } = filterOf([tensor('a'), tensor('b'), tensor('c'), tensor('big', { parameters: 2e6 })], {
      ...{ a: 1.5, b: 7.25 },
    });
    assert.deepEqual(names('alpha>6'), ['b']);
    assert.deepEqual(names('α < 2'), ['a']);
    assert.deepEqual(names('alpha >= 1.5 alpha<=7'), ['a']);
    assert.deepEqual(names('params>1M'), ['big']);
    assert.deepEqual(names('farmsα=3').length, 4);
    assert.deepEqual(names('alpha>'), ['a', 'b', 'c', 'big'], 'still being typed');
  });

  it('finds types and shapes', () => {
    const { names } = filterOf([
      ...[tensor('a', { dtype: 'BF16', shape: [64, 172] }), tensor('b', { encoding: 'Q4_0', shape: [64, 64] })],
      ...[tensor('conv', { shape: [64, 64, 3, 3] }), tensor('block.3x3.weight')],
    ]);
    assert.deepEqual(names('dtype:bf16'), ['a']);
    assert.deepEqual(names('type:q4'), ['b']);
    for (const typed of ['64x172', '64×172', '64 × 172', 'shape:64x172']) assert.deepEqual(names(typed), ['a'], typed);
    assert.deepEqual(names('64x64x3x3'), ['conv']);
    assert.deepEqual(names('shape:64x*'), ['a', 'b', 'conv']);
    assert.deepEqual(names('3x3'), ['block.3x3.weight'], 'a name that holds it');
  });

  it('takes what looks like a test for text where names hold it', () => {
    const { names } = filterOf([tensor('scope/kernel:0'), tensor('scope/bias:0')]);
    assert.deepEqual(names('kernel:0'), ['scope/kernel:0']);
  });

  it('says what it did not understand', () => {
    const { problem } = filterOf(llama());
    assert.equal(problem('alfa>6'), 'No column is called “alfa”.');
    assert.equal(problem('alpha>six'), '“six” is not a number.');
    assert.match(problem('{a,b}'.repeat(12))!, /braces/);
    assert.equal(problem('norm'), undefined);
  });

  it('stays quick whatever is typed, with 100 000 rows', async () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => tensor(`model.layers.${i}.mlp.up_proj.weight`));
    const { filter } = filterOf([...rows, tensor('a'.repeat(4096))]);
    for (const typed of [
      'mlp',
      '*a*a*a*a*b',
      'x'.repeat(100_000),
      '*a'.repeat(5000),
      'mdlyrswt',
      ' '.repeat(100_000),
    ]) {
      await quickly(2000, () => filter.rows(typed, null));
    }
    assert.equal(filter.rows('layers.99999', null).rows.length, 1);
  });
});
