import assert from 'node:assert/strict';
import { layoutHolds, methodsWithoutPlace } from '../../../../extension/shared/compression/layoutMethods';
import { saveLayouts } from '../../../../extension/shared/compression/layouts';
import { layerMethods, type MethodName } from '../../../../extension/shared/compression/methodTable';

const layoutsOf = (method: MethodName): string[] =>
  saveLayouts.filter(({ name }) => layoutHolds(name, method)).map(({ name }) => name);

describe('layouts and methods', () => {
  it('go together as the writers have places for them', () => {
    assert.deepEqual(layoutsOf('svd'), ['huggingface', 'onnx', 'dense', 'safetensors']);
    assert.deepEqual(layoutsOf('pissa'), ['peft', 'dense']);
    assert.deepEqual(layoutsOf('lq-lora'), ['peft', 'dense', 'safetensors']);
    assert.deepEqual(layoutsOf('quantise'), ['bitsandbytes', 'compressed-tensors', 'dense', 'safetensors']);
    assert.deepEqual(layoutsOf('dct'), ['dense', 'safetensors']);
    // Whatever is chosen can be saved.
    for (const { name } of layerMethods) assert.ok(layoutsOf(name).length >= 2, name);
  });

  it('tell which methods of a plan have no place', () => {
    const layers = {
      a: { method: 'svd', rank: 2 },
      b: { keep: 'dense', why: 'left out' },
      c: { method: 'quantise' },
      d: { method: 'svd', rank: 3 },
    } as const;
    assert.deepEqual(methodsWithoutPlace('huggingface', { layers }), ['quantise']);
    assert.deepEqual(methodsWithoutPlace('peft', { layers }), ['svd', 'quantise']);
    assert.deepEqual(methodsWithoutPlace('dense', { layers }), []);
  });
});
