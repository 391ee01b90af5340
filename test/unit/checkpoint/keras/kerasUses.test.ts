/** What a Keras configuration says of kernels whose names say nothing, or something else. */
import assert from 'node:assert/strict';
import type { TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { einsumAxes, withConfigUses } from '../../../../extension/checkpoint/keras/kerasUses';
import { layersOf } from '../../../../extension/spectral/matrices';

const CONFIG = JSON.stringify({
  class_name: 'Functional',
  config: {
    layers: [
      { class_name: 'EinsumDense', config: { name: 'mix', equation: 'abc,cde->abde' } },
      { class_name: 'Conv1D', config: { name: 'filters' } },
      { class_name: 'EinsumDense', config: { name: 'join', equation: 'abde,dec->abc' } },
      { class_name: 'EinsumDense', config: { name: 'conv_experts', equation: 'bec,ecd->bed' } },
    ],
  },
});

/** Kind, rows and columns of each layer of a tensor. */
function kinds(name: string, shape: number[], named: Readonly<Record<string, string>> = {}): string[] {
  const attributes = new Map(Object.entries(named).map(([group, layer]) => [group, new Map([['name', layer]])]));
  const info: TensorInfo = { name, group: '', shape, dtype: 'F32', byteLength: 4, kernelLayout: '…IO' };
  const [tensor] = withConfigUses([{ info }], CONFIG, attributes);
  return layersOf(tensor!.info).layers.map(({ kind, rows, cols }) => `${kind} ${rows}×${cols}`);
}

describe('what a Keras configuration says of kernels', () => {
  it('by the layer’s name where its group has it', () => {
    assert.deepEqual(kinds('layers/a/vars/0', [8, 4, 3], { 'layers/a/vars': 'mix' }), ['matrix 8×12']);
    assert.deepEqual(kinds('layers/a/vars/0', [4, 3, 8], { 'layers/a/vars': 'join' }), ['matrix 12×8']);
    assert.deepEqual(kinds('layers/a/vars/0', [6, 4, 3], { 'layers/a/vars': 'filters' }), ['conv 4×3']);
    assert.deepEqual(kinds('layers/a/vars/0', [2, 4, 3], { 'layers/a/vars': 'conv_experts' }), [
      'expert 4×3',
      'expert 4×3',
    ]);
  });

  it('by its class and its place among those of the class elsewhere', () => {
    assert.deepEqual(kinds('layers/einsum_dense/vars/0', [8, 4, 3]), ['matrix 8×12']);
    assert.deepEqual(kinds('layers/einsum_dense_1/vars/0', [4, 3, 8]), ['matrix 12×8']);
    assert.deepEqual(kinds('layers/conv1d/vars/0', [6, 4, 3]), ['conv 4×3']);
  });

  it('by its name in whole models of earlier versions', () => {
    assert.deepEqual(kinds('model_weights/filters/filters/kernel:0', [6, 4, 3]), ['conv 4×3']);
    assert.deepEqual(kinds('model_weights/mix/mix/kernel:0', [8, 4, 3]), ['matrix 8×12']);
  });

  it('nothing of layers that it does not list, or of kernels of other ranks', () => {
    assert.deepEqual(kinds('layers/dense/vars/0', [2, 4, 3]), ['expert 4×3', 'expert 4×3']);
    assert.deepEqual(kinds('layers/einsum_dense/vars/0', [2, 8, 4, 3]), []);
  });

  for (const [equation, axes, expected] of [
    ['abc,cde->abde', 3, { stack: [], rows: [0], cols: [1, 2] }],
    ['abde,dec->abc', 3, { stack: [], rows: [0, 1], cols: [2] }],
    ['...x, xy -> ...y', 2, { stack: [], rows: [0], cols: [1] }],
    ['bec,ecd->bed', 3, { stack: [0], rows: [1], cols: [2] }],
    ['abc,c->abc', 1, undefined],
    ['abc,cde->abde', 2, undefined],
    ['no equation', 3, undefined],
    ['a,b', 1, undefined],
  ] as const) {
    it(`${equation}: ${expected ? JSON.stringify(expected) : 'no matrix'}`, () => {
      assert.deepEqual(einsumAxes(equation, axes), expected);
    });
  }
});
