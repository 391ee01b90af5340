/** Maps of blocks and roles, from the names of whole models. */
import assert from 'node:assert/strict';
import { modelMap } from '../../../../extension/shared/names/modelMap';

const named = (names: readonly string[]): { name: string }[] => names.map((name) => ({ name }));

describe('the map of a model', () => {
  it('has a column for each block and a row for each role, and the rest in file order', () => {
    const parts = ['self_attn.q_proj', 'self_attn.o_proj', 'mlp.up_proj'];
    const blocks = [10, 0, 2].flatMap((block) => parts.map((part) => `model.layers.${block}.${part}.weight`));
    const map = modelMap(named(['model.embed_tokens.weight', ...blocks, 'lm_head.weight']));
    assert.deepEqual(
      map.blocks.map(({ label }) => label),
      ['0', '2', '10'],
    );
    assert.deepEqual(map.roles, ['q', 'o', 'up']);
    assert.deepEqual(map.cells[2]![1], ['model.layers.2.mlp.up_proj.weight']);
    assert.deepEqual(map.rest, ['model.embed_tokens.weight', 'lm_head.weight']);
  });

  it('folds experts into one cell', () => {
    const experts = [0, 1].flatMap((block) =>
      [0, 1, 2].map((expert) => `model.layers.${block}.block_sparse_moe.experts.${expert}.w1.weight`),
    );
    const map = modelMap(named(experts));
    assert.deepEqual(map.roles, ['gate']);
    assert.equal(map.cells[0]![1]!.length, 3);
  });

  it('tells encoder from decoder', () => {
    const names = ['encoder', 'decoder'].flatMap((side) =>
      [0, 1].map((block) => `model.${side}.layers.${block}.self_attn.q_proj.weight`),
    );
    assert.deepEqual(
      modelMap(named([...names, 'model.decoder.layers.0.encoder_attn.q_proj.weight'])).blocks.map(({ label }) => label),
      ['encoder 0', 'encoder 1', 'decoder 0', 'decoder 1'],
    );
  });

  it('shows stages of a convolutional network in order, with holes where a block has no such role', () => {
    const names = [
      'layer2.0.conv1.weight',
      'layer1.0.conv1.weight',
      'layer1.1.conv1.weight',
      'layer2.0.downsample.0.weight',
    ];
    const map = modelMap(named(['conv1.weight', ...names]));
    assert.deepEqual(
      map.blocks.map(({ label }) => label),
      ['1.0', '1.1', '2.0'],
    );
    assert.deepEqual(map.roles, ['conv1', 'downsample.0']);
    assert.deepEqual(
      map.cells[1]!.map((names_) => names_.length),
      [0, 0, 1],
    );
  });

  it('reads llama.cpp’s names by themselves, and others by their alias', () => {
    assert.deepEqual(modelMap(named(['blk.0.attn_q.weight', 'blk.1.attn_q.weight'])).roles, ['q']);
    const alias = (block: number) => ({ name: `t${block}`, alias: `model.layers.${block}.mlp.up_proj.weight` });
    assert.deepEqual(modelMap([alias(0), alias(1)]).cells, [[['t0'], ['t1']]]);
  });

  it('is a strip in file order for a model without blocks', () => {
    for (const names of [['conv1.weight', 'conv2.weight', 'fc.weight'], ['h.0.attn.c_attn.weight'], []]) {
      const map = modelMap(named(names));
      assert.deepEqual([map.blocks, map.roles, map.rest], [[], [], names]);
    }
  });

  it('leaves the rarest roles beside the map where there are too many for rows', () => {
    const names = Array.from({ length: 40 }, (_, i) => `blocks.${i % 2}.part${Math.floor(i / 2)}.weight`);
    const map = modelMap(named([...names, ...Array.from({ length: 9 }, (_, i) => `blocks.0.once${i}.weight`)]));
    assert.equal(map.roles.length, 24);
    assert.equal(map.rest.length + map.cells.flat(2).length, 49);
    assert.ok(map.rest.every((name) => name.includes('once')));
  });
});
