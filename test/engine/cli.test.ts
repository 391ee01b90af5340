/** The terminal as a person or a script uses it: the built program, its output and its exit codes. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { widen } from '../../extension/checkpoint/elements/dtype';
import { openModel } from '../../extension/checkpoint/openModel';
import type { InspectReport } from '../../extension/shared/inspectReport';
import { commandLine } from '../harness/commandLine';
import { largestDifference, naiveProduct } from '../harness/numbers/denseReference';
import { makeRandomMatrix, uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { temporaryFolder } from '../harness/temporaryFolder';

describe('command line program', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  let model: string;

  before(() => {
    model = writeSafetensors(path.join(folder, 'model.safetensors'), [
      { name: 'block.0.weight', shape: [40, 24], values: uniform(960, 1) },
      { name: 'block.0.bias', shape: [40], values: uniform(40, 2) },
      { name: 'block.1.weight', shape: [24, 40], values: uniform(960, 3) },
    ]);
  });

  it('inspects: JSON of every tensor, in the file’s order, nothing on stderr, exit code 0', () => {
    const { status, stdout, stderr } = run('inspect', model, '--json');
    assert.equal(stderr, '');
    assert.equal(status, 0);
    const report = JSON.parse(stdout) as InspectReport;
    assert.deepEqual(
      report.layers.map(({ name }) => name),
      ['block.0.weight', 'block.0.bias', 'block.1.weight'],
    );
    assert.equal(report.checkpoint.format, 'safetensors');
    assert.equal(report.checkpoint.tensors, 3);
    assert.equal(report.checkpoint.parameters, 1960);
    assert.equal(report.checkpoint.bytes, 7840);
    const [first, bias] = report.layers;
    assert.equal(first!.matrices, 1);
    assert.equal(first!.metrics.matrix_rank, 24);
    assert.ok(first!.farms!.alpha! > 1);
    assert.ok(first!.ranks['energy_0.95']!.rank > 0);
    assert.ok(first!.ranks.welore!.rank > 0);
    // Σλ is ‖W‖_F², which the statistics know from the elements.
    assert.ok(Math.abs(first!.metrics.norm! - first!.statistics!.l2! ** 2) < 1e-9 * first!.metrics.norm!);
    assert.deepEqual(bias!.metrics, {});
    assert.equal(bias!.noSpectrum, '1-D tensor');
    assert.equal(bias!.statistics!.count, 40);
    assert.deepEqual(report.problems, []);
  });

  it('shows names that would have the terminal do something, and shortens long ones in tables', () => {
    const long = `${'block.'.repeat(40)}weight`;
    const file = writeSafetensors(path.join(folder, 'names.safetensors'), [
      { name: '\u001b]0;x\u0007\rw\u202e', shape: [6, 4], values: uniform(24, 1) },
      { name: long, shape: [6, 4], values: uniform(24, 2) },
      { name: '=x', shape: [4], values: uniform(4, 3) },
    ]);
    for (const [command, ...options] of [
      ['inspect'],
      ['inspect', '--json'],
      ['inspect', '--csv'],
      ['tensors'],
      ['tensors', '--json'],
    ] as [string, ...string[]][]) {
      const { status, stdout, stderr } = run(command, file, ...options);
      const asked = [command, ...options].join(' ');
      assert.deepEqual([status, stderr], [0, ''], asked);
      assert.doesNotMatch(stdout, /(?!\n)[\p{Cc}\p{Cf}]/u, asked);
      assert.match(stdout, /\\u001b\]0;x\\u0007\\rw\\u202e/, asked);
      assert.equal(/^'=x/m.test(stdout), options.includes('--csv'), asked);
      if (options.length > 0) assert.ok(stdout.includes(long), asked);
      else assert.ok(Math.max(...stdout.split('\n').map((line) => line.length)) < 200, asked);
    }
    const absent = run('vectors', file, '--layer', '\u001b[2J', '--out', path.join(folder, 'none'));
    assert.equal(absent.status, 2);
    assert.match(absent.stderr, /no layer matches "\\u001b\[2J"/);
  });

  it('gives each spectrum a verdict on alpha with its evidence, the same in JSON, CSV and the report', () => {
    const report = JSON.parse(run('inspect', model, '--json').stdout) as InspectReport;
    const [first, bias] = report.layers;
    assert.equal(first!.verdict, 'no verdict');
    assert.match(
      first!.verdict_reason!,
      /^no verdict on α [\d.]+ ± [\d.]+: its tail has \d+ of 24 eigenvalues, and 20 are/,
    );
    assert.match(first!.verdict_reason!, /; FARMS α [\d.]+/);
    const checks = first!.verdict_evidence!.map(({ check }) => check);
    assert.deepEqual(checks, ['tail', 'spikes', 'zeros', 'entries', 'distance', 'law', 'limits', 'shape']);
    assert.equal(bias!.verdict, undefined);

    const [header, ...lines] = run('inspect', model, '--csv').stdout.split('\n');
    const columns = header!.split(',');
    assert.deepEqual(columns.slice(columns.indexOf('verdict')).slice(0, 2), ['verdict', 'verdict_reason']);
    assert.ok(lines[0]!.includes(`,no verdict,"${first!.verdict_reason!}",`), lines[0]);

    const { stdout } = run('inspect', model);
    assert.match(stdout, /block\.0\.weight {2}\(no verdict: short tail\)\n/);
    assert.match(stdout, /No verdict on the model as a whole: 0 of 2 layers have the evidence for one/);
  });

  it('says what computed: small layers need no device, and one that cannot be had is named with the reason', () => {
    const small = JSON.parse(run('inspect', model, '--json').stdout) as InspectReport;
    assert.equal(small.device.requested, 'auto');
    assert.equal(small.device.provider, 'wasm');
    assert.equal(small.layers[0]!.precision, 'float64 wasm');

    const large = makeRandomMatrix(folder, 400, 390);
    // No platform has both.
    const foreign = process.platform === 'win32' ? 'coreml' : 'dml';
    const { status, stdout, stderr } = run('inspect', large, '--json', '--no-farms', '--device', foreign);
    assert.equal(status, 0);
    assert.match(stderr, new RegExp(`^${foreign} is not used: .* does not exist on this platform`));
    const report = JSON.parse(stdout) as InspectReport;
    assert.equal(report.device.requested, foreign);
    assert.equal(report.device.refused.at(-1)!.provider, foreign);
    assert.equal(report.layers[0]!.precision, `float64 ${report.device.provider}`);
    assert.match(report.layers[0]!.precision, /^float64 (cpu|wasm)$/);
  });

  it('adds how singular vectors are spread where asked to', () => {
    const { stdout, status } = run('inspect', model, '--json', '--no-farms', '--vectors', '30');
    assert.equal(status, 0);
    const [first, bias] = (JSON.parse(stdout) as InspectReport).layers;
    assert.equal(first!.vectors!.length, 24);
    const [largest] = first!.vectors!;
    assert.ok(Math.abs(largest!.sigma ** 2 / first!.metrics.spectral_norm! - 1) < 1e-12);
    assert.ok(largest!.left.localization_ratio <= 40 && largest!.right.localization_ratio <= 24);
    assert.equal(bias!.vectors, undefined);
    assert.match(run('inspect', model, '--vectors', '3').stderr, /--vectors needs --json/);
  });

  it('gives the same numbers from the cache, from one thread and from two', () => {
    const strip = (text: string): unknown =>
      (JSON.parse(text) as InspectReport).layers.map(({ elapsed: _, ...layer }) => layer);
    const first = run('inspect', model, '--json', '--threads', '2').stdout;
    const cached = run('inspect', model, '--json').stdout;
    const alone = run('inspect', model, '--json', '--no-cache', '--threads', '1').stdout;
    assert.deepEqual(strip(cached), strip(first));
    assert.deepEqual(strip(alone), strip(first));
  });

  it('prints CSV with one line a layer and the full precision of the JSON', () => {
    const { stdout, status } = run('inspect', model, '--csv', '--layers', '*.weight');
    assert.equal(status, 0);
    const [header, ...lines] = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 2);
    const column = header!.split(',').indexOf('alpha');
    const report = JSON.parse(run('inspect', model, '--json').stdout) as InspectReport;
    assert.equal(Number(lines[0]!.split(',')[column]), report.layers[0]!.metrics.alpha);
  });

  it('prints the shape of the tail and the test of the fit in CSV', () => {
    const { layers } = JSON.parse(run('inspect', model, '--json', '--goodness').stdout) as InspectReport;
    const [header, ...lines] = run('inspect', model, '--csv', '--goodness')
      .stdout.trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    for (const [index, layer] of layers.entries()) {
      const cell = (name: string): string => lines[index]![header!.indexOf(name)]!;
      const number = (value: number | null | undefined): string => String(value ?? '');
      assert.equal(cell('name'), layer.name);
      assert.equal(cell('tail_shape_law'), layer.tail_shape?.law ?? '');
      assert.equal(cell('tail_shape_n'), number(layer.tail_shape?.n));
      for (const law of ['truncated_power_law', 'exponential', 'stretched_exponential', 'lognormal']) {
        const comparison = layer.tail_shape?.comparisons?.find((each) => each.law === law);
        assert.equal(cell(`${law}_R`), number(comparison?.R));
        assert.equal(cell(`${law}_p`), number(comparison?.p));
      }
      assert.equal(cell('goodness_p'), number(layer.goodness?.p));
      assert.equal(cell('goodness_standard_error'), number(layer.goodness?.standard_error));
    }
    const [tested] = layers;
    assert.equal(tested!.tail_shape!.comparisons!.length, 4);
    assert.equal(typeof tested!.goodness!.p, 'number');
  });

  it('prints a report for people, and the tensors alone', () => {
    const report = run('inspect', model).stdout;
    assert.match(report, /40×24 +F32 +block\.0\.weight/);
    assert.match(report, /2 layers with a spectrum, 1 tensor with statistics only/);
    const tensors = run('tensors', model);
    assert.equal(tensors.status, 0);
    assert.match(tensors.stdout, /block\.0\.bias +40 +F32/);
  });

  it('takes FARMS settings and shows what it used', () => {
    const args = ['--farms-rows', '8', '--farms-q', '1', '--farms-ops', '4', '--fit', 'mid', '--json'];
    const report = JSON.parse(run('inspect', model, ...args).stdout) as InspectReport;
    const farms = report.layers[0]!.farms!;
    assert.deepEqual(farms.window, [8, 8]);
    assert.equal(farms.windows, 16);
    assert.equal(farms.rule, 'xmin_mid');
    const without = JSON.parse(run('inspect', model, '--no-farms', '--json').stdout) as InspectReport;
    assert.equal(without.layers[0]!.farms, null);
  });

  for (const [what, args, words] of [
    ['a missing file', ['inspect', 'nowhere.safetensors'], /nowhere\.safetensors.*does not exist/],
    ['no path', ['inspect'], /needs a PATH/],
    ['a layer that is not there', ['inspect', 'MODEL', '--layers', 'nothing*'], /no layer matches "nothing\*"/],
    ['a layer without a matrix', ['compress', 'MODEL', '--layer', 'block.0.bias', '--rank', '1', '--out', 'x'], /1-D/],
    ['an absurd rank', ['compress', 'MODEL', '--layer', 'block.0.weight', '--rank', '99', '--out', 'x'], /24/],
  ] as const) {
    it(`says what is wrong with ${what}: exit code 2`, () => {
      const { status, stderr, stdout } = run(...args.map((arg) => (arg === 'MODEL' ? model : arg)));
      assert.equal(status, 2, stderr);
      assert.match(stderr, words);
      assert.equal(stdout, '');
      assert.doesNotMatch(stderr, /^\s+at /m);
    });
  }

  it('refuses what is no checkpoint, naming the formats it knows', () => {
    const file = path.join(folder, 'notes.txt');
    writeFileSync(file, 'not a checkpoint at all\n');
    const { status, stderr } = run('tensors', file);
    assert.equal(status, 2);
    assert.match(stderr, /safetensors/);
  });

  it('saves singular vectors that make the layer again, and replaces a file only when asked to', async () => {
    const out = path.join(folder, 'vectors.safetensors');
    const args = ['vectors', model, '--layer', 'block.0.weight', '--out', out];
    const { status, stdout } = run(...args);
    assert.equal(status, 0);
    assert.match(
      stdout,
      /vectors\.safetensors\nblock\.0\.weight: 24 singular vectors of 40 × 24, largest residual .*e-\d+·σ₁/,
    );
    const saved = await openModel(out);
    const [U, S, Vt] = await Promise.all(
      saved.tensors.map(async (tensor) => widen(await saved.read(tensor), tensor.dtype)),
    );
    assert.deepEqual(
      saved.tensors.map(({ name, shape }) => [name, ...shape]),
      [
        ['U', 40, 24],
        ['S', 24],
        ['Vt', 24, 24],
      ],
    );
    await saved.close();
    const scaled = U!.map((x, at) => x * S![at % 24]!);
    const product = naiveProduct(scaled, Vt!, 40, 24, 24);
    assert.ok(largestDifference(product, Float64Array.from(uniform(960, 1))) < 1e-12);
    assert.equal(run(...args).status, 2);
    assert.equal(run(...args, '--rank', '2', '--overwrite').status, 0);
    assert.equal(run('vectors', model, '--layer', 'block.0.weight', '--out', model, '--overwrite').status, 2);
  });

  it('compresses a layer into a new file that inspects with the rank asked for', () => {
    const out = path.join(folder, 'rank4.safetensors');
    const args = ['--layer', 'block.0.weight', '--rank', '4', '--output', 'reconstructed', '--out', out];
    const { status, stdout, stderr } = run('compress', model, ...args);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /rank 4, relative Frobenius error/);
    const before = JSON.parse(run('inspect', model, '--json').stdout) as InspectReport;
    const after = JSON.parse(run('inspect', out, '--json').stdout) as InspectReport;
    const [layer] = after.layers;
    assert.equal(layer!.metrics.matrix_rank, 4);
    assert.equal(layer!.metrics.spectral_norm!.toPrecision(5), before.layers[0]!.metrics.spectral_norm!.toPrecision(5));
    assert.match(after.checkpoint.metadata.eigenscope!, /"rank":4/);
    const again = run('compress', model, ...args);
    assert.equal(again.status, 2, 'an existing file is not replaced without being asked');
    assert.match(again.stderr, /rank4\.safetensors: exists already; .* replacing it with --overwrite/);
    assert.equal(run('compress', model, ...args, '--overwrite').status, 0);
    assert.equal(
      run('compress', model, '--layer', 'block.0.weight', '--rank', '4', '--out', model, '--overwrite').status,
      2,
    );
  });

  it('replaces no file of the model, whatever it is asked to', () => {
    const whole = path.join(folder, 'whole');
    mkdirSync(whole);
    const source = writeSafetensors(path.join(whole, 'model.safetensors'), [
      { name: 'fc.weight', shape: [40, 24], values: uniform(960, 1) },
    ]);
    const config = path.join(whole, 'config.json');
    writeFileSync(config, '{"model_type":"llama"}');
    for (const args of [
      ['compress', source, '--rank', '3'],
      ['vectors', source],
    ]) {
      const { status, stderr } = run(...args, '--layer', 'fc.weight', '--out', config, '--overwrite');
      assert.equal(status, 2);
      assert.match(stderr, /config\.json: exists already beside the checkpoint.*may belong to the model/);
    }
    assert.equal(readFileSync(config, 'utf8'), '{"model_type":"llama"}');
  });

  it('clears away what a killed save left, when a checkpoint beside it is opened', () => {
    const left = path.join(folder, 'model.safetensors.eigenscope-0123456789abcdef.partial');
    writeFileSync(left, 'half');
    const old = new Date(Date.now() - 2 * 86_400_000);
    utimesSync(left, old, old);
    assert.equal(run('inspect', model, '--no-farms').status, 0);
    assert.equal(existsSync(left), false);
  });

  it('says beside the result what a person should know of it, once', () => {
    const out = path.join(folder, 'rank20.safetensors');
    const { status, stderr } = run('compress', model, '--layer', 'block.0.weight', '--rank', '20', '--out', out);
    assert.equal(status, 0);
    const notes = stderr.trimEnd().split('\n');
    assert.equal(notes.length, 3);
    assert.match(notes.shift()!, /^Not worth factoring: 90% of the energy takes .* and rank 7 .* has an error of/);
    assert.match(notes[0]!, /^Above rank 15 \(break-even\) the two factors are larger than the matrix itself\.$/);
    assert.match(notes[1]!, /^Loads as nn\.Sequential\(nn\.Linear\(24, 20, bias=False\), nn\.Linear\(20, 40\)\)\.$/);
  });

  it('compresses all layers that are named or match, into a file in the folder that is named', async () => {
    const out = path.join(folder, 'several');
    mkdirSync(out);
    const compress = (...layers: string[]): ReturnType<typeof run> => {
      const named = layers.flatMap((layer) => ['--layer', layer]);
      return run('compress', model, ...named, '--rank', '3', '--out', `${out}/`, '--overwrite');
    };
    const expected = ['block.0.0.weight', 'block.0.1.weight', 'block.0.1.bias', 'block.1.0.weight', 'block.1.1.weight'];
    for (const layers of [['block.0.weight', 'block.1.weight'], ['*']]) {
      const { status, stdout, stderr } = compress(...layers);
      assert.equal(status, 0, stderr);
      assert.match(
        stdout,
        /model-2-layers-svd-rank3\.safetensors\nblock\.0\.weight: rank 3.*\nblock\.1\.weight: rank 3/,
      );
      const saved = await openModel(path.join(out, 'model-2-layers-svd-rank3.safetensors'));
      assert.deepEqual(
        saved.tensors.filter(({ product }) => !product).map(({ name }) => name),
        expected,
      );
      assert.deepEqual(saved.problems, []);
      const note = JSON.parse(saved.metadata.eigenscope!) as { layers: { layer: string; rank: number }[] };
      assert.deepEqual(
        note.layers.map(({ layer, rank }) => [layer, rank]),
        [
          ['block.0.weight', 3],
          ['block.1.weight', 3],
        ],
      );
      await saved.close();
    }
    assert.match(compress('block.0.weight').stdout, /model-block\.0\.weight-svd-rank3\.safetensors\n/);
    assert.match(
      compress('block.0.wieght').stderr,
      /no layer matches "block\.0\.wieght"; did you mean block\.0\.weight/,
    );
    assert.match(compress('*bias').stderr, /no layer that matches "\*bias" can be compressed/);
    const nowhere = run('compress', model, '--layer', '*', '--rank', '3', '--out', `${out}/none/`);
    assert.match(nowhere.stderr, /none.*does not exist/);
  });

  it('replaces several experts of one stack', () => {
    const stack = writeSafetensors(path.join(folder, 'experts.safetensors'), [
      { name: 'experts.w', shape: [3, 70, 64], values: uniform(3 * 70 * 64, 7) },
    ]);
    const out = path.join(folder, 'experts-out.safetensors');
    const layers = ['--layer', 'experts.w[0]', '--layer', 'experts.w[2]'];
    const args = ['compress', stack, ...layers, '--rank', '2', '--output', 'reconstructed', '--out', out];
    const { status, stderr } = run(...args);
    assert.equal(status, 0, stderr);
    const report = JSON.parse(run('inspect', out, '--json', '--no-farms').stdout) as InspectReport;
    const { metrics } = report.layers[1]!;
    assert.equal(metrics.matrix_rank, 64);
    for (const at of [0, 2]) assert.ok(report.layers[at]!.ranks['energy_0.99']!.rank <= 2, String(at));
  });

  it('says before it compresses one of a tied pair what that does to the other', () => {
    const tied = writeSafetensors(path.join(folder, 'tied.safetensors'), [
      { name: 'model.embed_tokens.weight', shape: [40, 24], values: uniform(960, 1) },
      { name: 'lm_head.weight', shape: [40, 24], values: uniform(960, 1) },
    ]);
    const compress = (...layers: string[]): string => {
      const out = path.join(folder, 'tied-out.safetensors');
      const named = layers.flatMap((layer) => ['--layer', layer]);
      return run('compress', tied, ...named, '--rank', '3', '--out', out, '--overwrite').stderr;
    };
    assert.match(
      compress('lm_head.weight'),
      /^It holds the same numbers as model\.embed_tokens\.weight \(tied weights\)/,
    );
    assert.doesNotMatch(compress('lm_head.weight', 'model.embed_tokens.weight'), /tied/);
  });
});
