/** A plan asks of statistics what its run asks of them: it leaves out, or refuses, what the run would refuse. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parsePlan } from '../../../extension/compression/planFile/parsePlan';
import type { CompressionPlan } from '../../../extension/shared/compression/plans';
import { safetensorsBytes, type FixtureTensor } from '../../harness/checkpoints/safetensorsFixtures';
import { commandLine, type Finished } from '../../harness/commandLine';
import { floatTensor, writeSmallModel } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';

const WIDTH = 12;

function float64(name: string, shape: number[], values: Float64Array): FixtureTensor {
  return { name, dtype: 'F64', shape, bytes: new Uint8Array(values.buffer) };
}

/** C = diag(2, 3, …), of inputs with the mean 0.1. */
function gram(module: string, size = WIDTH, first = 2): FixtureTensor {
  const values = new Float64Array(size * size);
  for (let i = 0; i < size; i++) values[i * size + i] = i + first;
  return float64(`${module}.input_gram`, [size, size], values);
}

function mean(module: string): FixtureTensor {
  return float64(`${module}.input_mean`, [WIDTH], new Float64Array(WIDTH).fill(0.1));
}

function tokens(module: string): FixtureTensor {
  return float64(`${module}.tokens`, [1], Float64Array.of(50));
}

describe('a plan and the statistics that it is run with', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const out = path.join(folder, 'a.eigenplan.json');
  const modules = ['q', 'k', 'v', 'o'].map((role) => `model.layers.0.self_attn.${role}_proj`);
  const [whole, uncounted, misshaped, uncovered] = modules as [string, string, string, string];
  const model = writeSmallModel(
    path.join(folder, 'model'),
    modules.map((module, index) => floatTensor(`${module}.weight`, [WIDTH, WIDTH], index + 1)),
  );
  const statistics = (...tensors: FixtureTensor[]): string => {
    const file = path.join(folder, 'statistics.safetensors');
    writeFileSync(file, safetensorsBytes(tensors));
    return file;
  };
  const plan = (file: string | undefined, ...options: string[]): Finished => {
    rmSync(out, { force: true });
    const given = file === undefined ? [] : ['--stats', file];
    return run('plan', model, '--ratio', '0.9', '--out', out, ...given, ...options);
  };
  const read = (): CompressionPlan => parsePlan(readFileSync(out, 'utf8'), out);
  const afm = ['--method', 'afm', '--allocation', 'uniform'];

  it('keeps the layers dense that lack something, says what, and can be run', () => {
    const file = statistics(
      ...[gram(whole), mean(whole), tokens(whole), gram(uncounted), mean(uncounted), gram(misshaped, 7)],
      ...[gram('model.layers.9.self_attn.q_proj'), tokens(misshaped), mean(misshaped)],
    );
    const { status, stdout, stderr } = plan(file, ...afm);
    assert.equal(status, 0, stderr);
    const { layers, statistics: named } = read();
    const why = (module: string): string => {
      const own = layers[`${module}.weight`]!;
      return 'keep' in own ? own.why : own.method;
    };
    assert.equal(why(whole), 'afm');
    assert.equal(why(uncounted), 'has no number of tokens in the statistics');
    assert.match(why(misshaped), /^has statistics that cannot be used: .*input_gram has the shape \[7,7\]/);
    assert.equal(why(uncovered), 'is not in the statistics');
    assert.equal(named?.name, 'statistics.safetensors');
    assert.match(stdout, /1 name in statistics\.safetensors is of no layer of this model: model\.layers\.9/);
    assert.match(stdout, /statistics\.safetensors: layer \S+v_proj\.weight: .*has the shape \[7,7\]/);
    const target = path.join(folder, 'saved');
    const ran = run('compress', model, '--plan', out, '--to', 'safetensors', '--stats', file, '--out', target);
    assert.equal(ran.status, 0, ran.stderr);
    assert.match(ran.stderr + ran.stdout, /1 name in statistics\.safetensors is of no layer of this model/);
  });

  it('is refused if no layer has what the method needs', () => {
    const { status, stderr } = plan(statistics(gram(whole), mean(whole), gram('other')), ...afm);
    assert.equal(status, 2);
    assert.match(stderr, /keeps every layer dense, so there is nothing to do/);
    assert.match(stderr, /3 layers: is not in the statistics; 1 layer: \S+\.weight has no number of tokens/);
    assert.match(stderr, /1 name in statistics\.safetensors is of no layer of this model: other/);
    assert.ok(!existsSync(out));
  });

  it('is refused for numbers that are no statistics, as the run is', () => {
    const { status, stderr } = plan(statistics(gram(whole, WIDTH, NaN)), '--method', 'svd-llm');
    assert.equal(status, 2);
    assert.match(stderr, /q_proj\.input_gram holds NaN at row 0, column 0; calibrate again/);
    assert.ok(!existsSync(out));
  });

  it('is refused for a Gram matrix that the run could not factor, and only for methods that factor it', () => {
    const indefinite = gram(whole);
    const values = new Float64Array(indefinite.bytes.slice().buffer);
    // Each 2 × 2 minor of inputs is sound, and all together are not: x₀ = −x₁ = −x₂ and x₁ = −x₂.
    for (let i = 0; i < WIDTH; i++) {
      for (let j = 0; j < WIDTH; j++) values[i * WIDTH + j] = i === j ? 1 : -1;
    }
    const file = statistics({ ...indefinite, bytes: new Uint8Array(values.buffer) });
    const { status, stderr } = plan(file, '--method', 'svd-llm');
    assert.equal(status, 2);
    assert.match(stderr, /q_proj\.weight: input_gram is far from positive semidefinite/);
    assert.ok(!existsSync(out));
    assert.equal(plan(file, '--method', 'svd').status, 0);
  });

  it('is refused for a Gram matrix that cannot be factored once its mean is taken out', () => {
    // C = 1·12 and n·μμᵀ: no element is too large, and the eigenvalue 50 · 12 · 0.0196 is.
    const ones = float64(`${whole}.input_gram`, [WIDTH, WIDTH], new Float64Array(WIDTH ** 2));
    const values = new Float64Array(ones.bytes.buffer);
    for (let i = 0; i < WIDTH; i++) values[i * WIDTH + i] = 1;
    const means = float64(`${whole}.input_mean`, [WIDTH], new Float64Array(WIDTH).fill(0.14));
    const file = statistics(ones, means, tokens(whole));
    const { status, stderr } = plan(file, ...afm);
    assert.equal(status, 2);
    assert.match(stderr, /q_proj\.weight: input_gram is far from positive semidefinite/);
    assert.ok(!existsSync(out));
    assert.equal(plan(file, '--method', 'svd-llm').status, 0);
  });

  it('names layers whose weights hold NaN, leaves them dense, and ends with 1', () => {
    const sick = floatTensor('sick.weight', [WIDTH, WIDTH], 9);
    new Float32Array(sick.bytes.buffer)[5] = NaN;
    const damaged = writeSmallModel(path.join(folder, 'damaged'), [
      sick,
      floatTensor('sound.weight', [WIDTH, WIDTH], 10),
    ]);
    const planned = run('plan', damaged, '--ratio', '0.9', '--out', out, '--overwrite');
    assert.equal(planned.status, 1);
    assert.match(planned.stderr, /^sick\.weight: cannot be analysed: .*1 NaN/m);
    const { layers } = read();
    assert.ok('keep' in layers['sick.weight']! && 'rank' in layers['sound.weight']!);
    const excluded = run('plan', damaged, '--ratio', '0.9', '--out', out, '--overwrite', '--exclude', 'sick');
    assert.equal(excluded.status, 0, excluded.stderr);
    const target = path.join(folder, 'repaired');
    const ran = run('compress', damaged, '--plan', out, '--to', 'safetensors', '--out', target);
    assert.equal(ran.status, 0, ran.stderr);
  });

  it('weighs a method of several only where a layer has what it needs', () => {
    const ilp = ['--allocation', 'ilp', '--choices', 'svd-llm,quantise:int8'];
    const refused = plan(undefined, ...ilp);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /svd-llm needs statistics of the inputs \(gram\): --stats FILE/);
    const planned = plan(statistics(gram(whole)), ...ilp);
    assert.equal(planned.status, 0, planned.stderr);
    const others = modules.slice(1).map((module) => read().layers[`${module}.weight`]!);
    assert.ok(others.every((own) => 'keep' in own || own.method === 'quantise'));
    assert.ok(others.some((own) => !('keep' in own)));
  });

  it('names no statistics that it can be run without', () => {
    const { status, stderr } = plan(statistics(gram(whole)), '--method', 'svd');
    assert.equal(status, 0, stderr);
    assert.equal(read().statistics, undefined);
  });

  it('says that a run of eora reads the quantised checkpoint', () => {
    const { status, stdout, stderr } = plan(statistics(gram(whole)), '--method', 'eora', '--rank', '2');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /Running the plan needs the quantised checkpoint, for eora: --quantised PATH\./);
    assert.match(
      stdout,
      /^bytes as peft {2}[\d.]+ % of \d+: the adapter alone\. The line above counts the dense weights below it, too$/m,
    );
  });

  it('leaves dense what the quantised checkpoint lacks, and refuses one that holds no layer', () => {
    const codes = {
      name: `${whole}.weight`,
      dtype: 'F8_E4M3',
      shape: [WIDTH, WIDTH],
      bytes: new Uint8Array(WIDTH ** 2).fill(56),
    };
    const scale = float64(`${whole}.weight_scale`, [1], Float64Array.of(1));
    const base = path.join(folder, 'quantised.safetensors');
    const tensors = [codes, { ...scale, dtype: 'F32', bytes: new Uint8Array(Float32Array.of(1).buffer) }];
    writeFileSync(base, safetensorsBytes(tensors));
    const eora = ['--method', 'eora', '--rank', '2', '--quantised'];
    const { status, stderr } = plan(statistics(gram(whole), gram(uncounted)), ...eora, base);
    assert.equal(status, 0, stderr);
    const { layers } = read();
    assert.ok('rank' in layers[`${whole}.weight`]!);
    assert.deepEqual(layers[`${uncounted}.weight`], { keep: 'dense', why: 'is not in the quantised checkpoint' });
    const other = plan(statistics(gram(whole)), ...eora, model);
    assert.equal(other.status, 2);
    assert.match(other.stderr, /it has no quantised weight of this model/);
    assert.match(plan(undefined, '--quantised', base).stdout, /--quantised has no effect: only eora takes one/);
  });
});
