/** `eigenscope compress --plan` as a person runs it: from a plan that the program made. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CompressionPlan } from '../../../extension/shared/compression/plans';
import { cli, commandLine } from '../../harness/commandLine';
import { bf16Tensor, smallTensors, writeSmallModel } from '../../harness/smallModels';
import { temporaryFolder } from '../../harness/temporaryFolder';

describe('eigenscope compress --plan', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const model = writeSmallModel(path.join(folder, 'model'));
  const plan = path.join(folder, 'made.eigenplan.json');
  const compress = (...args: string[]): ReturnType<typeof run> => run('compress', model, '--plan', plan, ...args);

  before(() => {
    const made = run('plan', model, '--ratio', '0.5', '--target', 'parameters', '--out', plan);
    assert.equal(made.status, 0, made.stderr);
  });

  it('runs a plan that `eigenscope plan` made, and prints what each layer lost', () => {
    const out = path.join(folder, 'out');
    const { status, stdout, stderr } = compress('--to', 'safetensors', '--out', out, '--shard-size', '1MB');
    assert.equal(status, 0, stderr);
    const { layers } = JSON.parse(readFileSync(plan, 'utf8')) as CompressionPlan;
    const compressed = Object.entries(layers).filter(([, layer]) => !('keep' in layer));
    assert.ok(compressed.length > 0);
    const lines = stdout.trim().split('\n');
    assert.equal(lines[0], out);
    assert.equal(lines.length, compressed.length + 2);
    for (const [name] of compressed) assert.ok(stdout.includes(`${name}: svd `), name);
    assert.match(lines.at(-1)!, /^3 files, \d+ bytes; tensors \d+ bytes, [\d.]+ % of the original's \d+$/);
    assert.deepEqual(readdirSync(out).sort(), ['config.json', 'model.safetensors', 'tokenizer.json']);
    assert.equal(run('inspect', out, '--no-farms').status, 0, 'it can be inspected');
  });

  if (process.platform !== 'win32') {
    it('goes on from what is done if a file could not be written', () => {
      const [out, whole] = [path.join(folder, 'refused'), path.join(folder, 'whole')];
      const args = ['compress', model, '--plan', plan, '--to', 'safetensors', '--out', out];
      // Blocks of 512 or 1024 bytes: enough for each piece, and not for the file of all.
      const limited = spawnSync('sh', ['-c', 'ulimit -f 16; exec "$0" "$@"', process.execPath, cli, ...args], {
        encoding: 'utf8',
      });
      assert.equal(limited.status, 2, limited.stderr);
      assert.match(
        limited.stderr,
        /model\.safetensors: .* takes no file this large .*\. What is done is kept in .*refused\.partial: go on with it \(--resume\)/,
      );
      assert.equal(limited.stderr.match(/is kept in/gi)!.length, 1, limited.stderr);
      assert.ok(!existsSync(out));
      const resumed = run(...args, '--resume');
      assert.equal(resumed.status, 0, resumed.stderr);
      assert.equal(compress('--to', 'safetensors', '--out', whole).status, 0);
      for (const name of readdirSync(whole)) {
        assert.deepEqual(readFileSync(path.join(out, name)), readFileSync(path.join(whole, name)), name);
      }
      assert.ok(!existsSync(`${out}.partial`));
    });
  }

  it('refuses a plan for another model', () => {
    const other = writeSmallModel(path.join(folder, 'other'), [
      ...smallTensors(),
      bf16Tensor('more.weight', [8, 8], 3),
    ]);
    const out = path.join(folder, 'never');
    const { status, stderr } = run('compress', other, '--plan', plan, '--to', 'dense', '--out', out);
    assert.equal(status, 2);
    assert.match(stderr, /the plan is for another model/);
    assert.ok(!existsSync(out));
  });

  it('refuses a plan with a key that plans do not have', () => {
    const wrong = path.join(folder, 'wrong.eigenplan.json');
    writeFileSync(wrong, JSON.stringify({ ...(JSON.parse(readFileSync(plan, 'utf8')) as object), colour: 'red' }));
    const { status, stderr } = run(
      'compress',
      model,
      '--plan',
      wrong,
      '--to',
      'dense',
      '--out',
      path.join(folder, 'no'),
    );
    assert.equal(status, 2);
    assert.match(stderr, /colour/);
  });

  for (const [what, args, message] of [
    ['no layout', ['--out', 'x'], /needs --to LAYOUT: huggingface, onnx/],
    ['an unknown layout', ['--to', 'tar', '--out', 'x'], /--to is one of .*, not "tar"/],
    ['no folder', ['--to', 'dense'], /needs --out DIR/],
    [
      'an unknown type',
      ['--to', 'dense', '--out', 'x', '--dtype', 'i8'],
      /--dtype is one of f64, f32, f16, bf16, not "i8"/,
    ],
    [
      'a size of nothing',
      ['--to', 'dense', '--out', 'x', '--shard-size', 'big'],
      /--shard-size is a number with MB or GB/,
    ],
    ['both ways of going on', ['--to', 'dense', '--out', 'x', '--resume', '--restart'], /exclude each other/],
    ['an option twice', ['--to', 'dense', '--to', 'onnx', '--out', 'x'], /--to is given more than once/],
    ['an option of the other compress', ['--to', 'dense', '--out', 'x', '--rank', '3'], /--rank/],
  ] as const) {
    it(`refuses ${what}`, () => {
      const { status, stderr } = compress(...args);
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert.match(stderr, /See eigenscope --help/);
    });
  }
});
