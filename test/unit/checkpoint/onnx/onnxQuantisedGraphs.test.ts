/** Which of an ONNX model's tensors become quantised weights, and how they are listed. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { packed, rawTensor, scalesTensor } from '../../../harness/onnxRun';
import {
  attribute,
  bytesField,
  external,
  floatTensor,
  graph,
  intAttribute,
  type Message,
  node,
  tensor,
  TYPE,
} from '../../../harness/checkpoints/onnxWriter';
import { openedOnnx } from '../../../harness/checkpoints/openedOnnx';

const MICROSOFT = 'com.microsoft';

/** −3, −2, …: as codes of 8 bits with sign. */
const counting = (count: number, from = -3): number[] => Array.from({ length: count }, (_, i) => from + i);

const int8 = (name: string, dims: readonly number[], values: readonly number[]): Message =>
  rawTensor(name, dims, TYPE.INT8, packed(values, 8));

describe('onnx: graphs with quantised weights', () => {
  const { folder, openGraph } = openedOnnx();

  async function floats(checkpoint: Checkpoint, name: string): Promise<number[]> {
    const info = checkpoint.tensors.find((tensor) => tensor.name === name);
    assert.ok(info, `${name} is not listed`);
    return [...new Float32Array((await checkpoint.read(info)).slice().buffer)];
  }

  const listed = ({ tensors }: Checkpoint): string[] =>
    tensors.map(({ name, shape, dtype, encoding }) => `${name} [${shape.join(', ')}] ${encoding?.name ?? dtype}`);

  const dequantise = (inputs: readonly string[], output: string, ...attributes: Message[]): Message =>
    node('DequantizeLinear', { inputs, output, attributes });

  it('list a weight once, where its codes stood, under their name and the one that they had before', async () => {
    const checkpoint = await openGraph(
      [dequantise(['fc.weight_quantized', 'fc.weight_scale', 'fc.weight_zero_point'], 'fc')],
      [
        scalesTensor('fc.weight_scale', [], [0.5]),
        floatTensor('fc.bias', [2]),
        int8('fc.weight_zero_point', [], [1]),
        int8('fc.weight_quantized', [2, 3], counting(6)),
        floatTensor('head', [3, 2]),
      ],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(listed(checkpoint), [
      'fc.bias [2] F32',
      'fc.weight_quantized [2, 3] I8 per tensor',
      'head [3, 2] F32',
    ]);
    const weight = checkpoint.tensors[1]!;
    assert.equal(weight.alias, 'fc.weight');
    assert.deepEqual([weight.dtype, weight.byteLength, weight.encoding!.byteLength], ['F32', 24, 6 + 4 + 1]);
    assert.deepEqual(await floats(checkpoint, weight.name), [-2, -1.5, -1, -0.5, 0, 0.5]);
  });

  it('keep a float initializer that is quantised and dequantised', async () => {
    const checkpoint = await openGraph(
      [node('QuantizeLinear', { inputs: ['w', 's', 'z'], output: 'q' }), dequantise(['q', 's', 'z'], 'out')],
      [floatTensor('w', [2, 3]), scalesTensor('s', [], [0.5]), int8('z', [], [0])],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(listed(checkpoint), ['w [2, 3] F32', 's [] F32', 'z [] I8']);
  });

  it('leave codes of activations alone, and codes that are not dequantised', async () => {
    const checkpoint = await openGraph(
      [dequantise(['computed', 's'], 'out'), node('MatMulInteger', { inputs: ['x', 'w'], output: 'sums' })],
      [int8('w', [2, 3], counting(6)), scalesTensor('s', [], [0.5])],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(listed(checkpoint), ['w [2, 3] I8', 's [] F32']);
  });

  it('share scales and zero points, and codes that are used twice alike', async () => {
    const checkpoint = await openGraph(
      [
        dequantise(['a', 's', 'z'], 'out a'),
        dequantise(['b', 's', 'z'], 'out b'),
        dequantise(['a', 's', 'z'], 'out a again'),
      ],
      [int8('a', [2], [1, 2]), int8('b', [2], [3, 4]), scalesTensor('s', [], [0.5]), int8('z', [], [1])],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(listed(checkpoint), ['a [2] I8 per tensor', 'b [2] I8 per tensor']);
    assert.deepEqual(await floats(checkpoint, 'b'), [1, 1.5]);
  });

  it('say where codes are used with two scales, and show the first', async () => {
    const checkpoint = await openGraph(
      [dequantise(['a', 's'], 'x'), dequantise(['a', 't'], 'y'), dequantise(['a', 't'], 'z')],
      [int8('a', [2], [1, 2]), scalesTensor('s', [], [0.5]), scalesTensor('t', [], [2])],
    );
    assert.deepEqual(
      checkpoint.problems.map(({ code, tensor: about }) => [code, about]),
      [['malformed', 'a']],
    );
    assert.match(checkpoint.problems[0]!.message, /two scales/);
    assert.deepEqual(await floats(checkpoint, 'a'), [0.5, 1]);
  });

  it('find what a subgraph uses in the graphs around it', async () => {
    const branch = graph({
      nodes: [dequantise(['inner', 's', 'z'], 'one'), dequantise(['outer', 's'], 'two')],
      initializers: [int8('inner', [2], [3, 5]), int8('z', [], [1])],
    });
    const checkpoint = await openGraph(
      [node('If', { name: 'If_0', attributes: [attribute('then_branch', bytesField(6, branch))] })],
      [int8('outer', [2], [1, 2]), scalesTensor('s', [], [0.5])],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(await floats(checkpoint, 'inner'), [1, 2]);
    assert.deepEqual(await floats(checkpoint, 'outer'), [0.5, 1]);
  });

  it('see through Identity, and with one scale through what moves elements', async () => {
    const checkpoint = await openGraph(
      [
        node('Identity', { inputs: ['a'], output: 'a same' }),
        node('Identity', { inputs: ['rows'], output: 'rows same' }),
        dequantise(['a same', 'rows same'], 'x', intAttribute('axis', 0)),
        node('Transpose', { inputs: ['b'], output: 'b turned' }),
        dequantise(['b turned', 's'], 'y'),
        node('Transpose', { inputs: ['c'], output: 'c turned' }),
        dequantise(['c turned', 'rows'], 'z', intAttribute('axis', 1)),
      ],
      [
        int8('a', [2, 2], [1, 2, 3, 4]),
        int8('b', [2, 3], counting(6)),
        int8('c', [2, 2], [1, 2, 3, 4]),
        scalesTensor('rows', [2], [0.5, 2]),
        scalesTensor('s', [], [2]),
      ],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(listed(checkpoint), ['a [2, 2] I8 per axis 0', 'b [2, 3] I8 per tensor', 'c [2, 2] I8']);
    assert.deepEqual(await floats(checkpoint, 'a'), [0.5, 1, 6, 8]);
    assert.deepEqual(await floats(checkpoint, 'b'), [-6, -4, -2, 0, 2, 4]);
  });

  it('decode scales of 16 bits exactly, not in 16 bits', async () => {
    const checkpoint = await openGraph(
      [dequantise(['h', 'half', 'z'], 'x'), dequantise(['b', 'brain'], 'y')],
      [
        rawTensor('h', [2], TYPE.INT16, packed([1000, -1001], 16)),
        rawTensor('half', [], TYPE.FLOAT16, packed([0x3c01], 16)),
        rawTensor('z', [], TYPE.INT16, packed([1], 16)),
        int8('b', [2], [3, -3]),
        rawTensor('brain', [], TYPE.BFLOAT16, packed([0x3f81], 16)),
      ],
    );
    assert.deepEqual(await floats(checkpoint, 'h'), [999 * (1 + 2 ** -10), -1002 * (1 + 2 ** -10)]);
    assert.deepEqual(await floats(checkpoint, 'b'), [3 * (1 + 2 ** -7), -3 * (1 + 2 ** -7)]);
  });

  it('decode elements of 2 bits, and of 4-bit floats', async () => {
    const checkpoint = await openGraph(
      [dequantise(['u', 's', 'zu'], 'x'), dequantise(['i', 's', 'zi'], 'y'), dequantise(['f', 's'], 'z')],
      [
        rawTensor('u', [2, 3], TYPE.UINT2, packed([0, 1, 2, 3, 1, 0], 2)),
        rawTensor('zu', [], TYPE.UINT2, packed([1], 2)),
        rawTensor('i', [2, 3], TYPE.INT2, packed([0, 1, 2, 3, 1, 0], 2)),
        rawTensor('zi', [], TYPE.INT2, packed([3], 2)),
        rawTensor('f', [1, 4], TYPE.FLOAT4E2M1, packed([1, 7, 9, 15], 4)),
        scalesTensor('s', [], [0.5]),
      ],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(await floats(checkpoint, 'u'), [-0.5, 0, 0.5, 1, 0, -0.5]);
    assert.deepEqual(await floats(checkpoint, 'i'), [0.5, 1, -0.5, 0, 1, 0.5]);
    assert.deepEqual(await floats(checkpoint, 'f'), [0.25, 3, -0.25, -3]);
  });

  it('decode scalars', async () => {
    const checkpoint = await openGraph(
      [dequantise(['c', 's'], 'x')],
      [int8('c', [], [6]), scalesTensor('s', [], [0.5])],
    );
    assert.deepEqual(await floats(checkpoint, 'c'), [3]);
  });

  it('decode a recurrent layer, with a scale of each direction or of its channels', async () => {
    const inputs = ['x', 'w', 'r', 'bias', '', '', '', '', 'ws', 'wz', 'rs', 'rz'];
    const checkpoint = await openGraph(
      [node('DynamicQuantizeLSTM', { inputs, output: 'y', domain: MICROSOFT })],
      [
        int8('w', [2, 3, 4], counting(24)),
        int8('r', [2, 1, 4], counting(8)),
        scalesTensor('ws', [2], [0.5, 2]),
        int8('wz', [2], [0, 1]),
        scalesTensor('rs', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
        int8('rz', [2, 4], counting(8)),
      ],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(listed(checkpoint), ['w [2, 3, 4] I8 per axis 0', 'r [2, 1, 4] I8 g1']);
    assert.deepEqual(
      await floats(checkpoint, 'w'),
      counting(24).map((code, i) => (i < 12 ? code / 2 : (code - 1) * 2)),
    );
    assert.deepEqual(await floats(checkpoint, 'r'), [0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('decode the fused attention and embeddings of onnxruntime', async () => {
    const checkpoint = await openGraph(
      [
        node('QAttention', {
          inputs: ['x', 'qkv', 'bias', 'xs', 'ws', '', 'xz', 'wz'],
          output: 'y',
          domain: MICROSOFT,
        }),
        node('QEmbedLayerNormalization', {
          inputs: [
            ...['ids', '', 'word', 'position', '', 'gamma', 'beta', ''],
            ...['s', 's', '', 's', 's', 'one', 'one', '', 'one', 'one'],
          ],
          output: 'embedded',
          domain: MICROSOFT,
        }),
      ],
      [
        int8('qkv', [2, 3], counting(6)),
        scalesTensor('ws', [3], [1, 2, 3]),
        int8('wz', [3], [0, 1, 2]),
        ...['word', 'position'].map((name) => int8(name, [2, 3], counting(6))),
        ...['gamma', 'beta'].map((name) => int8(name, [3], counting(3))),
        scalesTensor('s', [], [2]),
        int8('one', [], [1]),
      ],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(await floats(checkpoint, 'qkv'), [-3, -6, -9, 0, 0, 0]);
    for (const name of ['word', 'position']) assert.deepEqual(await floats(checkpoint, name), [-8, -6, -4, -2, 0, 2]);
    for (const name of ['gamma', 'beta']) assert.deepEqual(await floats(checkpoint, name), [-8, -6, -4]);
  });

  for (const [what, inputs, attributes, reason] of [
    ['codes of 3 bits', ['x', 'w', 's'], { bits: 3 }, /3 bits/],
    ['scales in an order of their own', ['x', 'w', 's', '', 'g'], { bits: 4 }, /g_idx/],
  ] as const) {
    it(`list MatMulNBits with ${what}, and say why it cannot be read`, async () => {
      const integers = { K: 32, N: 2, block_size: 16, ...attributes };
      const checkpoint = await openGraph(
        [
          node('MatMulNBits', {
            inputs,
            output: 'y',
            domain: MICROSOFT,
            attributes: Object.entries(integers).map(([name, value]) => intAttribute(name, value)),
          }),
        ],
        [
          rawTensor('w', [2, 2, 8], TYPE.UINT8, new Uint8Array(32)),
          scalesTensor('s', [4], [1, 1, 1, 1]),
          rawTensor('g', [32], TYPE.INT32, new Uint8Array(128)),
        ],
      );
      const weight = checkpoint.tensors[0]!;
      assert.deepEqual([weight.name, weight.shape], ['w', [2, 32]]);
      assert.match(weight.unreadable!, reason);
      await assert.rejects(checkpoint.read(weight), { name: 'CheckpointError', code: 'unsupported', message: reason });
    });
  }

  it('read codes and scales that lie in other files', async () => {
    writeFileSync(path.join(folder, 'codes'), packed(counting(6), 8));
    writeFileSync(path.join(folder, 'scales'), new Uint8Array(Float32Array.of(9, 0.5, 2).buffer));
    const checkpoint = await openGraph(
      [dequantise(['w', 's'], 'x', intAttribute('axis', 0))],
      [
        tensor('w', [2, 3], TYPE.INT8, external({ location: 'codes' })),
        tensor('s', [2], TYPE.FLOAT, external({ location: 'scales', offset: '4' })),
      ],
    );
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(await floats(checkpoint, 'w'), [-1.5, -1, -0.5, 0, 2, 4]);
    assert.equal(checkpoint.files.length, 3);
  });

  it('of many blocks and bands are read by rows as they are as a whole', async () => {
    const [rows, cols] = [4096, 4608];
    const codes = Buffer.alloc(
      rows * cols,
      Uint8Array.from({ length: 251 }, (_, i) => (i * 37) % 256),
    );
    const scales = Float32Array.from({ length: (rows / 64) * cols }, (_, i) => (i % 97) / 64);
    const checkpoint = await openGraph(
      [dequantise(['w', 's'], 'x', intAttribute('axis', 0), intAttribute('block_size', 64))],
      [
        tensor('w', [rows, cols], TYPE.UINT8, bytesField(9, codes)),
        tensor('s', [rows / 64, cols], TYPE.FLOAT, bytesField(9, new Uint8Array(scales.buffer))),
      ],
    );
    const info = checkpoint.tensors[0]!;
    const whole = new Float32Array((await checkpoint.read(info)).buffer);
    for (let i = 0; i < whole.length; i += 9973) {
      const [row, col] = [Math.floor(i / cols), i % cols];
      assert.equal(whole[i], Math.fround(codes[i]! * scales[Math.floor(row / 64) * cols + col]!));
    }
    const band = new Float32Array((await checkpoint.read(info, { start: 3700, end: 3900 })).buffer);
    assert.ok(Buffer.from(band.buffer).equals(Buffer.from(whole.slice(3700 * cols, 3900 * cols).buffer)));
  });

  it('in which a call has a name of its own domain are not taken for it', async () => {
    const checkpoint = await openGraph(
      [node('DequantizeLinear', { inputs: ['w', 's'], output: 'x', domain: 'my.own' })],
      [int8('w', [2], [1, 2]), scalesTensor('s', [], [2])],
    );
    assert.deepEqual(listed(checkpoint), ['w [2] I8', 's [] F32']);
  });
});
