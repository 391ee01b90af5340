/** TensorFlow.js models: what is listed, and how it is read. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tensorflowJsFormat } from '../../../../extension/checkpoint/tensorflowJs/tensorflowJs';
import { readModelConfig } from '../../../../extension/checkpoint/modelConfig';
import { summarise } from '../../../../extension/engine/document/summary';
import { tensorflowJsModels, type Weight, bytesOf, floats } from '../../../harness/checkpoints/tensorflowJsModels';

describe('TensorFlow.js models', () => {
  const { root, made, opened, shard, names, problems } = tensorflowJsModels();

  it('joins weights that are cut anywhere, and reads bands of rows', async () => {
    const weights = [floats('a', 7), { ...floats('b', 12, 100), shape: [4, 3] }, floats('c', 1, 7)];
    for (const shardBytes of [1, 3, 10, 28, 1000]) {
      await opened(made(weights, shardBytes, { generatedBy: '2.3', convertedBy: 'c' }), async (checkpoint) => {
        assert.equal(checkpoint.format, 'tensorflow.js');
        assert.deepEqual(checkpoint.metadata, { format: 'graph-model', generatedBy: '2.3', convertedBy: 'c' });
        assert.deepEqual(checkpoint.problems, []);
        assert.equal(checkpoint.files.length, 1 + Math.ceil(80 / shardBytes));
        assert.equal(checkpoint.weightFiles, Math.ceil(80 / shardBytes));
        for (const [i, { bytes }] of weights.entries())
          assert.deepEqual(await checkpoint.read(checkpoint.tensors[i]!), bytes);
        assert.deepEqual(
          await checkpoint.read(checkpoint.tensors[1]!, { start: 1, end: 3 }),
          weights[1]!.bytes.slice(12, 36),
        );
      });
    }
  });

  it('knows the element types, and kernels as height, width, in, out', async () => {
    const types = [
      ['float32', 'F32', 4],
      ['float16', 'F16', 2],
      ['int32', 'I32', 4],
      ['uint16', 'U16', 2],
      ['uint8', 'U8', 1],
      ['bool', 'BOOL', 1],
      ['complex64', 'C64', 8],
    ] as const;
    const weights = types.map(([dtype, , size], i): Weight => ({
      name: dtype,
      dtype,
      shape: [3],
      bytes: new Uint8Array(3 * size).fill(i),
    }));
    await opened(made(weights), ({ tensors, ...checkpoint }) => {
      assert.deepEqual(
        tensors.map(({ dtype, byteLength }) => [dtype, byteLength]),
        types.map(([, dtype, size]) => [dtype, 3 * size]),
      );
      assert.ok(tensors.every(({ kernelLayout }) => kernelLayout === '…IO'));
      assert.deepEqual(checkpoint.problems, []);
    });
  });

  it('dequantises as TensorFlow.js does', async () => {
    const [scale, min] = [0.0123, -1.5];
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff);
    const weights: Weight[] = [
      {
        name: 'u8',
        dtype: 'float32',
        shape: [2, 2],
        bytes: Uint8Array.of(0, 1, 128, 255),
        quantization: { dtype: 'uint8', scale, min },
      },
      {
        name: 'u16',
        dtype: 'float32',
        shape: [3],
        bytes: bytesOf(Uint16Array.of(0, 1, 65535)),
        quantization: { dtype: 'uint16', scale, min },
      },
      {
        name: 'f16',
        dtype: 'float32',
        shape: [4],
        bytes: bytesOf(halves),
        quantization: { dtype: 'float16', original_dtype: 'float32' },
      },
      {
        name: 'i32',
        dtype: 'int32',
        shape: [3],
        bytes: Uint8Array.of(0, 1, 2),
        quantization: { dtype: 'uint8', scale: 2.3, min: -4 },
      },
      floats('plain', 2),
    ];
    await opened(made(weights, 4), async (checkpoint) => {
      assert.deepEqual(checkpoint.problems, []);
      assert.deepEqual(
        checkpoint.tensors.map(({ dtype, byteLength }) => `${dtype} ${byteLength}`),
        ['F32 16', 'F32 12', 'F32 16', 'I32 12', 'F32 8'],
      );
      assert.deepEqual(
        checkpoint.tensors.map(({ encoding }) => encoding && `${encoding.name} ${encoding.byteLength}`),
        ['U8 affine 4', 'U16 affine 6', 'F16 8', 'U8 affine 3', undefined],
      );
      const summary = summarise(checkpoint, 'd1', [], await readModelConfig(checkpoint));
      assert.equal(summary.bytes, 4 + 6 + 8 + 3 + 8);
      assert.deepEqual(
        summary.dtypes.map(({ dtype }) => dtype),
        ['U8 affine', 'F16', 'U16 affine', 'F32'],
      );
      const read = async (i: number, rows?: { start: number; end: number }): Promise<ArrayBuffer> =>
        (await checkpoint.read(checkpoint.tensors[i]!, rows)).slice().buffer;
      const affine = (codes: number[]): number[] => codes.map((code) => Math.fround(code * scale + min));
      assert.deepEqual([...new Float32Array(await read(0))], affine([0, 1, 128, 255]));
      assert.deepEqual([...new Float32Array(await read(0, { start: 1, end: 2 }))], affine([128, 255]));
      assert.deepEqual([...new Float32Array(await read(1))], affine([0, 1, 65535]));
      assert.deepEqual([...new Float32Array(await read(2))], [1, -2, 2 ** -24, 65504]);
      assert.deepEqual([...new Int32Array(await read(3))], [-4, -2, 1]);
      assert.deepEqual([...new Float32Array(await read(4))], [0.5, 1.5]);
    });
  });

  it('reads a layers model: groups of weights in files of their own, kernels as Keras has them', async () => {
    const folder = path.join(root, 'layers model');
    mkdirSync(folder);
    const kernel = Uint8Array.from({ length: 3 * 3 * 2 * 4 }, (_, i) => 3 * i);
    const quantization = { dtype: 'uint8', scale: 0.25, min: -2 };
    const groups: Weight[][] = [
      [
        { name: 'conv2d/kernel', dtype: 'float32', shape: [3, 3, 2, 4], bytes: kernel, quantization },
        floats('conv2d/bias', 4),
      ],
      [{ ...floats('dense/kernel', 6, 10), shape: [2, 3] }],
    ];
    const weightsManifest = groups.map((weights, group) => {
      const stream = Buffer.concat(weights.map(({ bytes }) => bytes));
      // Cut within an element of each.
      const paths = [0, 1, 2].map((i) => `group${group + 1}-shard${i + 1}of3.bin`);
      const step = Math.ceil(stream.length / 3) | 1;
      paths.forEach((name, i) => writeFileSync(path.join(folder, name), stream.subarray(i * step, (i + 1) * step)));
      return { paths, weights: weights.map(({ bytes: _, ...entry }) => entry) };
    });
    const layers = [{ class_name: 'Conv2D', config: { name: 'conv2d', filters: 4 } }];
    const modelTopology = { keras_version: '2.4.0', model_config: { class_name: 'Sequential', config: { layers } } };
    const file = path.join(folder, 'model.json');
    writeFileSync(file, JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }));
    await opened(file, async (checkpoint) => {
      assert.deepEqual(checkpoint.problems, []);
      assert.equal(checkpoint.files.length, 7);
      assert.deepEqual(
        checkpoint.tensors.map(({ name, shape, dtype, kernelLayout }) => [name, shape, dtype, kernelLayout]),
        [
          ['conv2d/kernel', [3, 3, 2, 4], 'F32', '…IO'],
          ['conv2d/bias', [4], 'F32', '…IO'],
          ['dense/kernel', [2, 3], 'F32', '…IO'],
        ],
      );
      const [conv, bias, dense] = checkpoint.tensors;
      const values = Array.from(kernel, (code) => code * 0.25 - 2);
      for (const [start, end] of [
        [0, 3],
        [1, 2],
        [2, 3],
      ] as const) {
        const band = await checkpoint.read(conv!, { start, end });
        assert.deepEqual([...new Float32Array(band.slice().buffer)], values.slice(24 * start, 24 * end));
      }
      assert.deepEqual(await checkpoint.read(bias!), groups[0]![1]!.bytes);
      assert.deepEqual(await checkpoint.read(dense!, { start: 1, end: 2 }), groups[1]![0]!.bytes.slice(12));
    });
  });

  it('steps over text weights to those behind them', async () => {
    const text = ['', 'hello', 'wörld'.repeat(20_000)].map((word) => Buffer.from(word));
    const stored = Buffer.concat(text.flatMap((word) => [Buffer.from(Uint32Array.of(word.length).buffer), word]));
    const weights: Weight[] = [
      floats('a', 2),
      { name: 'vocabulary', dtype: 'string', shape: [3], bytes: stored },
      floats('b', 3, 50),
    ];
    await opened(made(weights, 1000), async (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['a', 'b']);
      assert.deepEqual(problems(checkpoint), ['unsupported vocabulary']);
      assert.deepEqual(await checkpoint.read(checkpoint.tensors[1]!), weights[2]!.bytes);
    });
    const broken = [
      floats('a', 2),
      { ...weights[1]!, bytes: Buffer.from(Uint32Array.of(2 ** 32 - 1).buffer) },
      floats('b', 3, 50),
    ];
    await opened(made(broken), (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['a']);
      assert.ok(problems(checkpoint).includes('unsupported vocabulary'));
      assert.match(checkpoint.problems.at(-1)!.message, /1 tensor \(b\)/);
    });
  });

  it('notices a weight file that was replaced, and stops when it is told to', async () => {
    const model = made([floats('a', 2), floats('b', 30)]);
    await assert.rejects(tensorflowJsFormat.open(model, AbortSignal.abort()), { name: 'AbortError' });
    await opened(model, async (checkpoint) => {
      const [a, b] = checkpoint.tensors;
      await assert.rejects(checkpoint.read(b!, undefined, AbortSignal.abort()), { name: 'AbortError' });
      appendFileSync(shard(model, 13, 13), 'x');
      await assert.rejects(checkpoint.read(b!), { code: 'changed' });
      assert.equal((await checkpoint.read(a!)).length, 8);
    });
  });

  it('is recognised by its content', () => {
    const matches = (text: string): boolean => tensorflowJsFormat.matches('any', Buffer.from(text));
    assert.ok(matches('{"format": "layers-model", "x": 1'));
    assert.ok(matches(' {"modelTopology": {'));
    assert.ok(!matches('{"name": "package"}'));
    assert.ok(!matches('modelTopology'));
  });
});
