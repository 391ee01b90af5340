import assert from 'node:assert/strict';
import type { TensorInfo } from '../../../extension/checkpoint/checkpoint';
import { compressionMatrix } from '../../../extension/compression/compressionMatrix';
import { factorLayout, torchModules, type FactorLayout } from '../../../extension/compression/factorLayout';

type Tensor = Pick<TensorInfo, 'name' | 'shape' | 'kernelLayout' | 'inputsFirst'>;

const tensor = (name: string, shape: number[], kernelLayout: TensorInfo['kernelLayout'] = 'OI…'): Tensor => ({
  name,
  shape,
  kernelLayout,
});

function layout(weight: Tensor, ...others: Tensor[]): FactorLayout {
  return factorLayout(weight, compressionMatrix(weight.shape, weight.kernelLayout), [weight, ...others]);
}

describe('names and order of two factors', () => {
  it('are those of nn.Sequential, with the bias behind the second', () => {
    const found = layout(tensor('model.q_proj.weight', [6, 4]), tensor('model.q_proj.bias', [6]));
    assert.deepEqual(found.names, ['model.q_proj.0.weight', 'model.q_proj.1.weight']);
    assert.deepEqual(found.bias, { from: 'model.q_proj.bias', to: 'model.q_proj.1.bias' });
    assert.deepEqual([found.first, found.module, found.zeroBias], ['right', 'linear', undefined]);
    assert.deepEqual(layout(tensor('weight', [6, 4]), tensor('bias', [6])).bias, { from: 'bias', to: '1.bias' });
    assert.deepEqual(layout(tensor('weight', [6, 4])).names, ['0.weight', '1.weight']);
  });

  it('begin with the rows where these are inputs: Keras, TensorFlow and Flax', () => {
    for (const [name, expected, bias] of [
      ['dense/kernel:0', ['dense/0/kernel:0', 'dense/1/kernel:0'], 'dense/bias:0'],
      ['params.Dense_0.kernel', ['params.Dense_0.0.kernel', 'params.Dense_0.1.kernel'], 'params.Dense_0.bias'],
      ['Embed_0/embedding', ['Embed_0/0/embedding', 'Embed_0/1/kernel'], undefined],
      ['layers/dense/vars/0', ['layers/dense/vars/0.0', 'layers/dense/vars/0.1'], undefined],
    ] as const) {
      const others = bias === undefined ? [] : [tensor(bias, [4], '…IO')];
      const found = layout(tensor(name, [6, 4], '…IO'), ...others);
      assert.deepEqual([found.first, found.names, found.secondTransposed], ['left', [...expected], false], name);
      assert.equal(found.bias?.to, bias?.replace('bias', '1/bias').replace('0.1/', '0.1.'));
      assert.equal(torchModules(found, { shape: [6, 4] }, compressionMatrix([6, 4], '…IO'), 2), undefined);
    }
  });

  it('follow the operators of a graph', () => {
    const weight = { ...tensor('onnx::MatMul_12', [6, 4]), inputsFirst: true as const };
    assert.deepEqual([layout(weight).first, layout(weight).names[0]], ['left', 'onnx::MatMul_12.0']);
    assert.equal(layout(tensor('onnx::MatMul_12', [6, 4])).first, 'right');
  });

  it('tell GPT-2’s Conv1D from a Linear by the bias, and a square one by the others', () => {
    const conv1d = (name: string, rows: number, cols: number): Tensor[] => [
      tensor(`${name}.weight`, [rows, cols]),
      tensor(`${name}.bias`, [cols]),
    ];
    const linear = (name: string, rows: number, cols: number): Tensor[] => [
      tensor(`${name}.weight`, [rows, cols]),
      tensor(`${name}.bias`, [rows]),
    ];
    const [weight, bias] = conv1d('h.0.attn.c_proj', 4, 4);
    assert.equal(layout(weight!, bias!, ...conv1d('h.0.attn.c_attn', 4, 12)).module, 'conv1d');
    assert.equal(layout(weight!, bias!, ...linear('h.0.attn.c_attn', 12, 4)).module, 'linear');
    assert.equal(layout(weight!, bias!).module, 'linear');
    assert.equal(layout(...(conv1d('h.0.mlp.c_fc', 4, 16) as [Tensor, Tensor])).module, 'conv1d');
    // nanoGPT without biases has Linears.
    assert.equal(layout(tensor('h.0.mlp.c_fc.weight', [16, 4])).module, 'linear');
  });

  it('give an embedding’s second factor to a Linear', () => {
    for (const name of [
      'model.embed_tokens',
      'transformer.wte',
      'transformer.wpe',
      'bert.embeddings.word_embeddings',
    ]) {
      const found = layout(tensor(`${name}.weight`, [9, 4]));
      assert.deepEqual([found.module, found.first, found.secondTransposed], ['embedding', 'left', true], name);
    }
    for (const name of ['lm_head', 'embed_out', 'time_embedding.linear_1', 'emb_layers.1', 'embedding_hidden']) {
      assert.equal(layout(tensor(`${name}.weight`, [9, 4])).module, 'linear', name);
    }
    assert.equal(layout(tensor('patch_embed.weight', [9, 4]), tensor('patch_embed.bias', [9])).module, 'linear');
  });

  it('are refused for a convolution whose bias says that it is grouped or transposed', () => {
    const kernel = tensor('up.weight', [8, 4, 2, 2]);
    assert.throws(() => layout(kernel, tensor('up.bias', [4])), {
      code: 'unsupported',
      message: /up\.weight: its bias has 4 numbers where the kernel would have 8 outputs/,
    });
    assert.equal(layout(kernel, tensor('up.bias', [8])).bias?.to, 'up.1.bias');
  });

  it('are refused for one expert of a stack', () => {
    const stack = tensor('experts', [4, 6, 10]);
    const matrix = compressionMatrix(stack.shape, 'OI…', 1);
    assert.throws(() => factorLayout(stack, matrix, []), /one expert.*save the reconstructed matrix instead/);
  });
});
