/** What is lost by one layer at a time: the same as by plans of that layer alone, though most blocks are not repeated. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DecoderEvaluationReport } from '../../../extension/shared/decoderRuns';
import type { CompressionPlan } from '../../../extension/shared/compression/plans';
import type { SensitivityReport } from '../../../extension/engine/sensitivity/sensitivityRecords';
import { commandLine, type Finished } from '../../harness/commandLine';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { repositoryRoot } from '../../harness/shared';
import { temporaryFolder } from '../../harness/temporaryFolder';

describe('sensitivity of a language model', function () {
  this.timeout(240_000);
  if (!onnxruntimeExists) return;
  const folder = temporaryFolder();
  const eigenscope = commandLine(folder);
  const model = path.join(repositoryRoot, 'test', 'unit', 'decoder', 'golden', 'llama');
  const tokens = path.join(folder, 'ids.jsonl');
  const inputs = ['--tokens', tokens, '--length', '16', '--windows', '4'];
  const run = (...more: string[]): Finished => eigenscope('sensitivity', model, ...inputs, '--ratio', '0.5', ...more);
  const report = (...more: string[]): SensitivityReport => {
    const { status, stdout, stderr } = run(...more, '--json');
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout) as SensitivityReport;
  };

  before(() => {
    writeFileSync(tokens, JSON.stringify(Array.from({ length: 64 }, (_, i) => (i * i + 3 * i) % 48)));
  });

  it('is what a plan of each layer alone gives', () => {
    const { units, dense } = report();
    assert.equal(units.length, 14);
    const base = path.join(folder, 'base.eigenplan.json');
    const made = eigenscope(
      'plan',
      model,
      '--ratio',
      '0.7',
      '--target',
      'parameters',
      '--allocation',
      'uniform',
      '--out',
      base,
    );
    assert.equal(made.status, 0, made.stderr);
    const plan = JSON.parse(readFileSync(base, 'utf8')) as CompressionPlan;
    // One in the first block, and one in the last.
    const some = ['model.layers.0.mlp.down_proj.weight', 'model.layers.1.self_attn.v_proj.weight'];
    const plans = some.map((layer, index) => {
      const unit = units.find(({ name }) => name === layer)!;
      const [outputs, side] = layer.includes('down') ? [16, 24] : [8, 16];
      // The largest rank within half of the parameters.
      const rank = Math.floor((0.5 * outputs * side) / (outputs + side));
      assert.deepEqual(unit.layers, [layer]);
      const layers = Object.fromEntries(
        Object.keys(plan.layers).map((name) => [
          name,
          name === layer ? { method: 'svd', rank } : { keep: 'dense', why: 'asked' },
        ]),
      );
      const file = path.join(folder, `${index}.eigenplan.json`);
      writeFileSync(file, JSON.stringify({ ...plan, layers }));
      return file;
    });
    const evaluated = eigenscope('evaluate', model, ...plans.flatMap((file) => ['--plan', file]), ...inputs, '--json');
    assert.equal(evaluated.status, 0, evaluated.stderr);
    const { models } = JSON.parse(evaluated.stdout) as DecoderEvaluationReport;
    assert.equal(dense.perplexity, models[0]!.perplexity);
    for (const [index, layer] of some.entries()) {
      const unit = units.find(({ name }) => name === layer)!;
      const theirs = models[1 + index]!;
      assert.ok(theirs.kl! > 1e-6);
      assert.ok(Math.abs(unit.kl! - theirs.kl!) <= 1e-6 * theirs.kl!, `${layer}: ${unit.kl} and ${theirs.kl}`);
      assert.ok(Math.abs(unit.perplexity / theirs.perplexity - 1) <= 1e-6);
    }
  });

  it('goes by roles and by blocks', () => {
    const roles = report('--by', 'role');
    assert.deepEqual(roles.units.map(({ name }) => name).sort(), ['down', 'gate', 'k', 'o', 'q', 'up', 'v']);
    assert.deepEqual(roles.units[0]!.layers.length, 2);
    assert.equal(roles.units[0]!.block, null);
    assert.ok(roles.correlations.spectral_error!.count === 7);
    const blocks = report('--by', 'block', '--layers', 'mlp');
    assert.deepEqual(
      blocks.units.map(({ block, layers }) => [block, layers.length]),
      [
        [0, 3],
        [1, 3],
      ],
    );
    assert.equal(blocks.correlations.alpha, null);
    assert.ok(blocks.units.every(({ spectral_error }) => spectral_error! > 0 && spectral_error! < 1));
  });

  it('prints a table with an estimate before, and writes CSV', () => {
    const file = path.join(folder, 'table.csv');
    const { status, stdout, stderr } = run('--layers', 'layers\\.1\\.', '--out', file);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /each layer alone by svd, 50 % of its parameters\n/);
    assert.match(stdout, /spectral error: Spearman -?[\d.]+ \[-?[\d.]+, -?[\d.]+\], Kendall .* \(7\)\n/);
    assert.match(stderr, /estimate: about \d+ (s|min) for 7 units/);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    assert.equal(lines.length, 8);
    assert.match(lines[0]!, /^name,block,layers,perplexity,.*,alpha,farms_alpha,spectral_error$/);
    assert.match(lines[1]!, /^model\.layers\.1\.\S+,1,/);
    assert.match(run('--out', file).stderr, /--overwrite/);
  });

  it('says what is wrong, and writes nothing', () => {
    const file = path.join(folder, 'none.csv');
    const refused = (message: RegExp, ...args: string[]): void => {
      const { status, stderr, stdout } = eigenscope('sensitivity', ...args, '--out', file);
      assert.equal(status, 2, stdout);
      assert.match(stderr, message);
    };
    refused(/needs --ratio R/, model, ...inputs);
    refused(/--by is layer, role or block, not "head"/, model, ...inputs, '--ratio', '0.5', '--by', 'head');
    refused(/svd-llm needs statistics/, model, ...inputs, '--ratio', '0.5', '--method', 'svd-llm');
    refused(/quantise has no rank/, model, ...inputs, '--ratio', '0.5', '--method', 'quantise');
    refused(/no layer of a block can be compressed by svd among/, model, ...inputs, '--ratio', '0.5', '--layers', 'x');
    refused(/--text and --tokens need a file/, model, '--ratio', '0.5');
    assert.equal(existsSync(file), false);
  });
});
