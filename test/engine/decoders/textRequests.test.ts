/** A language model on a text, as the extension asks the engine for it. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CancellationTokenSource } from 'vscode-jsonrpc';
import { EngineProcess } from '../../harness/engineProcess';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { repositoryRoot } from '../../harness/shared';
import { temporaryFolder } from '../../harness/temporaryFolder';

describe('a language model that is open', function () {
  this.timeout(120_000);
  if (!onnxruntimeExists) return;
  const folder = temporaryFolder();
  const golden = (name: string): string => path.join(repositoryRoot, 'test', 'unit', 'decoder', 'golden', name);
  const ids = path.join(folder, 'ids.jsonl');
  let engine: EngineProcess;

  before(() => {
    writeFileSync(ids, Array.from({ length: 10 }, (_, i) => `[1, ${i + 2}, 3, 4]\n`).join(''));
    engine = new EngineProcess({});
  });
  after(() => engine.dispose());

  async function open(model: string): Promise<string> {
    return (await engine.request('open', { path: model })).document;
  }

  it('is known by its configuration', async () => {
    const document = await open(golden('llama'));
    const { modelType, blocks, vocabulary, usualLength } = await engine.request('decoderFacts', { document });
    assert.deepEqual([modelType, blocks, vocabulary], ['llama', 2, 48]);
    assert.ok(usualLength > 0);
  });

  it('is measured, and evaluated beside another one', async () => {
    const document = await open(golden('llama'));
    const request = { tokens: { path: ids, windows: 5, length: 8 }, others: [golden('qwen3')] };
    const estimate = await engine.request('estimateOnText', { document, request });
    assert.deepEqual([estimate.windows, estimate.length, estimate.measuredWindows], [5, 8, 5]);
    assert.ok(estimate.seconds > 0);
    const { models, windows } = await engine.request('evaluateOnText', { document, request });
    assert.equal(windows, 5);
    assert.deepEqual(
      models.map(({ name }) => path.basename(path.dirname(name)) === 'llama' || path.basename(name) === 'qwen3'),
      [true, true],
    );
    for (const { perplexity, intervals } of models) {
      const [low, high] = intervals.perplexity!;
      assert.ok(low <= perplexity && perplexity <= high);
    }
    assert.equal(models[0]!.kl, null);
    assert.ok(models[1]!.intervals.kl![0] > 0);
  });

  it('is calibrated, and a plan can use the file', async () => {
    const document = await open(golden('llama'));
    const target = path.join(folder, 'statistics.safetensors');
    const tokens = { path: ids, windows: 5, length: 8 };
    engine.runs.length = 0;
    const report = await engine.request('calibrateOnText', { document, request: { tokens, target } });
    assert.deepEqual([report.path, report.windows, report.length], [target, 5, 8]);
    assert.ok(report.layers.length > 0 && report.diagonal.length === 0);
    assert.match(engine.runs[0]!.message, /^block 1 of 2, window \d of 5$/);
    const { covered, problems } = await engine.request('useStatistics', { document, path: target });
    assert.deepEqual(problems, []);
    const names = covered.filter(({ has }) => has.includes('gram')).map(({ layer }) => layer);
    assert.equal(names.length, report.layers.length);
    // The dialog has asked whether it may go.
    const again = { tokens: { ...tokens, windows: 2 }, target };
    assert.equal((await engine.request('calibrateOnText', { document, request: again })).windows, 2);
    const short = { tokens: { ...tokens, length: 64 }, target: path.join(folder, 'none') };
    await assert.rejects(engine.request('calibrateOnText', { document, request: short }), /ids\.jsonl: .*64/);
    assert.equal(existsSync(short.target), false);
    engine.runs.length = 0;
    await engine.request('evaluateOnText', { document, request: { tokens, others: [] } });
    // The file, not its whole path.
    assert.match(engine.runs[0]!.message, /^[^/\\]+: block 1 of 2, window \d of 5$/);
  });

  it('is refused in words that say what and why', async () => {
    const document = await open(golden('llama'));
    const short = { tokens: { path: ids, windows: 5, length: 64 }, others: [] };
    await assert.rejects(engine.request('estimateOnText', { document, request: short }), /ids\.jsonl: .*64/);
    const text = path.join(folder, 'a.txt');
    writeFileSync(text, 'Once upon a time.');
    const untold = { tokens: { path: text, windows: 1, length: 4 }, others: [] };
    await assert.rejects(engine.request('evaluateOnText', { document, request: untold }), /tokenizer/);
    const other = path.join(folder, 'other');
    mkdirSync(other);
    copyFileSync(path.join(golden('llama'), 'model.safetensors'), path.join(other, 'model.safetensors'));
    writeFileSync(path.join(other, 'config.json'), JSON.stringify({ model_type: 'mamba' }));
    const foreign = await open(other);
    await assert.rejects(engine.request('decoderFacts', { document: foreign }), /type mamba cannot be run here; known/);
  });

  it('stops when it is cancelled', async () => {
    const document = await open(golden('llama'));
    const request = { tokens: { path: ids, windows: 5, length: 8 }, others: [] };
    const source = new CancellationTokenSource();
    const running = engine.request('evaluateOnText', { document, request }, source.token);
    source.cancel();
    await assert.rejects(running);
    // The engine is there as before.
    assert.equal((await engine.request('evaluateOnText', { document, request })).windows, 5);
  });
});
