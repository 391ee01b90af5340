/** The tests of a layer that are made on request, and awkward layers, through the engine's own process. */
import assert from 'node:assert/strict';
import type { MetricKey } from '../../extension/shared/metricTable';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import type { GoodnessOfFit, InspectSettings, LayerResult, ShuffledSpectrum } from '../../extension/shared/layers';
import { problemOf } from '../../extension/shared/rpc';
import { EngineProcess } from '../harness/engineProcess';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';

const farms = { ...DEFAULT_FARMS, enabled: false };

describe('tests of a layer on request', () => {
  let folder: string;
  let engine: EngineProcess;
  let document: string;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-tests-'));
    const outlier = uniform(60 * 40, 5).map((value, i) => (i === 777 ? 1e30 : value));
    const rankOne = Float32Array.from({ length: 60 * 40 }, (_, i) => (1 + Math.floor(i / 40)) * (1 + (i % 40)));
    const model = writeSafetensors(path.join(folder, 'model.safetensors'), [
      { name: 'random', shape: [90, 60], values: uniform(5400, 1) },
      { name: 'conv', shape: [24, 20, 3, 3], values: uniform(24 * 20 * 9, 2) },
      { name: 'large', shape: [500, 400], values: uniform(200_000, 3) },
      { name: 'tall', shape: [80_000, 200], values: uniform(16_000_000, 7) },
      { name: 'zero', shape: [60, 40], values: new Float32Array(2400) },
      { name: 'outlier', shape: [60, 40], values: outlier },
      { name: 'rankOne', shape: [60, 40], values: rankOne },
      { name: 'row', shape: [1, 500], values: uniform(500, 4) },
      { name: 'one', shape: [1, 1], values: Float32Array.of(3) },
      { name: 'denormal', shape: [60, 40], values: uniform(2400, 6).map((value) => value * 1e-42) },
    ]);
    // So little memory that the tall matrix is streamed.
    engine = new EngineProcess({ cacheFolder: path.join(folder, 'cache'), memoryMegabytes: 100 });
    document = (await engine.request('open', { path: model })).document;
  });
  after(() => {
    engine.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  async function inspected(layer: string, settings: Partial<InspectSettings> = {}): Promise<LayerResult> {
    return (await engine.request('spectrum', { document, layer, settings: { farms, ...settings } })).layer;
  }

  function goodness(layer: string, source = new CancellationTokenSource()): Promise<GoodnessOfFit> {
    return engine.request('goodness', { document, layer, settings: { farms } }, source.token);
  }

  for (const name of ['random', 'conv', 'large']) {
    it(`shuffles ${name} and leaves its own numbers as they are`, async () => {
      const plain = await inspected(name);
      const tested = await inspected(name, { randomise: true });
      assert.equal(plain.metrics.rand_distance, undefined);
      assert.equal(plain.randomised, undefined);
      assert.equal(tested.randomised!.status, 'success');
      for (const [key, value] of Object.entries(plain.metrics))
        assert.equal(tested.metrics[key as MetricKey], value, key);
      assert.deepEqual(tested.ranks, plain.ranks);
      const { edge, ...how } = tested.randomised!;
      assert.deepEqual(how, { status: 'success', seed: 20190124, shuffles: 5 });
      assert.deepEqual([edge!.mean, edge!.sd], [tested.metrics.rand_edge_mean, tested.metrics.rand_edge_sd]);
      assert.ok(edge!.sd > 0 && edge!.threshold >= tested.metrics.max_rand_eval!);
      const once = await inspected(name, { randomise: true, shuffles: 2 });
      assert.equal(once.randomised!.shuffles, 2);
      assert.equal(tested.metrics.num_above_rand, 0);
      // Uniform entries are random in any order.
      assert.ok(tested.metrics.rand_distance! < 0.05, `${tested.metrics.rand_distance!}`);
      assert.ok(Math.abs(tested.metrics.max_rand_eval! / tested.metrics.spectral_norm! - 1) < 0.2);
    });
  }

  it('gives the spectrum of shuffled entries: their squares sum to the same, and their seed is told', async () => {
    for (const name of ['random', 'conv']) {
      const ask = (): Promise<ShuffledSpectrum> =>
        engine.request('shuffled', { document, layer: name, settings: { farms } });
      const found = await ask();
      const own = await engine.request('spectrum', { document, layer: name, settings: { farms } });
      assert.equal(found.eigenvalues.length, own.eigenvalues.length);
      const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
      assert.ok(Math.abs(sum(found.eigenvalues) / sum(own.eigenvalues) - 1) < 1e-9, 'Σλ = Σw², whatever the order');
      assert.notDeepEqual(found.eigenvalues, own.eigenvalues);
      assert.deepEqual([found.seed, found.shuffles], [20190124, 2]);
      const { randomised } = await inspected(name, { randomise: true, shuffles: 2 });
      assert.deepEqual(found.edge, randomised!.edge);
      assert.deepEqual(await ask(), found);
    }
    await assert.rejects(
      engine.request('shuffled', { document, layer: 'tall', settings: { farms } }),
      /tall was not shuffled: the matrix is too large to be held/,
    );
  });

  it('says why a matrix that is not held is not shuffled', async () => {
    const layer = await inspected('tall', { randomise: true });
    assert.equal(layer.matrices, 1);
    assert.equal(layer.randomised!.status, 'failed');
    assert.match(layer.randomised!.reason!, /too large to be held/);
    assert.equal(layer.metrics.rand_distance, undefined);
  });

  it('tests a fit and tells its progress', async () => {
    const found = await goodness('random');
    assert.equal(found.status, 'success');
    assert.ok(found.p! >= 0 && found.p! <= 1 && found.replicates === 1000);
    assert.ok(engine.testing.every(({ layer, fraction }) => layer === 'random' && fraction > 0 && fraction <= 1));
    assert.deepEqual((await inspected('random', { goodness: true })).goodness, found);
  });

  it('stops a test that is cancelled and stays usable', async () => {
    await inspected('large');
    const source = new CancellationTokenSource();
    const cancelled = goodness('large', source);
    source.cancel();
    await assert.rejects(cancelled, (error: unknown) => problemOf(error).code === 'cancelled');
    assert.equal((await goodness('conv')).status, 'success');
  });

  it('has no FARMS alpha where the windows have one eigenvalue each', async () => {
    for (const fit of ['KS', 'xmin_mid', 'xmin_peak'] as const) {
      const layer = await inspected('rankOne', { farms: { ...DEFAULT_FARMS, rows: 16, ops: 8, fit } });
      assert.equal(layer.farms!.windows_total, 64);
      assert.deepEqual([layer.farms!.status, layer.farms!.alpha], ['failed', null]);
      assert.match(
        layer.farms!.reason!,
        /needs 10 eigenvalues above the rounding of F32 and finds 1 of 16 in each matrix/,
      );
    }
  });

  for (const name of ['zero', 'outlier', 'rankOne', 'row', 'one', 'denormal']) {
    it(`has a number or a reason everywhere: ${name}`, async () => {
      const layer = await inspected(name, { randomise: true, goodness: true });
      if (layer.matrices === 0) {
        assert.match(layer.noSpectrum ?? '', /\w{3}/);
        return;
      }
      for (const [key, value] of Object.entries(layer.metrics)) {
        if (value === null) assert.match(layer.missing![key] ?? '', /\w{3}/, key);
        else assert.ok(Number.isFinite(value), `${key}: ${value}`);
      }
      assert.equal(layer.fits.KS!.status === 'success', layer.tail_shape!.status === 'success');
      assert.equal(layer.fits.KS!.status === 'success', layer.goodness!.status === 'success');
      if (layer.fits.KS!.status === 'failed') {
        for (const key of ['alpha', 'alpha_weighted', 'log_alpha_norm', 'ww_pl_tail_mass'] as const)
          assert.equal(layer.metrics[key], null);
        assert.match(layer.goodness!.reason!, /no power law was fitted: \w/);
      }
    });
  }
});
