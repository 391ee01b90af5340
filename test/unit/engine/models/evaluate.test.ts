/** Two models side by side, each in a process of its own. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { evaluateModels } from '../../../../extension/engine/models/evaluate';
import { OutputComparison } from '../../../../extension/engine/models/outputComparison';
import { runCalibration } from '../../../../extension/engine/models/runCalibration';
import type { EvaluationReport, ModelInputs } from '../../../../extension/shared/modelRuns';
import { node } from '../../../harness/checkpoints/onnxWriter';
import { frobenius, randomMatrix } from '../../../harness/numbers/denseReference';
import { npy, npz, runModel } from '../../../harness/onnx/modelInputs';
import { gemms, madeModel, products, weight } from '../../../harness/onnx/onnxModels';
import { saveOnnx } from '../../../harness/onnx/onnxSaving';
import { onnxruntimeExists } from '../../../harness/onnxruntime';
import { repositoryRoot } from '../../../harness/shared';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const script = path.join(repositoryRoot, 'dist', 'modelRun.js');

const feed = (rows: readonly (readonly number[])[]) => ({
  type: 'float64',
  shape: [rows.length, rows[0]!.length],
  bytes: new Uint8Array(Float64Array.from(rows.flat()).buffer),
});

describe('the comparison of outputs', () => {
  it('has the KL divergence of probabilities and of logits, by their definition', () => {
    const [p, q] = [
      [0.5, 0.25, 0.25],
      [0.25, 0.5, 0.25],
    ] as const;
    // ½·ln 2 + ¼·ln ½ = ¼·ln 2.
    const expected = Math.log(2) / 4;
    const probabilities = new OutputComparison(['out'], []);
    probabilities.add({ out: feed([p]) }, { out: feed([q]) });
    const [one] = probabilities.differences();
    assert.ok(Math.abs(one!.kl! - expected) < 1e-12);
    assert.equal(one!.rows_are, 'probabilities');
    assert.equal(one!.top1_agreement, 0);
    const logits = new OutputComparison(['out'], ['out']);
    logits.add({ out: feed([p.map((x) => Math.log(x) + 7)]) }, { out: feed([q.map(Math.log)]) });
    assert.ok(Math.abs(logits.differences()[0]!.kl! - expected) < 1e-12);
  });

  it('has no KL divergence below zero for probabilities whose sum is 1 to float32 only', () => {
    const comparison = new OutputComparison(['out'], []);
    const p = [0.5, 0.25, 0.25 - 1e-7];
    comparison.add({ out: feed([p]) }, { out: feed([p.map((x) => x * (1 + 2e-7))]) });
    const [{ kl, rows_are }] = comparison.differences() as [EvaluationReport['outputs'][number]];
    assert.equal(rows_are, 'probabilities');
    assert.ok(kl! >= 0 && kl! < 1e-15, `${kl}`);
  });

  it('has the relative error over all runs, and no KL of what is neither', () => {
    const comparison = new OutputComparison(['out'], []);
    comparison.add({ out: feed([[3, 4]]) }, { out: feed([[3, 4]]) });
    comparison.add(
      {
        out: feed([
          [0, 12],
          [5, 1],
        ]),
      },
      {
        out: feed([
          [0, 9],
          [5, 1],
        ]),
      },
    );
    const [{ relative_error, largest_difference, top1_agreement, kl, rows_are }] = comparison.differences() as [
      EvaluationReport['outputs'][number],
    ];
    assert.ok(Math.abs(relative_error! - 3 / Math.sqrt(25 + 144 + 26)) < 1e-12);
    assert.deepEqual([largest_difference, top1_agreement, kl, rows_are], [3, 1, null, null]);
  });

  it('finds no top 1 in a row with NaN, and says how many there are', () => {
    const comparison = new OutputComparison(['out'], []);
    const rows = [
      [2, 1],
      [1, 2],
    ] as const;
    comparison.add(
      { out: feed(rows) },
      {
        out: feed([
          [NaN, NaN],
          [1, 2],
        ]),
      },
    );
    assert.equal(comparison.differences()[0]!.top1_agreement, 1 / 2);
    assert.match(comparison.notes()[0]!, /^The output out holds NaN in 0 of 4 elements of the original, and in 2 of/);
    const whole = new OutputComparison(['out'], []);
    whole.add({ out: feed(rows) }, { out: feed(rows) });
    assert.deepEqual(whole.notes(), []);
  });

  it('takes integers for labels: as many agree as are equal', () => {
    const labels = (...values: number[]) => ({
      out: { type: 'int32', shape: [values.length], bytes: new Uint8Array(Int32Array.from(values).buffer) },
    });
    const comparison = new OutputComparison(['out'], []);
    comparison.add(labels(3, 0, 7), labels(3, 1, 7));
    comparison.add(labels(5), labels(5));
    const { top1_agreement, kl, rows_are, ...other } = comparison.differences()[0]!;
    assert.deepEqual([top1_agreement, kl, rows_are], [3 / 4, null, null]);
    // The length of a list of labels says nothing.
    assert.deepEqual(other, { output: 'out', relative_error: null, largest_difference: 1, integers: true });
  });

  it('knows no error of outputs without elements', () => {
    const comparison = new OutputComparison(['out'], []);
    const none = { out: { type: 'float64', shape: [0, 3], bytes: new Uint8Array(0) } };
    comparison.add(none, none);
    const { relative_error, top1_agreement } = comparison.differences()[0]!;
    assert.deepEqual([relative_error, top1_agreement], [null, null]);
  });

  it('refuses outputs of other shapes, and logits that are not there', () => {
    const comparison = new OutputComparison(['out'], []);
    assert.throws(
      () => comparison.add({ out: feed([[1, 2]]) }, { out: feed([[1], [2]]) }),
      /float64 \[1, 2\] in one model/,
    );
    assert.throws(() => new OutputComparison(['out'], ['other']), /no output "other"; it has out/);
  });
});

describe('models side by side', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;
  const folder = temporaryFolder();
  const { signal } = new AbortController();

  const written = (name: string, bytes: Uint8Array): string => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return file;
  };

  const evaluated = (
    a: string,
    b: string,
    inputs: ModelInputs,
    logits: readonly string[] = [],
  ): Promise<EvaluationReport> => evaluateModels(a, b, { inputs, logits }, signal, () => undefined, script);

  it('have the error of their outputs, times of both orders, and memory', async () => {
    const made = products();
    const model = written('a/model.onnx', made.bytes);
    const { file } = await saveOnnx(model, path.join(folder, 'a', 'saved'), (each) =>
      each.layer === 'turned' ? { method: 'svd', rank: 2 } : undefined,
    );
    const samples = [1, 2, 3].map((seed) => ({
      x: { shape: [2, 3, 6], data: Float32Array.from(randomMatrix(6, 6, seed)) },
    }));
    samples.forEach((sample, index) => written(`a/inputs/${index}.npz`, npz(sample)));
    const report = await evaluated(model, file, { kind: 'files', path: path.join(folder, 'a', 'inputs') });
    const [y, z] = ['y', 'z'].map((name) => report.outputs.find(({ output }) => output === name)!);
    let [error, norm] = [0, 0];
    for (const sample of samples) {
      const [a, b] = [await runModel(model, sample, 'y'), await runModel(file, sample, 'y')];
      error += frobenius(Float64Array.from(a, (value, i) => value - b[i]!)) ** 2;
      norm += frobenius(Float64Array.from(a)) ** 2;
    }
    assert.ok(Math.abs(y!.relative_error! / Math.sqrt(error / norm) - 1) < 1e-5);
    assert.equal(z!.relative_error, 0);
    assert.equal(report.runs, 3);
    for (const { latency_ms, peak_bytes, baseline_bytes } of [report.original, report.compressed]) {
      for (const time of Object.values(latency_ms)) assert.ok(time > 0);
      assert.ok(peak_bytes >= baseline_bytes && baseline_bytes > 1e6);
    }
    assert.match(report.notes.join(' '), /does not predict perplexity.*slower at batch 1/);
  });

  it('are refused where they are two models', async () => {
    const [a, b] = [written('b/a.onnx', products().bytes), written('b/b.onnx', gemms().bytes)];
    const random = { kind: 'random', samples: 1, seed: 0, shapes: {} } as const;
    await assert.rejects(
      evaluated(a, b, random),
      /its outputs \(y\) are not those of .*\(y, z\); compare a model with its own copy/,
    );
    await assert.rejects(
      evaluated(a, written('b/none.onnx', new Uint8Array(9)), random),
      /none\.onnx: onnxruntime cannot load it/,
    );
  });

  it('stop when they are cancelled', async () => {
    const model = written('c/model.onnx', gemms().bytes);
    const controller = new AbortController();
    const inputs = { kind: 'random', samples: 100_000, seed: 0, shapes: {} } as const;
    const running = evaluateModels(
      model,
      model,
      { inputs, logits: [] },
      controller.signal,
      (fraction) => {
        if (fraction > 0) controller.abort();
      },
      script,
    );
    await assert.rejects(running, { name: 'AbortError' });
    const again = new AbortController();
    const request = { inputs, target: path.join(folder, 'c', 's.safetensors'), gramBytes: 1e6 };
    const calibrating = runCalibration(
      model,
      request,
      again.signal,
      (fraction) => {
        if (fraction > 0) again.abort();
      },
      script,
    );
    await assert.rejects(calibrating, { name: 'AbortError' });
  });

  it('are refused inputs without elements', async () => {
    const open = madeModel({
      inputs: { x: [0, 6] },
      outputs: { y: 2 },
      weights: [weight('w', [6, 5])],
      nodes: [node('MatMul', { inputs: ['x', 'w'], output: 'y' })],
    });
    const model = written('e/model.onnx', open.bytes);
    const none = written('e/none.npy', npy({ shape: [0, 6], data: new Float32Array(0) }));
    await assert.rejects(
      evaluated(model, model, { kind: 'files', path: none }),
      /none\.npy: its arrays have no elements/,
    );
  });

  it('say that a size is missing, and how to give it', async () => {
    const open = madeModel({
      inputs: { x: [0, 6] },
      outputs: { y: 2 },
      weights: [weight('w', [6, 5])],
      nodes: [node('MatMul', { inputs: ['x', 'w'], output: 'y' })],
    });
    const model = written('d/model.onnx', open.bytes);
    const random = { kind: 'random', samples: 2, seed: 0, shapes: {} } as const;
    await assert.rejects(
      evaluated(model, model, random),
      /the input x: float32 \[\?, 6\] has axes without a size; give the shape x=\?,6 with a number for each \? \(in a terminal: --shape x=\?,6\)/,
    );
    const report = await evaluated(model, model, { ...random, shapes: { x: [4, 6] } }, ['y']);
    assert.equal(report.synthetic, true);
    assert.deepEqual(
      [report.outputs[0]!.relative_error, report.outputs[0]!.kl, report.outputs[0]!.top1_agreement],
      [0, 0, 1],
    );
  });
});
