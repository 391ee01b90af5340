/** `eigenscope evaluate` of language models, as a person runs it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DecoderEvaluationReport } from '../../../extension/shared/decoderRuns';
import { commandLine } from '../../harness/commandLine';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { repositoryRoot, sharedFolder } from '../../harness/shared';
import { temporaryFolder } from '../../harness/temporaryFolder';

describe('language models in the terminal', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;
  const folder = temporaryFolder();
  const eigenscope = commandLine(folder);
  const golden = (name: string): string => path.join(repositoryRoot, 'test', 'unit', 'decoder', 'golden', name);
  const tokens = path.join(folder, 'ids.jsonl');
  const many = path.join(folder, 'ids.bin');
  const wrong = path.join(folder, 'wrong.jsonl');
  const short = path.join(folder, 'short.jsonl');
  const text = path.join(folder, 'story.txt');

  before(() => {
    writeFileSync(tokens, '[1, 2, 3, 4, 5]\n[6, 7, 8]\n');
    writeFileSync(short, '[3, 4]\n');
    writeFileSync(wrong, '[1, 2, 48]\n');
    writeFileSync(text, 'Once upon a time, there was a little girl named Lily. She loved to play outside in the park.');
    writeFileSync(many, new Uint8Array(Uint16Array.from({ length: 90 }, (_, i) => (i * 7) % 48).buffer));
  });

  it('prints perplexity, and how far the others are from the first', () => {
    const run = (...more: string[]) =>
      eigenscope('evaluate', golden('llama'), golden('qwen3'), '--tokens', tokens, '--length', '4', ...more);
    const { status, stdout, stderr } = run();
    assert.equal(status, 0, stderr);
    assert.match(
      stdout,
      /^2 windows of 4 tokens, 6 of them scored \(ids in lines\)\n *perplexity +KL \(nats\) +same top 1 +model\n/,
    );
    assert.match(stdout, /^ *[\d.]+ \[[\d.]+, [\d.]+\] +- +- +\S*golden\S+llama$/m);
    const own = /^ *[\d.]+ \[[\d., ]+\] +[\d.]+ \[[\d., ]+\] +[\d.]+ % \[[\d., %]+\] +\S*golden\S+qwen3$/m;
    assert.match(stdout, own);
    assert.match(stdout, /\n95 % intervals in brackets: 2000 draws of 2 windows, seed \d+\n$/);
    const report = JSON.parse(run('--json').stdout) as DecoderEvaluationReport;
    const [first, second] = report.models;
    assert.equal(first!.windows.length, 2);
    const mean = (first!.windows[0]!.nll + first!.windows[1]!.nll) / 2;
    assert.ok(Math.abs(mean - first!.nll) < 1e-12);
    assert.ok(second!.kl! > 0);
  });

  it('runs a plan that is not saved', () => {
    const plan = path.join(folder, 'third.eigenplan.json');
    const made = eigenscope('plan', golden('llama'), '--ratio', '0.7', '--target', 'parameters', '--out', plan);
    assert.equal(made.status, 0, made.stderr);
    const run = (...more: string[]) =>
      eigenscope('evaluate', golden('llama'), '--plan', plan, '--tokens', tokens, '--length', '4', ...more);
    const { status, stdout, stderr } = run('--json');
    assert.equal(status, 0, stderr);
    const [, third] = (JSON.parse(stdout) as DecoderEvaluationReport).models;
    assert.equal(third!.name, 'third');
    assert.ok(third!.kl! > 0);
    assert.match(run('--stats', plan).stderr, /third\.eigenplan\.json: /);
    const alone = eigenscope('evaluate', golden('llama'), '--stats', plan, '--tokens', tokens);
    assert.match(alone.stderr, /--stats are for plans: give --plan, too/);
  });

  it('takes the model’s own length, and so many windows', () => {
    const own = eigenscope('evaluate', golden('gpt2'), '--tokens', many, '--json');
    const { windows, length, tokens: scored } = JSON.parse(own.stdout) as DecoderEvaluationReport;
    assert.deepEqual([windows, length, scored], [1, 64, 63]);
    const some = eigenscope('evaluate', golden('gpt2'), '--tokens', many, '--length', '9', '--windows', '3', '--json');
    assert.equal((JSON.parse(some.stdout) as DecoderEvaluationReport).tokens, 24);
  });

  it('reads a text by the model’s own tokenizer', function () {
    if (sharedFolder === undefined) {
      console.log('      left out: there is no ../shared');
      return;
    }
    const model = path.join(sharedFolder, 'checkpoints', 'stories260K-llama', 'stories260K.gguf');
    const { status, stdout, stderr } = eigenscope('evaluate', model, '--text', text, '--length', '30', '--json');
    assert.equal(status, 0, stderr);
    const { inputs, tokens: scored, models } = JSON.parse(stdout) as DecoderEvaluationReport;
    assert.deepEqual([inputs, scored], ['text, stories260K.gguf', 29]);
    // A sentence of the kind that the model has learned.
    assert.ok(models[0]!.perplexity < 4, `${models[0]!.perplexity}`);
  });

  it('calibrate: writes statistics, and never over a file or the model', () => {
    const target = path.join(folder, 'stats.safetensors');
    const run = (...more: string[]) =>
      eigenscope('calibrate', golden('qwen3'), '--tokens', many, '--length', '30', '--seed', '1', ...more);
    const first = run('--out', target);
    assert.equal(first.status, 0, first.stderr);
    assert.match(
      first.stdout,
      /stats\.safetensors\nmodel\.layers\.0: influence [\d.]+\nmodel\.layers\.1: influence [\d.]+\n/,
    );
    assert.match(first.stdout, /\n14 layers, 3 windows of 30 tokens \(uint16 ids\), \d+ bytes\n$/);
    assert.equal(first.stderr, '');
    const again = run('--out', target);
    assert.equal(again.status, 2);
    assert.match(again.stderr, /exists already.*with --overwrite/);
    assert.equal(run('--out', target, '--overwrite').status, 0);
    const model = path.join(golden('qwen3'), 'model.safetensors');
    assert.match(run('--out', model, '--overwrite').stderr, /part of the checkpoint, which/);
    const few = eigenscope('calibrate', golden('qwen3_moe'), '--tokens', short, '--length', '2', '--out', folder);
    assert.equal(few.status, 1, few.stderr);
    assert.match(few.stderr, /no token went to this expert, so nothing is known of its inputs/);
    assert.match(few.stderr, /fewer tokens than inputs, so the Gram matrix is singular/);
    const wrongly = (message: RegExp, ...args: string[]): void => assert.match(run(...args).stderr, message);
    wrongly(/calibrate needs --out FILE/);
    wrongly(/calibrate of language models takes no --json/, '--out', target, '--json');
    wrongly(/calibrate needs one model, and has 2/, golden('opt'), '--out', target);
  });

  it('svd-llm takes these statistics', () => {
    const target = path.join(folder, 'for-svd.safetensors');
    const calibrated = eigenscope('calibrate', golden('llama'), '--tokens', many, '--length', '30', '--out', target);
    assert.equal(calibrated.status, 0, calibrated.stderr);
    const layer = 'model.layers.1.self_attn.k_proj.weight';
    const out = path.join(folder, 'k.safetensors');
    const args = ['--layer', layer, '--method', 'svd-llm', '--stats', target, '--rank', '3', '--out', out];
    const { status, stderr, stdout } = eigenscope('compress', golden('llama'), ...args);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /k_proj\.weight: rank 3/);
  });

  it('says what is wrong', () => {
    const refused = (message: RegExp, ...args: string[]): void => {
      const { status, stderr, stdout } = eigenscope('evaluate', ...args);
      assert.equal(status, 2, stdout);
      assert.match(stderr, message);
    };
    refused(
      /has 8 tokens, fewer than one window of 64; give a longer text, or windows of up to 8/,
      golden('llama'),
      '--tokens',
      tokens,
    );
    refused(
      /--length is a whole number from 2 to 32768, not "1"/,
      golden('llama'),
      '--tokens',
      tokens,
      '--length',
      '1',
    );
    refused(
      /reads 64 tokens at most, and windows of 65 are asked for/,
      golden('llama'),
      '--tokens',
      tokens,
      '--length',
      '65',
    );
    refused(/token 3 is 48, and the model knows ids up to 47/, golden('llama'), '--tokens', wrong, '--length', '2');
    refused(/tokenizer/, golden('llama'), '--text', text, '--length', '2');
    refused(/give --text or --tokens, not both/, golden('llama'), '--tokens', tokens, '--text', text);
    refused(/ids\.bin holds ids: give it as --tokens/, golden('llama'), '--text', many);
    refused(/--tokens reads \.npy, \.bin and \.jsonl files/, golden('llama'), '--tokens', text);
    refused(/evaluate needs a model, or several/, '--tokens', tokens);
    refused(/Unknown option '--random'/, golden('llama'), '--tokens', tokens, '--random', '3');
    refused(/other: .*check the path/, path.join(folder, 'other'), '--tokens', tokens);
    refused(/and --text FILE for language models/, golden('llama'), golden('llama'));
  });
});
