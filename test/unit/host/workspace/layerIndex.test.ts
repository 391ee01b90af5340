import assert from 'node:assert/strict';
import { LayerIndex } from '../../../../extension/host/workspace/layerIndex';
import { packSummary } from '../../../../extension/shared/packedTensors';
import type { CheckpointSummary, PackedTensors, TensorSummary } from '../../../../extension/shared/tensors';

function tensor(name: string): TensorSummary {
  return { name, group: '', shape: [8, 8], dtype: 'F32', parameters: 64, bytes: 256, layers: [name] };
}

function packed(tensors: TensorSummary[]): PackedTensors {
  return packSummary({ tensors } as CheckpointSummary).tensors;
}

async function indexOf(...names: string[]): Promise<LayerIndex> {
  const index = new LayerIndex();
  await index.add('model.safetensors', packed(names.map(tensor)));
  return index;
}

const found = (index: LayerIndex, name: string): string[] => index.find(name).map((match) => match.tensor.name);

describe('layer index', () => {
  let llama: LayerIndex;
  before(async () => {
    llama = await indexOf(
      'model.layers.0.self_attn.q_proj.weight',
      'model.layers.0.self_attn.q_proj.bias',
      'model.layers.1.self_attn.q_proj.weight',
      'model.layers.10.self_attn.q_proj.weight',
      'lm_head.weight',
    );
  });

  it('finds a tensor by its own name', () => {
    assert.deepEqual(found(llama, 'model.layers.0.self_attn.q_proj.bias'), ['model.layers.0.self_attn.q_proj.bias']);
  });

  it('tells a very name from one that ends alike', () => {
    const names = llama.namesOf('model.safetensors')!;
    assert.equal(names.exact('lm_head.weight')?.name, 'lm_head.weight');
    assert.equal(names.exact('module.lm_head.weight'), undefined);
    assert.equal(names.exact('layers.0.self_attn.q_proj.weight'), undefined);
    assert.equal(llama.namesOf('other.safetensors'), undefined);
  });

  it('tells names that are like one, with the numbers that were written', () => {
    const names = llama.namesOf('model.safetensors')!;
    const alike = (name: string): string[] => names.alike(name, 2).map((each) => each.name);
    assert.deepEqual(alike('model.layers.1.self_attn.k_proj.weight'), [
      'model.layers.1.self_attn.q_proj.weight',
      'model.layers.0.self_attn.q_proj.bias',
    ]);
    assert.deepEqual(alike('torch.nn.functional'), []);
    assert.equal(
      names.templates.beyond('model.layers.11.self_attn.q_proj.weight'.split('.')),
      'model.layers.0–10.self_attn.q_proj.weight',
    );
    assert.equal(names.templates.beyond('model.layers.2.self_attn.q_proj.weight'.split('.')), undefined);
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

  it('finds a tensor by its alias, as by its name, and forgets both', async () => {
    const index = new LayerIndex(2);
    const alias = 'model.layers.0.self_attn.q_proj.weight';
    assert.ok(await index.add('m.gguf', packed([{ ...tensor('blk.0.attn_q.weight'), alias }])));
    for (const name of ['blk.0.attn_q', 'model.layers.0.self_attn.q_proj', 'self.layers[0].self_attn.q_proj']) {
      assert.deepEqual(found(index, name), ['blk.0.attn_q.weight'], name);
    }
    assert.equal(await index.add('full.pt', packed([tensor('fc.weight')])), false);
    index.remove('m.gguf');
    assert.deepEqual(found(index, alias), []);
  });

  it('finds a prefixed tensor by the plain name', async () => {
    const wrapped = await indexOf('module.layer1.0.conv1.weight');
    assert.deepEqual(found(wrapped, 'layer1.0.conv1'), ['module.layer1.0.conv1.weight']);
    assert.deepEqual(found(wrapped, 'backbone.layer1.0.conv1'), ['module.layer1.0.conv1.weight']);
  });

  it('lists all that end alike, the nearest first', async () => {
    assert.deepEqual(found(llama, 'self_attn.q_proj').length, 3);
    const nested = await indexOf('a.b.fc.out.weight', 'fc.out.weight');
    assert.deepEqual(found(nested, 'fc.out'), ['fc.out.weight', 'a.b.fc.out.weight']);
  });

  it('does not take one common word for the end of a path', async () => {
    assert.deepEqual(found(llama, 'q_proj'), []);
    assert.deepEqual(found(llama, 'weight'), []);
    assert.deepEqual(found(await indexOf('linalg.weight'), 'numpy.linalg'), []);
    assert.deepEqual(found(llama, 'ayers.0.self_attn.q_proj'), []);
  });

  it('finds TensorFlow names with slashes', async () => {
    const names = await indexOf('encoder/hidden/l0/kernel', 'encoder/hidden/l0/bias');
    assert.deepEqual(found(names, 'encoder/hidden/l0'), ['encoder/hidden/l0/kernel']);
    assert.deepEqual(found(names, 'hidden/l0/bias'), ['encoder/hidden/l0/bias']);
  });

  it('finds tensors without a module', async () => {
    assert.deepEqual(found(await indexOf('embedding', 'w1'), 'embedding'), ['embedding']);
  });

  it('forgets a removed checkpoint and replaces one that is added again', async () => {
    const index = await indexOf('fc1.weight');
    await index.add('other.pt', packed([tensor('fc1.weight')]));
    await index.add('other.pt', packed([tensor('fc1.weight')]));
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

  it('finds one among 100 000 tensors', async () => {
    const experts = Array.from(
      { length: 100_000 },
      (_, e) => `layers.${Math.floor(e / 300)}.experts.${e % 300}.w1.weight`,
    );
    const index = await indexOf(...experts);
    assert.deepEqual(found(index, 'model.layers.7.experts.8.w1.weight'), ['layers.7.experts.8.w1.weight']);
  });

  it('does not look through all of very many that end alike, nor take up endless names', async () => {
    const alike = Array.from({ length: 20_000 }, (_, index) => `x${index}.fc.out.weight`);
    const index = await indexOf(`${'a.'.repeat(1_000_000)}fc.out.weight`, ...alike);
    const all = found(index, 'fc.out');
    assert.ok(all.length >= 100 && all.length <= 1000, String(all.length));
    assert.ok(all.every((name) => name.length < 100));
  });

  it('lets others of the process have their turn while it takes up names', async () => {
    const many = packed(
      Array.from({ length: 200_000 }, (_, e) => tensor(`layers.${e >> 8}.experts.${e & 255}.w1.weight`)),
    );
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await new LayerIndex().add('m', many);
    clearInterval(timer);
    assert.ok(turns >= 3, `${turns} turns`);
  });

  it('refuses what would not fit, and says so', async () => {
    const index = new LayerIndex(3);
    const two = [tensor('fc1.weight'), tensor('fc2.weight')];
    assert.equal(await index.add('a', packed(two)), true);
    assert.equal(await index.add('b', packed(two)), false);
    index.remove('a');
    assert.equal(await index.add('b', packed(two)), true);
  });
});
