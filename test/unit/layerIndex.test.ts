import assert from 'node:assert/strict';
import { LayerIndex } from '../../extension/host/layerIndex';
import type { TensorSummary } from '../../extension/protocol';

function tensor(name: string): TensorSummary {
  return { name, group: '', shape: [8, 8], dtype: 'F32', parameters: 64, bytes: 256, layers: [name] };
}

function indexOf(...names: string[]): LayerIndex {
  const index = new LayerIndex();
  index.add('model.safetensors', { tensors: names.map(tensor) });
  return index;
}

const found = (index: LayerIndex, name: string): string[] => index.find(name).map((match) => match.tensor.name);

describe('layer index', () => {
  const llama = indexOf(
    'model.layers.0.self_attn.q_proj.weight',
    'model.layers.0.self_attn.q_proj.bias',
    'model.layers.1.self_attn.q_proj.weight',
    'model.layers.10.self_attn.q_proj.weight',
    'lm_head.weight',
  );

  it('finds a tensor by its own name', () => {
    assert.deepEqual(found(llama, 'model.layers.0.self_attn.q_proj.bias'), ['model.layers.0.self_attn.q_proj.bias']);
  });

  it('takes a module for its weight, with or without the prefix', () => {
    const expected = ['model.layers.0.self_attn.q_proj.weight'];
    assert.deepEqual(found(llama, 'model.layers.0.self_attn.q_proj'), expected);
    assert.deepEqual(found(llama, 'layers.0.self_attn.q_proj'), expected);
    assert.deepEqual(found(llama, 'layers.0.self_attn.q_proj.weight'), expected);
    assert.deepEqual(found(llama, 'self.model.layers[0].self_attn.q_proj'), expected);
    assert.deepEqual(found(llama, 'module.model.layers.0.self_attn.q_proj.weight'), expected);
    assert.deepEqual(found(llama, 'lm_head'), ['lm_head.weight']);
  });

  it('finds a tensor by its alias, as by its name, and forgets both', () => {
    const index = new LayerIndex(2);
    const alias = 'model.layers.0.self_attn.q_proj.weight';
    assert.ok(index.add('m.gguf', { tensors: [{ ...tensor('blk.0.attn_q.weight'), alias }] }));
    for (const name of ['blk.0.attn_q', 'model.layers.0.self_attn.q_proj', 'self.layers[0].self_attn.q_proj']) {
      assert.deepEqual(found(index, name), ['blk.0.attn_q.weight'], name);
    }
    assert.equal(index.add('full.pt', { tensors: [tensor('fc.weight')] }), false);
    index.remove('m.gguf');
    assert.deepEqual(found(index, alias), []);
  });

  it('finds a prefixed tensor by the plain name', () => {
    const wrapped = indexOf('module.layer1.0.conv1.weight');
    assert.deepEqual(found(wrapped, 'layer1.0.conv1'), ['module.layer1.0.conv1.weight']);
    assert.deepEqual(found(wrapped, 'backbone.layer1.0.conv1'), ['module.layer1.0.conv1.weight']);
  });

  it('lists all that end alike, the nearest first', () => {
    assert.deepEqual(found(llama, 'self_attn.q_proj').length, 3);
    const nested = indexOf('a.b.fc.out.weight', 'fc.out.weight');
    assert.deepEqual(found(nested, 'fc.out'), ['fc.out.weight', 'a.b.fc.out.weight']);
  });

  it('does not take one common word for the end of a path', () => {
    assert.deepEqual(found(llama, 'q_proj'), []);
    assert.deepEqual(found(llama, 'weight'), []);
    assert.deepEqual(found(indexOf('linalg.weight'), 'numpy.linalg'), []);
    assert.deepEqual(found(llama, 'ayers.0.self_attn.q_proj'), []);
  });

  it('finds TensorFlow names with slashes', () => {
    const names = indexOf('encoder/hidden/l0/kernel', 'encoder/hidden/l0/bias');
    assert.deepEqual(found(names, 'encoder/hidden/l0'), ['encoder/hidden/l0/kernel']);
    assert.deepEqual(found(names, 'hidden/l0/bias'), ['encoder/hidden/l0/bias']);
  });

  it('finds tensors without a module', () => {
    assert.deepEqual(found(indexOf('embedding', 'w1'), 'embedding'), ['embedding']);
  });

  it('forgets a removed checkpoint and replaces one that is added again', () => {
    const index = indexOf('fc1.weight');
    index.add('other.pt', { tensors: [tensor('fc1.weight')] });
    index.add('other.pt', { tensors: [tensor('fc1.weight')] });
    assert.deepEqual(
      index.find('fc1').map(({ checkpoint }) => checkpoint),
      ['model.safetensors', 'other.pt'],
    );
    index.remove('model.safetensors');
    assert.deepEqual(
      index.find('fc1').map(({ checkpoint }) => checkpoint),
      ['other.pt'],
    );
  });

  it('finds one among 100 000 tensors', () => {
    const experts = Array.from(
      { length: 100_000 },
      (_, e) => `layers.${Math.floor(e / 300)}.experts.${e % 300}.w1.weight`,
    );
    const index = indexOf(...experts);
    assert.deepEqual(found(index, 'model.layers.7.experts.8.w1.weight'), ['layers.7.experts.8.w1.weight']);
  });

  it('refuses what would not fit, and says so', () => {
    const index = new LayerIndex(3);
    const two = [tensor('fc1.weight'), tensor('fc2.weight')];
    assert.equal(index.add('a', { tensors: two }), true);
    assert.equal(index.add('b', { tensors: two }), false);
    index.remove('a');
    assert.equal(index.add('b', { tensors: two }), true);
  });
});
