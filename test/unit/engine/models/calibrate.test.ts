/** Statistics of an ONNX model's inputs, beside sums by their definition and the errors of what is compressed with them. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { openStatistics } from '../../../../extension/compression/statistics/statisticsSource';
import { calibrateModel } from '../../../../extension/engine/models/calibrate';
import { ModelRunError } from '../../../../extension/engine/models/modelRunError';
import type { LayerStatistics } from '../../../../extension/shared/compression/statistics';
import type { CalibrationReport, ModelInputs } from '../../../../extension/shared/modelRuns';
import { frobenius, randomMatrix } from '../../../harness/numbers/denseReference';
import { branches, convolutions, gemms, products, type MadeModel } from '../../../harness/onnx/onnxModels';
import { saveOnnx } from '../../../harness/onnx/onnxSaving';
import { npy, npz, runModel } from '../../../harness/onnx/modelInputs';
import { onnxruntimeExists } from '../../../harness/onnxruntime';
import { sharedFolder } from '../../../harness/shared';
import { temporaryFolder } from '../../../harness/temporaryFolder';

describe('statistics of the inputs of an ONNX model', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;
  const folder = temporaryFolder();
  let files = 0;

  const written = (name: string, bytes: Uint8Array): string => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return file;
  };

  const inputsOf = (
    { inputs }: MadeModel,
    seed: number,
  ): Record<string, { shape: readonly number[]; data: Float32Array }> =>
    Object.fromEntries(
      Object.entries(inputs).map(([name, shape], index) => {
        const count = shape.reduce((product, size) => product * size, 1);
        return [name, { shape, data: Float32Array.from(randomMatrix(1, count, seed + index)) }];
      }),
    );

  const calibrated = async (model: string, inputs: ModelInputs, gramBytes = 2 ** 30): Promise<CalibrationReport> =>
    calibrateModel(
      model,
      { inputs, target: path.join(folder, `stats${files++}.safetensors`), gramBytes },
      () => undefined,
    );

  const statisticsOf = async (
    model: string,
    file: string,
    layers: readonly string[],
  ): Promise<Map<string, LayerStatistics>> => {
    const checkpoint = await openModel(model);
    const { signal } = new AbortController();
    const source = await openStatistics(file, checkpoint, signal);
    try {
      const all = new Map<string, LayerStatistics>();
      for (const layer of layers) all.set(layer, await source.layer(layer, signal));
      return all;
    } finally {
      await source.close();
      await checkpoint.close();
    }
  };

  it('are sums over the tokens that a MatMul takes', async () => {
    const made = products();
    const model = written('products/model.onnx', made.bytes);
    const samples = [1, 2].map((seed) => inputsOf(made, seed));
    samples.forEach((sample, index) => written(`products/inputs/${index}.npz`, npz(sample)));
    const report = await calibrated(model, { kind: 'files', path: path.join(folder, 'products', 'inputs') });
    assert.equal(report.runs, 2);
    assert.equal(report.synthetic, false);
    assert.deepEqual(report.left, []);
    const tokens = Object.fromEntries(report.layers.map((layer) => [layer.layer, layer.tokens]));
    // `same` is used twice.
    assert.deepEqual(tokens, { right: 12, left: 20, turned: 16, same: 32 });
    const { gram, mean, absMean, squareMean } = (await statisticsOf(model, report.path, ['right'])).get('right')!;
    const x = samples.flatMap((sample) => [...sample['x']!.data]);
    for (let i = 0; i < 6; i++) {
      const column = (at: number): number[] => x.filter((_, index) => index % 6 === at);
      const average = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / 12;
      assert.ok(Math.abs(mean![i]! - average(column(i))) < 1e-12);
      assert.ok(Math.abs(absMean![i]! - average(column(i).map(Math.abs))) < 1e-12);
      assert.ok(Math.abs(squareMean![i]! - average(column(i).map((value) => value * value))) < 1e-12);
      for (let j = 0; j < 6; j++) {
        const product = column(i).reduce((sum, value, token) => sum + value * column(j)[token]!, 0);
        assert.ok(Math.abs(gram![6 * i + j]! - product) < 1e-12);
        assert.equal(gram![6 * i + j], gram![6 * j + i]);
      }
    }
  });

  const CASES: readonly [layer: string, make: () => MadeModel, value: string][] = [
    ['right', products, 'a'],
    ['turned', products, 'y'],
    ['plain', gemms, 'a'],
    ['across', gemms, 'b'],
    ['k33', convolutions, 'a'],
    ['k11', convolutions, 'b'],
    ['k32', convolutions, 'y'],
    ['one', convolutions, 'c'],
    ['lower', convolutions, 'z'],
  ];

  for (const [layer, make, value] of CASES) {
    it(`tell the error of the outputs that svd-llm makes: ${layer}`, async () => {
      const made = make();
      const at = path.join('errors', layer);
      const model = written(path.join(at, 'model.onnx'), made.bytes);
      const samples = [1, 2, 3, 4].map((seed) => inputsOf(made, 10 * seed));
      samples.forEach((sample, index) => written(path.join(at, 'inputs', `${index}.npz`), npz(sample)));
      const report = await calibrated(model, { kind: 'files', path: path.join(folder, at, 'inputs') });
      const statistics = await statisticsOf(model, report.path, [layer]);
      const saved = await saveOnnx(
        model,
        path.join(folder, at, 'saved'),
        (weight) => (weight.layer === layer ? { method: 'svd-llm', rank: 2 } : undefined),
        (each) => statistics.get(each) ?? {},
      );
      // Discarded σ are ‖(W − Ŵ)X‖; onnxruntime's outputs of both models tell the same, and what is added cancels.
      const [{ measured }] = saved.stored as [(typeof saved.stored)[number]];
      const { gram } = statistics.get(layer)!;
      const alpha = make === gemms ? 0.5 : 1;
      let error = 0;
      for (const sample of samples) {
        const [a, b] = [await runModel(model, sample, value), await runModel(saved.file, sample, value)];
        error += frobenius(Float64Array.from(a, (each, i) => (each - b[i]!) / alpha)) ** 2;
      }
      const reported = measured.metric_error * (await outputNorm(model, layer, gram!));
      assert.ok(Math.abs(Math.sqrt(error) / reported - 1) < 1e-3, `${Math.sqrt(error)} and ${reported}`);
    });
  }

  /** ‖WX‖ from the Gram matrix of X. */
  async function outputNorm(model: string, layer: string, gram: Float64Array): Promise<number> {
    const checkpoint = await openModel(model);
    const tensor = checkpoint.tensors.find(({ name }) => name === layer)!;
    const w = new Float32Array((await checkpoint.read(tensor)).buffer);
    await checkpoint.close();
    const inputs = Math.sqrt(gram.length);
    const outputs = w.length / inputs;
    const at = (out: number, input: number): number =>
      tensor.inputsFirst ? w[input * outputs + out]! : w[out * inputs + input]!;
    let sum = 0;
    for (let out = 0; out < outputs; out++) {
      for (let i = 0; i < inputs; i++)
        for (let j = 0; j < inputs; j++) sum += at(out, i) * gram[i * inputs + j]! * at(out, j);
    }
    return Math.sqrt(sum);
  }

  it('reach into the branches of an If, and say which never ran', async () => {
    const made = branches();
    const model = written('branches/model.onnx', made.bytes);
    const sample = { ...inputsOf(made, 1), choose: { shape: [1], data: Float32Array.of(1) } };
    const report = await calibrated(model, { kind: 'files', path: written('branches/one.npz', npz(sample)) });
    assert.deepEqual(Object.fromEntries(report.layers.map(({ layer, tokens }) => [layer, tokens])), {
      outer: 3,
      'then.w': 3,
    });
    assert.deepEqual(
      report.left.map(({ layer }) => layer),
      ['else.w'],
    );
    assert.match(report.left[0]!.why, /the branch that it is in was not taken/);
  });

  it('leave out Gram matrices that are too large, and say so', async () => {
    const made = products();
    const model = written('large/model.onnx', made.bytes);
    const inputs = { kind: 'files', path: written('large/x.npz', npz(inputsOf(made, 1))) } as const;
    const report = await calibrated(model, inputs, 8 * (9 + 25 + 25));
    assert.deepEqual(
      report.layers.filter(({ gram }) => !gram).map(({ layer }) => layer),
      ['right'],
    );
    assert.match(report.notes.join(' '), /right: no Gram matrix/);
    const { gram, absMean } = (await statisticsOf(model, report.path, ['right'])).get('right')!;
    assert.equal(gram, undefined);
    assert.equal(absMean!.length, 6);
  });

  it('are made from random inputs only when asked, and marked', async () => {
    const model = written('random/model.onnx', gemms().bytes);
    const request = { kind: 'random', samples: 3, seed: 7, shapes: {} } as const;
    const [report, again] = [await calibrated(model, request), await calibrated(model, request)];
    assert.equal(report.synthetic, true);
    const [one, two] = await Promise.all([report, again].map(({ path: file }) => statisticsOf(model, file, ['plain'])));
    assert.deepEqual(one, two);
    const checkpoint = await openModel(model);
    const { signal } = new AbortController();
    const source = await openStatistics(report.path, checkpoint, signal);
    assert.equal(source.summary.synthetic, true);
    await source.close();
    await checkpoint.close();
  });

  it('refuse inputs that do not fit, in sentences', async () => {
    const made = gemms();
    const model = written('refused/model.onnx', made.bytes);
    const x = inputsOf(made, 1)['x']!;
    const target = path.join(folder, `stats${files}.safetensors`);
    const say = async (inputs: ModelInputs): Promise<string> => {
      const error: unknown = await calibrated(model, inputs).then(
        () => assert.fail('it was not refused'),
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof Error);
      assert.ok(!existsSync(target));
      return error.message;
    };
    const file = (name: string, bytes: Uint8Array): ModelInputs => ({
      kind: 'files',
      path: written(`refused/${name}`, bytes),
    });
    assert.match(
      await say(file('name.npz', npz({ y: x }))),
      /has no array "x" \(it has y\); the model takes x: float32 \[6, 3\]/,
    );
    const doubles = { shape: x.shape, data: Float64Array.from(x.data) };
    assert.match(
      await say(file('type.npz', npz({ x: doubles }))),
      /"x" is float64, and the model takes float32; save it with \.astype/,
    );
    assert.match(await say(file('shape.npz', npz({ x: { shape: [3, 6], data: x.data } }))), /has the shape \[3, 6\]/);
    const holed = Float32Array.from(x.data);
    holed[4] = NaN;
    assert.match(await say(file('nan.npz', npz({ x: { ...x, data: holed } }))), /"x" holds NaN \(element 4\)/);
    const whole = npz({ x });
    assert.match(await say(file('cut.npz', whole.subarray(0, whole.length - 30))), /cut\.npz/);
    assert.match(
      await say({ kind: 'files', path: path.join(folder, 'nowhere.npz') }),
      /there is no such file or folder/,
    );
    assert.match(await say({ kind: 'files', path: path.join(folder, 'random') }), /has no \.npz or \.npy file/);
    assert.match(await say({ kind: 'random', samples: 1, seed: 1, shapes: { z: [1] } }), /--shape z/);
    const text = file('model.onnx', new TextEncoder().encode('no model'));
    assert.ok(text.kind === 'files');
    await assert.rejects(calibrated(text.path, file('x.npy', npy(x))));
    assert.ok(new ModelRunError('ended', 'x') instanceof Error);
  });

  it('take three times the rows of a fixed first axis as three runs', async () => {
    const made = gemms();
    const model = written('split/model.onnx', made.bytes);
    const x = { shape: [18, 3], data: Float32Array.from(randomMatrix(18, 3, 4)) };
    const report = await calibrated(model, { kind: 'files', path: written('split/x.npy', npy(x)) });
    assert.equal(report.runs, 3);
    assert.equal(report.layers.find(({ layer }) => layer === 'plain')!.tokens, 9);
  });

  it('cover the convolutions of silero_vad, inside its If', async () => {
    if (!sharedFolder) return;
    const model = path.join(sharedFolder, 'checkpoints', 'silero-vad', 'silero_vad.onnx');
    const sample = {
      input: { shape: [1, 512], data: Float32Array.from(randomMatrix(1, 512, 3)) },
      state: { shape: [2, 1, 128], data: new Float32Array(256) },
      sr: { shape: [], data: BigInt64Array.of(16000n) },
    };
    const report = await calibrated(model, { kind: 'files', path: written('silero/x.npz', npz(sample)) });
    assert.ok(report.layers.length >= 6, JSON.stringify(report.layers));
    assert.ok(report.left.some(({ why }) => /not taken/.test(why)));
  });
});
