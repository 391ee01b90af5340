/** What tells a convolution from stacks of matrices and from attention kernels: names, neighbours, sizes. */
import assert from 'node:assert/strict';
import type { TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { foldedTensor, unfolded, withFolds } from '../../../../extension/checkpoint/wrappers/foldedTensor';
import { openModel } from '../../../../extension/checkpoint/openModel';
import type { KernelLayout } from '../../../../extension/shared/tensors';
import { extractMatrix, layersOf, type LayerGeometry } from '../../../../extension/spectral/matrices';
import { sharedCase } from '../../../harness/checkpoints/sharedCases';

type Siblings = Readonly<Record<string, readonly number[]>>;

function found(name: string, shape: readonly number[], layout: KernelLayout, siblings: Siblings): string[] | string {
  const tensor = { name, shape, dtype: 'F32', kernelLayout: layout } as const;
  const { layers, noSpectrum } = layersOf(tensor, (other) =>
    Object.hasOwn(siblings, other) ? siblings[other] : undefined,
  );
  if (layers.length === 0) return noSpectrum!;
  return layers.map(({ kind, rows, cols, count }) => `${kind} ${rows}×${cols}${count > 1 ? ` ×${count}` : ''}`);
}

const repeated = (count: number, layer: string): string[] => Array.from({ length: count }, () => layer);

const BIASES = 'vectors: biases or states';

const KINDS: readonly [
  what: string,
  name: string,
  shape: number[],
  layout: KernelLayout,
  siblings: Siblings,
  expected: string[] | string,
][] = [
  // Attention kernels with heads as an axis.
  ['query of Flax', 'MultiHeadDotProductAttention_0/query/kernel', [64, 4, 16], '…IO', {}, ['matrix 64×64']],
  ['its bias', 'MultiHeadDotProductAttention_0/query/bias', [4, 16], '…IO', {}, BIASES],
  ['output of Flax', 'attention/out/kernel', [4, 16, 48], '…IO', { 'attention/out/bias': [48] }, ['matrix 64×48']],
  ['the same with dots', 'params.attn.query.kernel', [64, 4, 16], 'OI…', {}, ['matrix 64×64']],
  ['scanned query', 'layers/attn/query/kernel', [3, 64, 4, 16], '…IO', {}, repeated(3, 'expert 64×64')],
  ['scanned output', 'layers/attn/out/kernel', [3, 4, 16, 64], '…IO', {}, repeated(3, 'expert 64×64')],
  ['scanned bias', 'layers/attn/query/bias', [3, 4, 16], '…IO', {}, BIASES],
  ['q, k and v in one', 'attn/qkv/kernel', [64, 3, 4, 16], '…IO', {}, ['matrix 64×192']],
  ['q, k and v one after another', 'attn/qkv/kernel', [3, 64, 64], '…IO', {}, repeated(3, 'expert 64×64')],
  ['query of Keras', 'mha/query/kernel:0', [64, 4, 16], '…IO', { 'mha/query/bias:0': [4, 16] }, ['matrix 64×64']],
  ['output of Keras', 'mha/attention_output/kernel:0', [4, 16, 64], '…IO', {}, ['matrix 64×64']],
  ['query of Keras 3', 'layers/multi_head_attention/query_dense/vars/0', [64, 4, 16], '…IO', {}, ['matrix 64×64']],
  [
    'its bias',
    'layers/multi_head_attention/query_dense/vars/1',
    [4, 16],
    '…IO',
    { 'layers/multi_head_attention/query_dense/vars/0': [64, 4, 16] },
    BIASES,
  ],
  ['W_Q, heads first', 'blocks.0.attn.W_Q', [4, 64, 16], 'OI…', {}, ['matrix 64×64']],
  ['W_O, heads first', 'blocks.0.attn.W_O', [4, 16, 48], 'OI…', {}, ['matrix 64×48']],
  ['b_Q', 'blocks.0.attn.b_Q', [4, 16], 'OI…', {}, BIASES],
  ['k and v of Gemma', 'layer_0/attn/kv_einsum/w', [2, 1, 64, 16], '…IO', {}, repeated(2, 'expert 64×16')],
  ['a query of 1×1 convolutions', 'sa/query/kernel', [1, 1, 64, 8], '…IO', {}, ['conv 64×8']],
  [
    'a query of convolutions over time',
    'sa/query/kernel',
    [3, 64, 8],
    '…IO',
    { 'sa/query/bias': [8] },
    ['conv 64×8 ×3'],
  ],
  ['a query of PyTorch’s convolutions', 'sa.query.weight', [8, 64, 1], 'OI…', {}, ['conv 8×64']],

  // Stacks.
  ['scanned dense layers', 'layers/mlp/wi/kernel', [6, 64, 256], '…IO', {}, repeated(6, 'expert 64×256')],
  ['as many as a kernel has positions', 'layers/mlp/wi/kernel', [3, 64, 256], '…IO', {}, repeated(3, 'expert 64×256')],
  ['a bias for each says so', 'wi/kernel', [3, 64, 256], '…IO', { 'wi/bias': [3, 256] }, repeated(3, 'expert 64×256')],
  ['relations of a graph', 'conv1.weight', [8, 16, 12], 'OI…', { 'conv1.root': [16, 12] }, repeated(8, 'expert 16×12')],
  ['their bias says so', 'conv1.weight', [8, 16, 12], 'OI…', { 'conv1.bias': [12] }, repeated(8, 'expert 16×12')],
  ['longer than any axis', 'conv1.weight', [8, 16, 32], 'OI…', {}, repeated(8, 'expert 16×32')],
  ['a bilinear layer', 'bilinear.weight', [5, 20, 30], 'OI…', { 'bilinear.bias': [5] }, repeated(5, 'expert 20×30')],
  [
    'a small bilinear layer',
    'bilinear.weight',
    [5, 20, 3],
    'OI…',
    { 'bilinear.bias': [5] },
    repeated(5, 'expert 20×3'),
  ],
  ['splines', 'spline.spline_weight', [4, 16, 8], 'OI…', {}, repeated(4, 'expert 16×8')],
  ['experts in layers', 'layers/moe/wi/kernel', [2, 3, 64, 32], '…IO', {}, repeated(6, 'expert 64×32')],
  ['biases of experts', 'mlp.experts.gate_up_proj_bias', [4, 32], 'OI…', {}, BIASES],

  // A frame of length 1.
  ['positions', 'pos_embed', [1, 50, 64], 'OI…', {}, ['matrix 50×64']],
  ['vectors of a graph attention', 'gat.att_src', [1, 8, 32], 'OI…', {}, BIASES],
  ['the same in a layer called conv', 'conv1.att_src', [1, 8, 32], 'OI…', {}, BIASES],

  // Convolutions.
  ['by name', 'conv1.weight', [16, 8, 7], 'OI…', {}, ['conv 16×8 ×7']],
  ['by bias', 'encoder.0.weight', [16, 8, 10], 'OI…', { 'encoder.0.bias': [16] }, ['conv 16×8 ×10']],
  ['transposed, by bias', 'up.0.weight', [8, 16, 10], 'OI…', { 'up.0.bias': [16] }, ['conv 8×16 ×10']],
  ['by sizes', 'features.0.weight', [16, 8, 3], 'OI…', {}, ['conv 16×8 ×3']],
  ['a patch', 'patch_embed.proj.weight', [64, 3, 16, 16], 'OI…', {}, ['conv 64×3 ×256']],
  ['patches of frames', 'patch_embed.proj.weight', [64, 3, 2, 14, 14], 'OI…', {}, ['conv 64×3 ×392']],
  [
    'normalised weights',
    'c.parametrizations.weight.original1',
    [16, 8, 11],
    'OI…',
    { 'c.bias': [16] },
    ['conv 16×8 ×11'],
  ],
  ['a filter bank', 'stft.forward_basis_buffer', [258, 1, 256], 'OI…', {}, ['conv 258×1 ×256']],
  ['positions that are convolved', 'pos_conv_embed.conv.weight_v', [768, 64, 128], 'OI…', {}, ['conv 768×64 ×128']],
  [
    'longer than a small model is wide, by bias',
    'pos_conv_embed.conv.weight_v',
    [16, 8, 128],
    'OI…',
    { 'pos_conv_embed.conv.bias': [16] },
    ['conv 16×8 ×128'],
  ],
  ['of Flax, by bias', 'net/kernel', [4, 8, 16], '…IO', { 'net/bias': [16] }, ['conv 8×16 ×4']],
  [
    'of Flax, in layers, by bias',
    'layers/net/kernel',
    [3, 8, 16],
    '…IO',
    { 'layers/net/bias': [16] },
    ['conv 8×16 ×3'],
  ],
  ['of Keras 3', 'layers/conv1d_1/vars/0', [3, 64, 32], '…IO', { 'layers/conv1d_1/vars/1': [32] }, ['conv 64×32 ×3']],
  ['depthwise of Keras', 'd/depthwise_kernel:0', [3, 3, 8, 2], '…IO', { 'd/bias:0': [16] }, ['conv 8×2 ×9']],
  ['separable, bias of the second', 's/depthwise_kernel:0', [5, 8, 1], '…IO', { 's/bias:0': [16] }, ['conv 8×1 ×5']],
  ['an expert that is one', 'experts.0.conv.weight', [16, 8, 3, 3], 'OI…', {}, ['conv 16×8 ×9']],
  ['of one channel in and out', 'blur.conv.weight', [1, 1, 5, 5], 'OI…', {}, 'one input and one output channel'],

  // Nothing says.
  [
    'four axes',
    'relative_table',
    [2, 12, 49, 50],
    'OI…',
    {},
    'nothing says which of its 4 axes make a matrix, or that it is a convolution',
  ],
  ['a mask', 'attn.bias', [1, 1, 64, 64], 'OI…', {}, BIASES],
];

describe('what a tensor of three and more axes is', () => {
  for (const [what, name, shape, layout, siblings, expected] of KINDS) {
    it(`${what}: ${name} ${shape.join('×')}`, () => {
      assert.deepEqual(found(name, shape, layout, siblings), expected);
    });
  }

  it('operators of a graph decide before names', () => {
    const of = (shape: number[], usedAs: 'kernel' | 'matrices' | 'vectors'): LayerGeometry[] =>
      layersOf({ name: 'conv.weight', shape, dtype: 'F32', kernelLayout: 'OI…', usedAs }).layers;
    assert.equal(of([2, 8, 8], 'kernel')[0]!.kind, 'conv');
    assert.equal(of([2, 8, 8], 'matrices').length, 2);
    assert.equal(of([2, 3, 8, 8], 'matrices').length, 6);
    assert.equal(of([2, 8, 8], 'vectors').length, 0);
  });
});

describe('folded tensors', () => {
  /** Elements that tell where they came from, as float32. */
  function stored(shape: readonly number[]): TensorInfo {
    const count = shape.reduce((product, size) => product * size, 1);
    return { name: 't', group: '', shape, dtype: 'F32', byteLength: 4 * count, kernelLayout: 'OI…' };
  }

  function bytesOf({ byteLength }: TensorInfo): Uint8Array {
    return new Uint8Array(Float32Array.from({ length: byteLength / 4 }, (_, i) => i).buffer);
  }

  const FOLDS: readonly [
    shape: number[],
    axes: { stack: number[]; rows: number[]; cols: number[] },
    elementOf: (...at: [matrix: number, row: number, col: number]) => number,
  ][] = [
    // in × heads × dim, heads × dim × out: as they lie.
    [[6, 2, 3], { stack: [], rows: [0], cols: [1, 2] }, (_, row, col) => 6 * row + col],
    [[2, 3, 4], { stack: [], rows: [0, 1], cols: [2] }, (_, row, col) => 4 * row + col],
    // heads × in × dim: column h·dim + d of row i.
    [
      [2, 5, 3],
      { stack: [], rows: [1], cols: [0, 2] },
      (_, row, col) => 15 * Math.floor(col / 3) + 3 * row + (col % 3),
    ],
    // A stack of those.
    [
      [3, 2, 5, 3],
      { stack: [0], rows: [2], cols: [1, 3] },
      (matrix, row, col) => 30 * matrix + 15 * Math.floor(col / 3) + 3 * row + (col % 3),
    ],
    [[2, 3, 4, 5], { stack: [0, 1], rows: [2], cols: [3] }, (matrix, row, col) => 20 * matrix + 5 * row + col],
  ];

  for (const [shape, axes, elementOf] of FOLDS) {
    it(`${shape.join('×')} as ${JSON.stringify(axes)}: every band, and back`, async () => {
      const of = stored(shape);
      const all = bytesOf(of);
      const rowBytes = of.byteLength / shape[0]!;
      const checkpoint = withFolds({
        ...{ path: 't', format: 'x', files: [], metadata: {}, tensors: [of], problems: [] },
        read: (tensor, rows = { start: 0, end: shape[0]! }) => {
          assert.equal(tensor, of);
          return Promise.resolve(all.slice(rows.start * rowBytes, rows.end * rowBytes));
        },
        close: () => Promise.resolve(),
      });
      const folded = foldedTensor(of, axes);
      const [count, rows, cols] = folded.shape.length === 3 ? folded.shape : [1, ...folded.shape];
      const expected: number[] = [];
      for (let m = 0; m < count!; m++)
        for (let i = 0; i < rows!; i++) for (let j = 0; j < cols!; j++) expected.push(elementOf(m, i, j));
      const whole = await checkpoint.read(folded);
      assert.deepEqual([...new Float32Array(whole.slice().buffer)], expected);
      const perPosition = expected.length / folded.shape[0]!;
      for (let start = 0; start <= folded.shape[0]!; start++) {
        for (let end = start; end <= folded.shape[0]!; end++) {
          const band = new Float32Array((await checkpoint.read(folded, { start, end })).slice().buffer);
          assert.deepEqual([...band], expected.slice(start * perPosition, end * perPosition), `${start} to ${end}`);
        }
      }
      assert.deepEqual(unfolded(whole, folded.folded!), all);
      const elements = Float64Array.from({ length: expected.length }, (_, i) => i);
      for (let m = 0; m < count!; m++) {
        const layer = { name: 't', tensor: 't', kind: 'matrix', rows: rows!, cols: cols!, count: 1, axes } as const;
        const one = axes.stack.length > 0 ? { ...layer, expert: m } : layer;
        const matrix = extractMatrix(elements, shape, 'OI…', one, 0);
        assert.deepEqual([...matrix], expected.slice(m * rows! * cols!, (m + 1) * rows! * cols!));
      }
    });
  }
});

describe('checkpoints with kernels of three axes', () => {
  const LAYERS: Readonly<Record<string, Readonly<Record<string, string[]>>>> = {
    'attn3d/flax_mha.msgpack': {
      'params/MultiHeadDotProductAttention_0/query/kernel': ['matrix 64×64'],
      'params/MultiHeadDotProductAttention_0/query/bias': [],
      'params/MultiHeadDotProductAttention_0/out/kernel': ['matrix 64×64'],
      'params/Conv_0/kernel': ['conv 64×32 ×3'],
      'params/Dense_0/kernel': ['matrix 64×256'],
      'params/layers/mlp/wi/kernel': repeated(6, 'expert 64×256'),
      'params/layers/attn/query/kernel': repeated(6, 'expert 64×64'),
    },
    'attn3d/jax.npz': {
      'MultiHeadDotProductAttention_1/query/kernel': ['matrix 64×64'],
      'MultiHeadDotProductAttention_1/out/kernel': ['matrix 64×64'],
    },
    'attn3d/keras_mha.weights.h5': {
      'layers/conv1d/vars/0': ['conv 64×32 ×3'],
      'layers/multi_head_attention/output_dense/vars/0': ['matrix 64×64'],
      'layers/multi_head_attention/query_dense/vars/0': ['matrix 64×64'],
    },
    'stack3d/pyg.pt': {
      'conv1.weight': repeated(8, 'expert 16×32'),
      'conv1.root': ['matrix 16×32'],
      'gat.att_src': [],
      'gat.lin.weight': ['matrix 256×32'],
      'bilinear.weight': repeated(5, 'expert 20×30'),
      'spline.spline_weight': repeated(16, 'expert 16×8'),
    },
    'stack3d/transformerlens.pt': {
      'embed.W_E': ['matrix 100×64'],
      'blocks.0.attn.W_Q': ['matrix 64×64'],
      'blocks.0.attn.W_K': ['matrix 64×64'],
      'blocks.0.attn.W_O': ['matrix 64×64'],
      'blocks.0.mlp.W_in': ['matrix 64×256'],
      'blocks.0.attn.b_Q': [],
      'blocks.0.attn.mask': [],
      'unembed.W_U': ['matrix 64×100'],
    },
    'stack3d/vit.pth': {
      pos_embed: ['matrix 50×64'],
      cls_token: [],
      'blocks.0.attn.qkv.weight': ['matrix 192×64'],
      'patch_embed.proj.weight': ['conv 64×3 ×256'],
    },
  };
  for (const [file, layers] of Object.entries(LAYERS)) {
    it(file, async function () {
      const checkpoint = await openModel(sharedCase(this, ...file.split('/')));
      try {
        const shapes = new Map(checkpoint.tensors.map(({ name, shape }) => [name, shape]));
        const kinds = checkpoint.tensors.map((tensor) => {
          const { layers: geometries } = layersOf(tensor, (name) => shapes.get(name));
          const described = geometries.map(
            ({ kind, rows, cols, count }) => `${kind} ${rows}×${cols}${count > 1 ? ` ×${count}` : ''}`,
          );
          return [tensor.name, described];
        });
        assert.deepEqual(Object.fromEntries(kinds), layers);
      } finally {
        await checkpoint.close();
      }
    });
  }
});
