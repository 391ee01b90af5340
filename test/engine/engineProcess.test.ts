/** The engine as the extension host sees it: the built child process behind its typed messages. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CancellationTokenSource } from 'vscode-jsonrpc';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import { unpackSummary } from '../../extension/shared/packedTensors';
import { problemOf } from '../../extension/shared/rpc';
import { EngineProcess } from '../harness/engineProcess';
import { makeRandomMatrix, uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { allowed, processorTime } from '../harness/machineSpeed';

const settings = { farms: DEFAULT_FARMS };

describe('engine process', () => {
  let folder: string;
  let engine: EngineProcess;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-engine-'));
    engine = new EngineProcess({ cacheFolder: path.join(folder, 'cache') });
  });
  afterEach(() => {
    engine.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  function model(count = 12): string {
    const tensors = Array.from({ length: count }, (_, index) => ({
      name: `layer.${index}`,
      shape: [64, 48],
      values: uniform(64 * 48, index),
    }));
    return writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
  }

  it('opens from headers, queues every layer and sends each result once', async () => {
    const summary = unpackSummary(await engine.request('open', { path: model() }));
    assert.equal(summary.tensors.length, 12);
    assert.equal(summary.parameters, 12 * 64 * 48);
    assert.deepEqual(summary.tensors[3]!.layers, ['layer.3']);
    const { queued } = await engine.request('inspect', { document: summary.document, settings });
    assert.equal(queued, 12);
    await engine.idle();
    const first = engine.results.filter(({ result }) => !result.ranks.welore);
    assert.equal(new Set(first.map(({ result }) => result.name)).size, 12);
    assert.equal(first.length, 12);
    // WeLore's one threshold is known when all layers are: every layer is sent again with its rank.
    assert.equal(engine.results.filter(({ result }) => result.ranks.welore).length, 12);
  });

  it('computes prioritised layers before the others', async () => {
    const { document } = await engine.request('open', { path: model(40) });
    const inspecting = engine.request('inspect', { document, settings });
    await engine.request('prioritise', { document, names: ['layer.38', 'layer.39'] });
    await inspecting;
    await engine.idle();
    const order = engine.results.map(({ result }) => result.name);
    for (const name of ['layer.38', 'layer.39'])
      assert.ok(order.indexOf(name) < 12, `${name} came as ${order.indexOf(name)}`);
  });

  it('sends typed arrays for a layer’s view, consistent with each other', async () => {
    const { document } = await engine.request('open', { path: model() });
    const spectrum = await engine.request('spectrum', { document, layer: 'layer.5', settings });
    assert.ok(spectrum.eigenvalues instanceof Float64Array);
    assert.equal(spectrum.eigenvalues.length, 48);
    assert.deepEqual(spectrum.rankMatrix, { rows: 64, cols: 48 });
    assert.deepEqual(spectrum.rankEigenvalues, spectrum.eigenvalues);
    assert.equal(
      spectrum.histogram.counts.reduce((sum, count) => sum + count, 0),
      64 * 48,
    );
    const trace = spectrum.eigenvalues.reduce((sum, value) => sum + value, 0);
    const squares = uniform(64 * 48, 5).reduce((sum, value) => sum + value * value, 0);
    assert.ok(Math.abs(trace - squares) < 1e-9 * squares);
  });

  it('sends the elements of a tensor without a spectrum, and says why it has none', async () => {
    const file = writeSafetensors(path.join(folder, 'plain.safetensors'), [
      { name: 'bias', shape: [4], values: [1, 2, 2, 9] },
      { name: 'step', shape: [], values: [7] },
      { name: 'empty', shape: [0, 16], values: [] },
    ]);
    const { document } = await engine.request('open', { path: file });
    const counted: [string, number, number][] = [];
    for (const layer of ['bias', 'step', 'empty']) {
      const spectrum = await engine.request('spectrum', { document, layer, settings });
      assert.ok(spectrum.layer.noSpectrum);
      assert.equal(spectrum.eigenvalues.length, 0);
      assert.deepEqual(spectrum.rankMatrix, { rows: 0, cols: 0 });
      const drawn = spectrum.histogram.counts.reduce((sum, count) => sum + count, 0);
      counted.push([layer, spectrum.layer.statistics!.count, drawn]);
    }
    assert.deepEqual(counted, [
      ['bias', 4, 4],
      ['step', 1, 1],
      ['empty', 0, 0],
    ]);
  });

  it('answers a hover from the cache and never computes for it', async () => {
    const file = model();
    const { document } = await engine.request('open', { path: file });
    assert.equal(await engine.request('peek', { path: file, layer: 'layer.0', settings }), null);
    await engine.request('spectrum', { document, layer: 'layer.0', settings });
    const peeked = await engine.request('peek', { path: file, layer: 'layer.0', settings });
    assert.ok(peeked!.layer.metrics.alpha! > 1);
    assert.equal(peeked!.curve.length, 48);
    assert.ok(peeked!.curve.every((value, index) => index === 0 || value <= peeked!.curve[index - 1]!));
  });

  it('previews from the spectrum: error, size and cost agree with algebra', async () => {
    const { document } = await engine.request('open', { path: model() });
    const params = { document, layer: 'layer.1', method: 'svd', settings };
    const preview = await engine.request('previewCompression', { ...params, rank: { kind: 'rank', rank: 10 } });
    const squares = [...preview.singularValues].map((value) => value * value);
    const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
    assert.equal(preview.rank, 10);
    assert.ok(Math.abs(preview.relative_error - Math.sqrt(sum(squares.slice(10)) / sum(squares))) < 1e-12);
    assert.equal(preview.parameters.after, 10 * (64 + 48));
    assert.equal(preview.bytes.before, 64 * 48 * 4);
    assert.equal(preview.breakEven, Math.floor((64 * 48) / 112));
  });

  it('stops a large layer within moments of a cancel and stays usable', async () => {
    const big = makeRandomMatrix(folder, 1500, 1500);
    const { document } = await engine.request('open', { path: big });
    const source = new CancellationTokenSource();
    const spectrum = engine.request('spectrum', { document, layer: 'weight', settings }, source.token);
    await engine.until(() => engine.progress.some(({ stage }) => stage === 'eigenvalues'));
    const cancelled = processorTime(engine.child.pid);
    source.cancel();
    await assert.rejects(spectrum, (error: unknown) => problemOf(error).code === 'cancelled');
    const computed = processorTime(engine.child.pid) - cancelled;
    assert.ok(computed < allowed(2000), `computed for ${computed} ms after the cancel`);
    const other = await engine.request('open', { path: model() });
    const after = await engine.request('spectrum', { document: other.document, layer: 'layer.0', settings });
    assert.equal(after.eigenvalues.length, 48);
  });

  it('cancels a closed document’s jobs and refuses its handle afterwards', async () => {
    const { document } = await engine.request('open', { path: model(200) });
    await engine.request('inspect', { document, settings });
    await engine.request('close', { document });
    const seen = engine.results.length;
    assert.ok(seen < 200);
    await assert.rejects(engine.request('inspect', { document, settings }), /no longer open/);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(engine.results.length <= seen + 2, 'at most the jobs that were running sent their result');
  });

  it('tells that a file changed while it was open, and reads no mixture', async () => {
    const file = model();
    const { document } = await engine.request('open', { path: file });
    appendFileSync(file, 'more');
    await engine.until(() => engine.changes.length > 0);
    assert.equal(engine.changes[0]!.problem.code, 'changed');
    assert.match(engine.changes[0]!.problem.message, /model\.safetensors.*reload/);
    await assert.rejects(engine.request('spectrum', { document, layer: 'layer.0', settings }), /changed/);
  });

  it('answers errors in words: unknown files, layers, documents', async () => {
    await assert.rejects(engine.request('open', { path: path.join(folder, 'none.pt') }), /none\.pt.*does not exist/);
    const { document } = await engine.request('open', { path: model() });
    await assert.rejects(engine.request('spectrum', { document, layer: 'nope', settings }), /no layer "nope"/);
    await assert.rejects(engine.request('inspect', { document, names: ['nope'], settings }), /no layer "nope"/);
    const rank = { kind: 'rank', rank: 1 } as const;
    const request = { document, layer: 'layer.0', method: 'magic', rank, settings };
    await assert.rejects(engine.request('previewCompression', request), /magic/);
  });

  it('ends when its host is gone', async () => {
    const ended = new Promise<number | null>((resolve) => engine.child.once('exit', resolve));
    await engine.request('device', null);
    engine.child.disconnect();
    assert.equal(await ended, 0);
  });

  it('says which device and precision make its numbers', async () => {
    const device = await engine.request('device', null);
    assert.equal(device.requested, 'auto');
    assert.equal(device.precision, 'float64');
    assert.equal(device.threads, 2);
    assert.ok(['cpu', 'wasm'].includes(device.provider));
    assert.equal(device.trying, false);
  });

  it('tries a device that its environment names, and tells what came of it', async () => {
    const foreign = process.platform === 'win32' ? 'coreml' : 'dml';
    engine.dispose();
    engine = new EngineProcess({
      cacheFolder: path.join(folder, 'cache'),
      environment: { EIGENSCOPE_DEVICE: foreign },
    });
    assert.equal((await engine.request('device', null)).requested, foreign);
    await engine.until(() => engine.device !== undefined);
    assert.equal(engine.device!.trying, false);
    assert.equal(engine.device!.refused.at(-1)!.provider, foreign);
    assert.match(engine.device!.refused.at(-1)!.reason, /does not exist on this platform/);
  });
});
