/** Which tensors have a spectrum, and where the elements of each matrix lie. */
import assert from 'node:assert/strict';
import type { DType, KernelLayout, RecurrentOperator } from '../../../extension/shared/tensors';
import { extractMatrix, layersOf } from '../../../extension/spectral/matrices';

function layers(name: string, shape: number[], kernelLayout: KernelLayout = 'OI…', dtype: DType = 'F32') {
  return layersOf({ name, shape, dtype, kernelLayout });
}

function kinds(
  name: string,
  shape: number[],
  kernelLayout: KernelLayout = 'OI…',
  recurrent?: RecurrentOperator,
): string[] {
  return layersOf({ name, shape, dtype: 'F32', kernelLayout, ...(recurrent && { recurrent }) }).layers.map(
    ({ kind, rows, cols, count }) => `${kind} ${rows}×${cols}${count > 1 ? ` ×${count}` : ''}`,
  );
}

/** Every kind of tensor that models have, as its program stores it, and the matrices whose spectra are taken. */
const KINDS: readonly [
  what: string,
  name: string,
  shape: number[],
  layout: KernelLayout,
  recurrent: RecurrentOperator | undefined,
  matrices: string[],
][] = [
  ['Linear, out × in', 'fc.weight', [3, 5], 'OI…', undefined, ['matrix 3×5']],
  ['Conv1D of GPT-2, in × out', 'h.0.attn.c_attn.weight', [768, 2304], 'OI…', undefined, ['matrix 768×2304']],
  ['Dense of Keras, in × out', 'dense/kernel:0', [5, 3], '…IO', undefined, ['matrix 5×3']],
  ['embedding', 'wte.weight', [50257, 768], 'OI…', undefined, ['matrix 50257×768']],
  ['conv1d', 'conv.weight', [128, 129, 3], 'OI…', undefined, ['conv 128×129 ×3']],
  ['conv1d of Keras', 'conv1d/kernel', [3, 129, 128], '…IO', undefined, ['conv 129×128 ×3']],
  ['conv2d', 'conv.weight', [64, 32, 3, 3], 'OI…', undefined, ['conv 64×32 ×9']],
  ['conv2d of Keras', 'conv/kernel', [3, 3, 32, 64], '…IO', undefined, ['conv 32×64 ×9']],
  ['conv2d of TensorFlow Lite', 'conv', [64, 3, 3, 32], 'O…I', undefined, ['conv 64×32 ×9']],
  ['pointwise conv2d', 'conv.weight', [64, 32, 1, 1], 'OI…', undefined, ['conv 64×32']],
  ['conv3d', 'conv.weight', [8, 4, 2, 3, 5], 'OI…', undefined, ['conv 8×4 ×30']],
  ['transposed conv2d, I × O', 'up.weight', [32, 64, 2, 2], 'OI…', undefined, ['conv 32×64 ×4']],
  ['transposed conv2d of Keras, O × I', 'up/kernel', [2, 2, 64, 32], '…IO', undefined, ['conv 64×32 ×4']],
  ['grouped conv2d, O × I/groups', 'conv.weight', [64, 8, 3, 3], 'OI…', undefined, ['conv 64×8 ×9']],
  ['depthwise conv2d', 'depthwise.weight', [32, 1, 3, 3], 'OI…', undefined, ['conv 32×1 ×9']],
  ['depthwise conv2d of Keras', 'depthwise/kernel', [3, 3, 32, 2], '…IO', undefined, ['conv 32×2 ×9']],
  ['depthwise conv2d of TensorFlow Lite', 'depthwise', [1, 3, 3, 32], '…O', undefined, ['conv 1×32 ×9']],
  ['LSTM of PyTorch, gates below one another', 'rnn.weight_ih_l0', [512, 64], 'OI…', undefined, ['matrix 512×64']],
  ['LSTM of Keras, gates side by side', 'lstm/kernel', [64, 512], '…IO', undefined, ['matrix 64×512']],
  ['LSTM of ONNX, a matrix a direction', 'W', [2, 40, 7], 'OI…', 'LSTM', ['expert 40×7', 'expert 40×7']],
  ['GRU of ONNX, one direction', 'onnx::GRU_12', [1, 30, 7], 'OI…', 'GRU', ['expert 30×7']],
  ['experts, out × in', 'mlp.experts.down_proj', [2, 8, 4], 'OI…', undefined, ['expert 8×4', 'expert 8×4']],
  ['experts, in × out', 'experts.gate_up_proj', [2, 4, 16], 'OI…', undefined, ['expert 4×16', 'expert 4×16']],
  ['experts of llama.cpp', 'blk.0.ffn_up_exps.weight', [2, 8, 4], 'OI…', undefined, ['expert 8×4', 'expert 8×4']],
];

describe('layers of a tensor', () => {
  it('a 2-D tensor is one matrix', () => {
    assert.deepEqual(layers('fc.weight', [3, 5]), {
      layers: [{ name: 'fc.weight', tensor: 'fc.weight', kind: 'matrix', rows: 3, cols: 5, count: 1 }],
    });
  });

  for (const [what, name, shape, layout, recurrent, matrices] of KINDS) {
    it(`${what}: ${matrices.length > 1 ? `${matrices.length} of ` : ''}${matrices[0]!}`, () => {
      assert.deepEqual(kinds(name, shape, layout, recurrent), matrices);
    });
  }

  it('3-D tensors are conv1d kernels or stacks of experts', () => {
    assert.deepEqual(kinds('encoder.weight', [128, 129, 3]), ['conv 128×129 ×3']);
    assert.deepEqual(kinds('stft.forward_basis_buffer', [258, 1, 256]), ['conv 258×1 ×256']);
    assert.deepEqual(kinds('kernel', [3, 128, 256], '…IO'), ['conv 128×256 ×3']);
    assert.deepEqual(kinds('pos_conv_embed.conv.weight_v', [768, 64, 128]), ['conv 768×64 ×128']);
    assert.deepEqual(kinds('block.w', [2, 512, 256]), ['expert 512×256', 'expert 512×256']);
    assert.deepEqual(kinds('block.w', [20, 512, 256], '…IO').length, 20);
    assert.deepEqual(kinds('mlp.experts.down', [2, 8, 4]), ['expert 8×4', 'expert 8×4']);
    assert.deepEqual(kinds('block_sparse_moe.w', [1, 8, 4]), ['expert 8×4']);
    assert.deepEqual(kinds('moe/conv1d', [128, 5, 96], 'O…I'), ['conv 128×96 ×5']);
  });

  it('experts are named by their index', () => {
    const { layers: experts } = layers('experts.up', [3, 8, 4]);
    assert.deepEqual(
      experts.map(({ name, tensor, expert }) => [name, tensor, expert]),
      [0, 1, 2].map((index) => [`experts.up[${index}]`, 'experts.up', index]),
    );
  });

  it('says why a tensor has no spectrum', () => {
    const reasons: [number[], DType, RegExp][] = [
      [[], 'F32', /scalar/],
      [[7], 'F32', /1-D/],
      [[0, 4], 'F32', /zero dimension/],
      [[4, 4], 'I64', /integer/],
      [[4, 4], 'U8', /integer/],
      [[4, 4], 'BOOL', /boolean/],
      [[4, 4], 'C64', /complex/],
      [[2, 2, 2, 2, 2, 2], 'F32', /6-D/],
      [[1, 1, 768], 'F32', /one axis/],
      [[4, 4], 'F8_E8M0', /scales/],
      [[1, 1, 3, 3], 'F32', /nothing says which of its 4 axes/],
      [[1, 1, 1024, 1024], 'F32', /nothing says which of its 4 axes/],
    ];
    for (const [shape, dtype, reason] of reasons) {
      const { layers: none, noSpectrum } = layers('t', shape, 'OI…', dtype);
      assert.deepEqual(none, []);
      assert.match(noSpectrum ?? '', reason, `[${shape.join()}] ${dtype}`);
    }
    for (const dtype of ['F64', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'] as const) {
      assert.equal(layers('t', [4, 4], 'OI…', dtype).layers.length, 1, dtype);
    }
  });
});

describe('matrices of a layer', () => {
  /** Elements that tell where they came from. */
  const numbered = (count: number): Float64Array => Float64Array.from({ length: count }, (_, index) => index);

  it('every kernel position in every layout', () => {
    const [O, I, H, W] = [4, 3, 2, 5];
    /** Shape, element of (o, i, position), entry of (o, i). */
    const layouts: [KernelLayout, number[], (o: number, i: number, p: number) => number, 'O×I' | 'I×O'][] = [
      ['OI…', [O, I, H, W], (o, i, p) => (o * I + i) * H * W + p, 'O×I'],
      ['…IO', [H, W, I, O], (o, i, p) => (p * I + i) * O + o, 'I×O'],
      ['O…I', [O, H, W, I], (o, i, p) => (o * H * W + p) * I + i, 'O×I'],
    ];
    for (const [kernelLayout, shape, elementOf, order] of layouts) {
      const layer = layers('conv', shape, kernelLayout).layers[0]!;
      const elements = numbered(O * I * H * W);
      for (let p = 0; p < H * W; p++) {
        const matrix = extractMatrix(elements, shape, kernelLayout, layer, p);
        for (let o = 0; o < O; o++) {
          for (let i = 0; i < I; i++) {
            assert.equal(matrix[order === 'O×I' ? o * I + i : i * O + o], elementOf(o, i, p), kernelLayout);
          }
        }
      }
    }
  });

  it('every position of a depthwise kernel, a row of its outputs', () => {
    const layer = layers('depthwise', [1, 2, 2, 3], '…O').layers[0]!;
    const rows = [0, 1, 2, 3].map((p) => [...extractMatrix(numbered(12), [1, 2, 2, 3], '…O', layer, p)]);
    assert.deepEqual(rows, [
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8],
      [9, 10, 11],
    ]);
  });

  it('an expert out of the whole stack or out of its own band', () => {
    const shape = [3, 2, 4];
    const stack = numbered(24);
    const layer = layers('experts.w', shape).layers[1]!;
    const expected = [...stack.subarray(8, 16)];
    assert.deepEqual([...extractMatrix(stack, shape, 'OI…', layer, 0)], expected);
    assert.deepEqual([...extractMatrix(stack.slice(8, 16), shape, 'OI…', layer, 0)], expected);
  });

  it('is a copy', () => {
    const elements = numbered(6);
    const layer = layers('w', [2, 3]).layers[0]!;
    const matrix = extractMatrix(elements, [2, 3], 'OI…', layer, 0);
    matrix.fill(-1);
    assert.deepEqual([...elements], [0, 1, 2, 3, 4, 5]);
  });

  it('refuses elements and positions that do not fit', () => {
    const layer = layers('w', [2, 3]).layers[0]!;
    assert.throws(() => extractMatrix(numbered(5), [2, 3], 'OI…', layer, 0), RangeError);
    assert.throws(() => extractMatrix(numbered(6), [2, 3], 'OI…', layer, 1), RangeError);
    assert.throws(() => extractMatrix(numbered(6), [2, 3], 'OI…', layer, -1), RangeError);
  });
});
