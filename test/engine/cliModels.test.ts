/** `eigenscope calibrate` and `evaluate`, as a person runs them. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { EvaluationReport } from '../../extension/shared/modelRuns';
import { commandLine } from '../harness/commandLine';
import { randomMatrix } from '../harness/numbers/denseReference';
import { npy, npz } from '../harness/onnx/modelInputs';
import { gemms, products } from '../harness/onnx/onnxModels';
import { onnxruntimeExists } from '../harness/onnxruntime';
import { temporaryFolder } from '../harness/temporaryFolder';

describe('models in the terminal', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;
  const folder = temporaryFolder();
  const eigenscope = commandLine(folder);
  const at = (name: string): string => path.join(folder, name);
  const x = { shape: [6, 3], data: Float32Array.from(randomMatrix(6, 3, 1)) };

  before(() => {
    writeFileSync(at('model.onnx'), gemms().bytes);
    writeFileSync(at('other.onnx'), products().bytes);
    writeFileSync(at('x.npy'), npy(x));
    writeFileSync(at('wrong.npz'), npz({ z: x }));
  });

  it('calibrate: writes statistics, and never over a file or the model', () => {
    const run = (...more: string[]) => eigenscope('calibrate', at('model.onnx'), '--inputs', at('x.npy'), ...more);
    const first = run('--out', at('stats.safetensors'));
    assert.equal(first.status, 0, first.stderr);
    assert.match(
      first.stdout,
      /^.*stats\.safetensors\nplain: 3 tokens\nacross: 3 tokens\nbelow: 8 tokens\n3 layers, 1 run, \d+ bytes\n$/,
    );
    assert.match(first.stderr, /plain, across: fewer tokens than inputs, so the Gram matrix is singular/);
    const again = run('--out', at('stats.safetensors'));
    assert.equal(again.status, 2);
    assert.match(again.stderr, /exists already.*with --overwrite/);
    assert.equal(run('--out', at('stats.safetensors'), '--overwrite').status, 0);
    assert.match(run('--out', at('model.onnx'), '--overwrite').stderr, /part of the checkpoint, which/);
    const named = run('--out', `${folder}${path.sep}`);
    assert.equal(named.status, 0, named.stderr);
    assert.ok(existsSync(at('model.statistics.safetensors')));
  });

  it('evaluate: a report, and JSON', () => {
    const run = (...more: string[]) =>
      eigenscope('evaluate', at('model.onnx'), at('model.onnx'), '--inputs', at('x.npy'), ...more);
    const report = run();
    assert.equal(report.status, 0, report.stderr);
    assert.match(report.stdout, /y: relative error 0\.000, largest difference 0\.000, same top 1 100\.00 %$/m);
    assert.match(
      report.stdout,
      /original: \d+ bytes; median [\d.]+ ms \([\d.]+ when first, [\d.]+ when second\); peak memory \d+ MB/,
    );
    assert.match(report.stdout, /Note: The error of weights does not predict perplexity/);
    const json = JSON.parse(run('--json', '--logits', 'y').stdout) as EvaluationReport;
    assert.deepEqual([json.outputs[0]!.kl, json.outputs[0]!.rows_are], [0, 'logits']);
  });

  it('say what is wrong', () => {
    const say = (...args: string[]): string => {
      const { status, stderr } = eigenscope(...args);
      assert.equal(status, 2, stderr);
      return stderr;
    };
    const model = at('model.onnx');
    assert.match(say('calibrate', model, '--out', at('s')), /calibrate needs --inputs X or --random N/);
    assert.match(say('calibrate', model, '--inputs', 'a', '--random', '2', '--out', 's'), /--inputs X or --random N/);
    assert.match(say('calibrate', model, '--inputs', at('x.npy')), /calibrate needs --out FILE/);
    assert.match(
      say('calibrate', model, '--inputs', at('wrong.npz'), '--out', at('s')),
      /has no array "x" \(it has z\)/,
    );
    assert.match(
      say('calibrate', model, '--random', '2', '--shape', 'x=6x3', '--out', at('s')),
      /--shape is a name and sizes/,
    );
    assert.match(say('calibrate', model, '--json', '--random', '2', '--out', at('s')), /calibrate takes no --json/);
    assert.match(say('evaluate', model, '--random', '1'), /evaluate needs A\.onnx and B\.onnx, and has 1 of them/);
    assert.match(say('evaluate', model, at('other.onnx'), '--random', '1'), /compare a model with its own copy/);
    assert.ok(!existsSync(at('s')));
    assert.match(eigenscope('--help').stdout, /eigenscope calibrate MODEL\.onnx --inputs X --out FILE/);
  });
});
