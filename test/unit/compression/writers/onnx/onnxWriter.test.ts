/** Rewritten ONNX models compute what the original computes: onnxruntime is the judge. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  besideModel,
  weightBytes,
  branches,
  convolutions,
  floatAttribute,
  gemms,
  oneOperator,
  products,
  recurrent,
  refusals,
  type MadeModel,
} from '../../../../harness/onnx/onnxModels';
import { bytesField, concat, node, varintField } from '../../../../harness/checkpoints/onnxWriter';
import { frobenius, randomMatrix } from '../../../../harness/numbers/denseReference';
import { onnxruntimeExists } from '../../../../harness/onnxruntime';
import { pythonWith } from '../../../../harness/python';
import { FileReader } from '../../../../../extension/checkpoint/files/fileReader';
import { readTree } from '../../../../../extension/checkpoint/onnx/onnxTree';
import { openModel } from '../../../../../extension/checkpoint/openModel';
import { CompressionError } from '../../../../../extension/compression/compressionError';
import { onnxLayoutWithin } from '../../../../../extension/compression/writers/onnx/onnxWriter';
import type { SavedWeight } from '../../../../../extension/compression/writers/writer';
import { saveOnnx } from '../../../../harness/onnx/onnxSaving';
import { sharedFolder } from '../../../../harness/shared';
import { temporaryFolder } from '../../../../harness/temporaryFolder';

type Outputs = Record<string, Float32Array>;

async function run(
  file: string,
  feeds: Record<string, { data: unknown; dims: readonly number[]; type: string }>,
): Promise<Outputs> {
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
  try {
    const tensors = Object.entries(feeds).map(([name, { data, dims, type }]) => [
      name,
      new Tensor(type as 'float32', data as Float32Array, dims),
    ]);
    const outputs = await session.run(Object.fromEntries(tensors) as Parameters<typeof session.run>[0]);
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
  } finally {
    await session.release();
  }
}

function floats(inputs: MadeModel['inputs'], seed: number): Parameters<typeof run>[1] {
  const entries = Object.entries(inputs).map(([name, dims], index) => {
    const count = dims.reduce((product, size) => product * size, 1);
    return [name, { type: 'float32', dims, data: Float32Array.from(randomMatrix(1, count, seed + index)) }];
  });
  return Object.fromEntries(entries) as Parameters<typeof run>[1];
}

/** ‖a − b‖ over ‖a‖, or over 1 where that is more, of the output where it is largest. */
function differences(a: Outputs, b: Outputs): number {
  assert.deepEqual(Object.keys(a).toSorted(), Object.keys(b).toSorted());
  return Math.max(
    ...Object.entries(a).map(([name, expected]) => {
      const got = b[name]!;
      assert.equal(got.length, expected.length, name);
      const difference = Float64Array.from(expected, (value, i) => value - got[i]!);
      return frobenius(difference) / Math.max(1, frobenius(Float64Array.from(expected)));
    }),
  );
}

const fullRank = ({ outputs, inputs }: { outputs: number; inputs: number }) =>
  ({ method: 'svd', rank: Math.min(outputs, inputs) }) as const;

const CHECK = 'import onnx, sys; onnx.checker.check_model(sys.argv[1], full_check=True)';

const MADE: readonly [name: string, made: () => MadeModel, dense: readonly string[]][] = [
  ['products', products, []],
  ['Gemm of opset 17', gemms, []],
  ['Gemm of opset 9, initializers as inputs', () => gemms(9, 3), []],
  ['convolutions', convolutions, []],
  ['a convolution, an LSTM and a Gemm', recurrent, ['w', 'r']],
  ['branches', branches, []],
];

async function refusal(source: string, folder: string, layer: string): Promise<string> {
  const saving = saveOnnx(source, folder, (weight) => (weight.layer === layer ? fullRank(weight) : undefined));
  const error = await saving.then(
    () => assert.fail(`${layer} was not refused`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CompressionError, String(error));
  return error.message;
}

describe('ONNX models with pairs in place of weights', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;
  const folder = temporaryFolder();

  const savedMade = async (name: string, { bytes }: MadeModel, dense: readonly string[]) => {
    const source = path.join(folder, name, 'model.onnx');
    mkdirSync(path.dirname(source), { recursive: true });
    writeFileSync(source, bytes);
    const out = path.join(folder, name, 'saved');
    const saved = await saveOnnx(source, out, (weight) =>
      dense.includes(weight.layer) ? undefined : fullRank(weight),
    );
    return { source, ...saved };
  };

  for (const [name, make, dense] of MADE) {
    it(`compute the same at full rank: ${name}`, async () => {
      const made = make();
      const { source, file, layers } = await savedMade(name, made, dense);
      assert.ok(layers.length > 0);
      for (const seed of [1, 2]) {
        const feeds = floats(made.inputs, seed);
        if (feeds['choose']) feeds['choose'].data = Float32Array.of(seed - 1);
        const difference = differences(await run(source, feeds), await run(file, feeds));
        assert.ok(difference < 1e-5, `seed ${seed}: ${difference}`);
      }
    });
  }

  const written = (name: string, bytes: Uint8Array): string => {
    const source = path.join(folder, `${name}.onnx`);
    writeFileSync(source, bytes);
    return source;
  };

  describe('that would be too large for a protobuf message', () => {
    for (const [name, make, dense] of MADE) {
      it(`get a data file for the factors, and compute the same: ${name}`, async () => {
        const made = make();
        const { source, file: whole, layers } = await savedMade(`${name} in one file`, made, dense);
        const most = statSync(whole).size - 1;
        const choose = (weight: SavedWeight) => (dense.includes(weight.layer) ? undefined : fullRank(weight));
        const out = path.join(folder, name, 'with data');
        const limited = onnxLayoutWithin(most);
        const { file } = await saveOnnx(source, out, choose, () => ({}), undefined, limited);
        assert.ok(statSync(file).size <= most);
        assert.deepEqual(readdirSync(out), ['model.onnx', 'model.onnx.data']);
        const feeds = floats(made.inputs, 1);
        if (feeds['choose']) feeds['choose'].data = Float32Array.of(1);
        // The same numbers, in another place: nothing may differ.
        assert.deepEqual(await run(file, feeds), await run(whole, feeds));
        const [here, there] = [await openModel(file), await openModel(whole)];
        assert.deepEqual(here.problems, []);
        const factors = here.tensors.filter((tensor) => layers.some((layer) => tensor.name === `${layer}.A`));
        assert.equal(factors.length, layers.length);
        for (const factor of factors) {
          const same = there.tensors.find((tensor) => tensor.name === factor.name)!;
          assert.deepEqual(await here.read(factor), await there.read(same), factor.name);
        }
        await Promise.all([here.close(), there.close()]);
      });
    }

    it('are refused if they are too large without the factors', async () => {
      const source = written('too-large', gemms().bytes);
      const out = path.join(folder, 'too-large');
      await assert.rejects(
        saveOnnx(source, out, fullRank, () => ({}), undefined, onnxLayoutWithin(100)),
        {
          name: 'CompressionError',
          code: 'unsupported',
          message: /^too-large\.onnx: would have \d+ bytes without its factors, .* more than 100; save the original/,
        },
      );
      assert.ok(!existsSync(out));
    });

    it('take another name for the data file if the model has one of theirs', async () => {
      const { made, files } = besideModel(products(), { data: 'model.onnx.data', inside: ['right', 'same'] });
      const source = path.join(folder, 'taken', 'model.onnx');
      mkdirSync(path.dirname(source), { recursive: true });
      for (const [name, bytes] of Object.entries({ 'model.onnx': made.bytes, ...files })) {
        writeFileSync(path.join(path.dirname(source), name), bytes);
      }
      const choose = (weight: SavedWeight) =>
        ['right', 'turned', 'same'].includes(weight.layer) ? fullRank(weight) : undefined;
      const whole = await saveOnnx(source, path.join(folder, 'taken-whole'), choose);
      const limited = onnxLayoutWithin(statSync(whole.file).size - 1);
      const out = path.join(folder, 'taken-limited');
      const { file } = await saveOnnx(source, out, choose, () => ({}), undefined, limited);
      assert.deepEqual(readdirSync(out), ['model.onnx', 'model.onnx.data', 'model.onnx.data.1']);
      const feeds = floats(made.inputs, 1);
      assert.deepEqual(await run(file, feeds), await run(whole.file, feeds));
    });
  });

  it('have the weights, operators and values named after those that they stand for', async () => {
    const { bytes } = gemms();
    const { file } = await saveOnnx(written('names', bytes), path.join(folder, 'names'), (weight) =>
      weight.layer === 'across' ? { method: 'svd', rank: 2 } : undefined,
    );
    const model = await openModel(file);
    const shapes = Object.fromEntries(model.tensors.map(({ name, shape }) => [name, shape]));
    await model.close();
    // Read back as the one matrix that they stand for.
    assert.deepEqual(
      [shapes['across.A'], shapes['across.B'], shapes['across']],
      [
        [8, 2],
        [2, 5],
        [8, 5],
      ],
    );
    const reader = await FileReader.open(file);
    const { graph, opsets, metadata } = await readTree(reader);
    await reader.close();
    assert.deepEqual(
      graph.nodes.map(({ name, operator, inputs, outputs }) => [name, operator, inputs, outputs]),
      [
        ['plain.gemm', 'Gemm', ['x', 'plain', 'bias'], ['a']],
        ['across.gemm.B', 'Gemm', ['a', 'across.B'], ['b.B']],
        ['across.gemm.A', 'Gemm', ['b.B', 'across.A', 'bias8'], ['b']],
        ['left.gemm', 'Gemm', ['below', 'b', 'zero'], ['y']],
      ],
    );
    assert.deepEqual([...opsets], [['', 17]]);
    assert.deepEqual(
      metadata.map(({ name }) => name),
      ['eigenscope'],
    );
  });

  it('add the bias of a method behind the second factor, scaled as the product is', async () => {
    const alpha = floatAttribute('alpha', 0.5);
    const right = node('Gemm', { inputs: ['x', 'w'], output: 'y', attributes: [alpha] });
    const left = node('Gemm', { inputs: ['w', 'x'], output: 'y', attributes: [alpha] });
    const conv = node('Conv', { inputs: ['x', 'w', 'c'], output: 'y' });
    const cases: readonly [MadeModel, scale: number, outputs: number, behind: number][] = [
      [oneOperator(node('MatMul', { inputs: ['x', 'w'], output: 'y' }), [6, 5], [3, 6]), 1, 5, 1],
      [oneOperator(node('MatMul', { inputs: ['w', 'x'], output: 'y' }), [6, 5], [5, 3]), 1, 6, 3],
      [oneOperator(right, [6, 5], [3, 6]), 0.5, 5, 1],
      [oneOperator(left, [6, 5], [5, 3]), 0.5, 6, 3],
      [oneOperator(conv, [6, 2, 2, 2], [1, 2, 3, 4]), 1, 6, 6],
    ];
    for (const [index, [made, scale, outputs, behind]] of cases.entries()) {
      const source = written(`bias${index}`, made.bytes);
      const bias = randomMatrix(1, outputs, 9);
      const choose = (weight: SavedWeight) => (weight.layer === 'w' ? fullRank(weight) : undefined);
      // The Gemm on the left calls its rows outputs, as the checkpoint does.
      const { file } = await saveOnnx(source, path.join(folder, `bias${index}`), choose, () => ({}), bias);
      const feeds = floats(made.inputs, 5);
      const [before, after] = [(await run(source, feeds))['y']!, (await run(file, feeds))['y']!];
      after.forEach((value, i) => {
        const added = scale * bias[Math.floor(i / behind) % outputs]!;
        assert.ok(Math.abs(value - before[i]! - added) < 1e-5, `case ${index}, element ${i}`);
      });
    }
  });

  it('say which operators need a weight whole', async () => {
    const { bytes } = refusals();
    const source = written('refused', bytes);
    const say = (layer: string) => refusal(source, folder, layer);
    assert.match(
      await say('grouped'),
      /layer grouped: Conv "grouped.conv" has 2 groups, .* keep it dense in the plan$/,
    );
    assert.match(await say('turned'), /ConvTranspose "turned.conv" is a transposed convolution/);
    assert.match(await say('w'), /LSTM "lstm" takes the weights of its gates whole|one matrix of a stack/);
    assert.match(await say('tied'), /it is used by Gather that computes "row", which needs it whole/);
    assert.match(await say('shown'), /also an output of a graph/);
    assert.match(await say('codes'), /QuantizeLinear "quantise" quantises it/);
    assert.match(await say('unused'), /no operator of the graph uses it/);
    assert.match(await say('taken'), /has a value called taken\.A already/);
    assert.match(await say('both'), /one operator multiplies by its rows and another by its columns/);
  });

  it('pass the checker of ONNX', async () => {
    const python = pythonWith('onnx');
    if (!python) {
      console.log('      onnx is not installed for Python: its checker is not asked');
      return;
    }
    for (const [name, make, dense] of MADE) {
      const { source, file: whole } = await savedMade(`${name} checked`, make(), dense);
      const choose = (weight: SavedWeight) => (dense.includes(weight.layer) ? undefined : fullRank(weight));
      const within = onnxLayoutWithin(statSync(whole).size - 1);
      const out = path.join(folder, `${name} split`);
      const { file: split } = await saveOnnx(source, out, choose, () => ({}), undefined, within);
      for (const each of [whole, split]) execFileSync(python, ['-c', CHECK, each], { stdio: 'pipe' });
    }
    const { made, files } = besideModel(products());
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
    const { file } = await saveOnnx(written('beside checked', made.bytes), path.join(folder, 'checked'), (weight) =>
      ['right', 'turned', 'same'].includes(weight.layer) ? { method: 'svd', rank: 1 } : undefined,
    );
    execFileSync(python, ['-c', CHECK, file], { stdio: 'pipe' });
  });

  it('keep what they are not asked to change byte for byte, fields of later versions too', async () => {
    const made = products();
    const { bytes } = made;
    const unknown = concat(bytesField(1000, 'of a later version'), varintField(1001, 7));
    const source = written(
      'unknown',
      concat(bytes, unknown, bytesField(14, concat(bytesField(1, 'key'), bytesField(2, 'value')))),
    );
    const { file, layers } = await saveOnnx(source, path.join(folder, 'unknown'), () => undefined);
    assert.deepEqual(layers, []);
    assert.deepEqual(readFileSync(file), readFileSync(source));
    const { file: one } = await saveOnnx(source, path.join(folder, 'one'), (weight) =>
      weight.layer === 'left' ? fullRank(weight) : undefined,
    );
    const saved = readFileSync(one).toString('latin1');
    assert.ok(saved.includes(Buffer.from(unknown).toString('latin1')));
    const kept = Buffer.from(weightBytes(made, 'right'));
    assert.ok(saved.includes(kept.toString('latin1')));
  });

  it('keep data files, without the weights that went and with their factors', async () => {
    const { made, data, files } = besideModel(products());
    const source = written('beside', made.bytes);
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
    const out = path.join(folder, 'beside');
    const { file, layers } = await saveOnnx(source, out, (weight) =>
      ['right', 'turned', 'same'].includes(weight.layer) ? { method: 'svd', rank: 1 } : undefined,
    );
    assert.deepEqual(layers, ['right', 'turned', 'same']);
    // right 6·5, turned 7·5 and same 5·5 of 4 bytes become 11, 12 and 10; `left` and what is used by nothing stay.
    const size = statSync(path.join(out, data)).size;
    assert.ok(size < files[data]!.length, `${size} of ${files[data]!.length}`);
    const model = await openModel(file);
    const [left, twin] = ['left', 'twin'].map((name) => model.tensors.find((tensor) => tensor.name === name)!);
    assert.deepEqual(model.problems, []);
    assert.deepEqual(await model.read(left!), Uint8Array.from(files[data]!.subarray(128, 128 + 48)));
    assert.equal(twin!.sharedWith, 'left');
    await model.close();
    const full = await saveOnnx(source, path.join(folder, 'beside-full'), (weight) =>
      weight.layer === 'twin' ? undefined : fullRank(weight),
    ).then(
      () => assert.fail('a twin that nothing uses was dropped'),
      (error: unknown) => String(error),
    );
    assert.match(full, /twin: no operator of the graph uses it/);
    const feeds = floats(made.inputs, 3);
    const exact = await saveOnnx(source, path.join(folder, 'beside-exact'), (weight) =>
      ['right', 'turned', 'same'].includes(weight.layer) ? fullRank(weight) : undefined,
    );
    const difference = differences(await run(source, feeds), await run(exact.file, feeds));
    assert.ok(difference < 1e-5, String(difference));
  });

  describe('of real models', () => {
    if (!sharedFolder) return;
    const checkpoints = path.join(sharedFolder, 'checkpoints');

    it('ultra-light-face computes the same at full rank', async () => {
      const source = path.join(checkpoints, 'ultra-light-face', 'version-RFB-320.onnx');
      const { file, layers } = await saveOnnx(source, path.join(folder, 'face'), (weight) =>
        /weight$/.test(weight.layer) && weight.tensor.shape[1] !== 1 ? fullRank(weight) : undefined,
      );
      assert.ok(layers.length > 30, String(layers.length));
      const feeds = floats({ input: [1, 3, 240, 320] }, 1);
      const difference = differences(await run(source, feeds), await run(file, feeds));
      assert.ok(difference < 1e-5, String(difference));
    });

    it('magika computes the same at full rank', async () => {
      const source = path.join(checkpoints, 'magika', 'model.onnx');
      const { file, layers } = await saveOnnx(source, path.join(folder, 'magika'), (weight) =>
        /Const:0|Const_24:0|transpose_3:0/.test(weight.layer) ? fullRank(weight) : undefined,
      );
      assert.deepEqual(layers.length, 3, layers.join());
      const bytes = Int32Array.from({ length: 2 * 2048 }, (_, i) => (i * 7919) % 257);
      const feeds = { bytes: { type: 'int32', dims: [2, 2048], data: bytes } };
      const difference = differences(await run(source, feeds), await run(file, feeds));
      assert.ok(difference < 1e-5, String(difference));
    });

    it('silero_vad computes the same at full rank, at both of its rates', async () => {
      const source = path.join(checkpoints, 'silero-vad', 'silero_vad.onnx');
      const { file, layers } = await saveOnnx(source, path.join(folder, 'silero'), (weight) =>
        /conv|decoder\.2|basis/.test(weight.layer) ? fullRank(weight) : undefined,
      );
      assert.ok(layers.length >= 10, layers.join());
      for (const [rate, samples] of [
        [16000n, 512],
        [8000n, 256],
      ] as const) {
        // As a stream begins.
        const feeds = {
          ...floats({ input: [1, samples] }, 3),
          state: { type: 'float32', dims: [2, 1, 128], data: new Float32Array(256) },
          sr: { type: 'int64', dims: [], data: BigInt64Array.of(rate) },
        };
        const difference = differences(await run(source, feeds), await run(file, feeds));
        assert.ok(difference < 1e-5, String(difference));
      }
    });
  });
});
