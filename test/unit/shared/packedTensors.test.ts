import assert from 'node:assert/strict';
import { packSummary, unpackSummary } from '../../../extension/shared/packedTensors';
import type { CheckpointSummary, TensorSummary } from '../../../extension/shared/tensors';

const tensor = (name: string, change: Partial<TensorSummary> = {}): TensorSummary => ({
  ...{ name, group: '', shape: [64, 64], dtype: 'F32', parameters: 4096, bytes: 16_384, layers: [name] },
  ...change,
});

function summary(tensors: TensorSummary[]): CheckpointSummary {
  return {
    ...{ document: 'd1', path: '/m', format: 'safetensors', files: ['/m'], version: '1' },
    ...{ weightFiles: 1, parameters: 1, bytes: 1 },
    ...{ architecture: '', dtypes: [], metadata: { format: 'pt' }, tensors, problems: [] },
  };
}

const odd = summary([
  tensor('a.weight'),
  tensor('b.weight', { group: 'state_dict' }),
  tensor('bias', { shape: [64], parameters: 64, bytes: 256, layers: [], noSpectrum: '1-D tensor' }),
  tensor('experts', { shape: [2, 64, 64], layers: ['experts[0]', 'experts[1]'] }),
  tensor('head\nwith a line break', { sharedWith: 'a.weight' }),
]);

describe('packed tensors', () => {
  it('come out as they went in', () => {
    assert.deepEqual(unpackSummary(packSummary(odd)), odd);
    assert.deepEqual(unpackSummary(structuredClone(packSummary(odd))), odd);
    assert.deepEqual(unpackSummary(packSummary(summary([]))), summary([]));
  });

  it('are of another kind where any field but the name differs', () => {
    const changes: Required<Omit<TensorSummary, 'name' | 'alias' | 'layers' | 'sharedWith'>> = {
      ...{ group: 'state_dict', shape: [64, 32], dtype: 'F16', encoding: 'Q4_0', parameters: 1, bytes: 1 },
      ...{ noSpectrum: '1-D tensor', notModel: 'optimizer state' },
    };
    for (const [field, value] of Object.entries(changes)) {
      const two = summary([tensor('a'), tensor('b', { [field]: value })]);
      assert.deepEqual(unpackSummary(packSummary(two)), two, field);
    }
  });

  it('keep names that part in the middle of a character, across a border of text', () => {
    const near = summary([tensor('layer \u{1F600}'), tensor('layer \u{1F601}.weight'), tensor('')]);
    const { tensors, ...rest } = packSummary(near);
    const { text } = JSON.parse(JSON.stringify(tensors.names)) as { text: string };
    assert.deepEqual(unpackSummary({ ...rest, tensors: { ...tensors, names: { ...tensors.names, text } } }), near);
  });

  it('carry aliases apart from kinds, and nothing where there are none', () => {
    const named = summary([tensor('a'), tensor('b', { alias: 'model.b' }), tensor('c', { alias: 'model.c' })]);
    const packed = packSummary(named);
    assert.equal(packed.tensors.kinds.length, 1);
    assert.deepEqual(unpackSummary(structuredClone(packed)), named);
    assert.ok(!('aliases' in packSummary(odd).tensors));
  });

  it('share what many tensors have in common', () => {
    const { tensors } = packSummary(summary(Array.from({ length: 1000 }, (_, i) => tensor(`layers.${i}.weight`))));
    assert.equal(tensors.kinds.length, 1);
    assert.deepEqual(tensors.layers, []);
  });
});
