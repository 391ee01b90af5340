/** What the operators of an ONNX model say of the matrices in its weights. */
import assert from 'node:assert/strict';
import { layersOf } from '../../../../extension/spectral/matrices';
import { rawTensor, scalesTensor } from '../../../harness/onnxRun';
import {
  floatTensor,
  graph,
  intAttribute,
  type Message,
  node,
  runnableModel,
  TYPE,
} from '../../../harness/checkpoints/onnxWriter';
import { openedOnnx } from '../../../harness/checkpoints/openedOnnx';

describe('onnx: matrices that operators use', () => {
  const { open } = openedOnnx();

  /** Each layer as `name rows × cols (count)`, and why a tensor has none. */
  async function layers(nodes: readonly Message[], ...initializers: readonly Message[]): Promise<string[]> {
    const { tensors, problems } = await open(runnableModel(graph({ nodes, initializers })));
    assert.deepEqual(problems, []);
    return tensors.flatMap((tensor) => {
      const found = layersOf(tensor);
      if (found.noSpectrum !== undefined) return [`${tensor.name}: ${found.noSpectrum}`];
      return found.layers.map(({ name, rows, cols, count }) => `${name} ${rows} × ${cols} (${count})`);
    });
  }

  for (const [operator, gates] of [
    ['LSTM', 4],
    ['GRU', 3],
    ['RNN', 1],
  ] as const) {
    it(`${operator}: W and R of each direction, and no biases`, async () => {
      const found = await open(
        runnableModel(
          graph({
            nodes: [node(operator, { inputs: ['x', 'w', 'r', 'b'], output: 'y' })],
            initializers: [
              floatTensor('w', [2, gates * 5, 3]),
              floatTensor('r', [2, gates * 5, 5]),
              floatTensor('b', [2, gates * 10]),
            ],
          }),
        ),
      );
      assert.deepEqual(
        found.tensors.map(({ recurrent }) => recurrent),
        [operator, operator, undefined],
      );
      const shown = found.tensors.flatMap((tensor) => {
        const of = layersOf(tensor);
        return of.layers.map(({ name, rows, cols }) => [name, rows, cols]);
      });
      assert.deepEqual(shown, [
        ['w[0]', gates * 5, 3],
        ['w[1]', gates * 5, 3],
        ['r[0]', gates * 5, 5],
        ['r[1]', gates * 5, 5],
      ]);
      assert.equal(layersOf(found.tensors[2]!).noSpectrum, 'vectors: biases or states');
    });
  }

  it('x·W and a table of rows have their inputs in rows, a Gemm of the transpose in columns', async () => {
    const nodes = [
      node('Gather', { inputs: ['table', 'ids'], output: 'x' }),
      node('MatMul', { inputs: ['x', 'product'], output: 'y' }),
      node('Gemm', { inputs: ['y', 'plain', 'bias'], output: 'z' }),
      node('Gemm', { inputs: ['z', 'turned', 'bias'], output: 'o', attributes: [intAttribute('transB', 1)] }),
    ];
    const initializers = ['table', 'product', 'plain', 'turned'].map((name) => floatTensor(name, [5, 5]));
    const { tensors } = await open(runnableModel(graph({ nodes, initializers })));
    assert.deepEqual(
      tensors.map(({ name, inputsFirst }) => [name, inputsFirst]),
      [
        ['table', true],
        ['product', true],
        ['plain', true],
        ['turned', undefined],
      ],
    );
  });

  it('a matrix product with a stack: one matrix each, however small', async () => {
    const nodes = [node('MatMul', { inputs: ['x', 'w'], output: 'y' })];
    assert.deepEqual(await layers(nodes, floatTensor('w', [2, 5, 3])), ['w[0] 5 × 3 (1)', 'w[1] 5 × 3 (1)']);
  });

  it('a convolution: one matrix per position, however large its kernel or misleading its name', async () => {
    for (const operator of ['Conv', 'ConvTranspose']) {
      const nodes = [node(operator, { inputs: ['x', 'expert'], output: 'y' })];
      const found = await layers(nodes, floatTensor('expert', [2, 64, 65]));
      assert.deepEqual(found, ['expert 2 × 64 (65)'], operator);
    }
  });

  it('an experts layer of onnxruntime: one matrix per expert', async () => {
    const inputs = ['x', 'router', 'up', 'up bias', 'down', 'down bias'];
    assert.deepEqual(
      await layers(
        [node('MoE', { inputs, output: 'y', domain: 'com.microsoft' })],
        floatTensor('up', [2, 3, 4]),
        floatTensor('up bias', [2, 4]),
        floatTensor('down', [2, 4, 3]),
      ),
      [
        'up[0] 3 × 4 (1)',
        'up[1] 3 × 4 (1)',
        'up bias: vectors: biases or states',
        'down[0] 4 × 3 (1)',
        'down[1] 4 × 3 (1)',
      ],
    );
  });

  it('products of two axes and embeddings: the tensor as it is stored', async () => {
    assert.deepEqual(
      await layers(
        [
          node('Gemm', { inputs: ['x', 'gemm'], output: 'a', attributes: [intAttribute('transB', 1)] }),
          node('MatMul', { inputs: ['x', 'matmul'], output: 'b' }),
          node('Gather', { inputs: ['table', 'ids'], output: 'c' }),
        ],
        floatTensor('gemm', [5, 3]),
        floatTensor('matmul', [3, 5]),
        floatTensor('table', [7, 3]),
      ),
      ['gemm 5 × 3 (1)', 'matmul 3 × 5 (1)', 'table 7 × 3 (1)'],
    );
  });

  it('a recurrent weight of one direction whose axis is added in the graph', async () => {
    const { tensors } = await open(
      runnableModel(
        graph({
          nodes: [
            node('Unsqueeze', { inputs: ['weight', 'axes'], output: 'w' }),
            node('GRU', { inputs: ['x', 'w', 'r'], output: 'y' }),
          ],
          initializers: [floatTensor('weight', [6, 3])],
        }),
      ),
    );
    assert.deepEqual(
      tensors.map(({ name, recurrent }) => [name, recurrent]),
      [['weight', 'GRU']],
    );
  });

  it('the states that a recurrent layer begins with: vectors, one for each of a batch, as PyTorch writes them', async () => {
    assert.deepEqual(
      await layers(
        [
          node('Expand', { inputs: ['h', 'shape'], output: 'states' }),
          node('LSTM', { inputs: ['x', 'w', 'r', '', '', 'states', 'c'], output: 'y' }),
          node('GRU', { inputs: ['x', 'u', 'v', '', '', 'h0'], output: 'z' }),
        ],
        floatTensor('w', [1, 8, 3]),
        floatTensor('h', [2, 4, 6]),
        floatTensor('c', [2, 4, 6]),
        floatTensor('h0', [1, 4, 6]),
      ),
      ['w[0] 8 × 3 (1)', ...['h', 'c', 'h0'].map((name) => `${name}: vectors: biases or states`)],
    );
  });

  it('weights that are dequantised or cast before their use', async () => {
    assert.deepEqual(
      await layers(
        [
          node('DequantizeLinear', { inputs: ['w', 's'], output: 'floats' }),
          node('Cast', { inputs: ['r'], output: 'wide' }),
          node('LSTM', { inputs: ['x', 'floats', 'wide'], output: 'y' }),
        ],
        rawTensor('w', [1, 8, 3], TYPE.INT8, new Uint8Array(24)),
        scalesTensor('s', [], [1]),
        rawTensor('r', [1, 8, 2], TYPE.FLOAT16, new Uint8Array(32)),
      ),
      ['w[0] 8 × 3 (1)', 'r[0] 8 × 2 (1)'],
    );
  });
});
