/** The tests of a layer that are made on request, and awkward layers, through the engine as the terminal starts it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../extension/engine/cliArguments';
import { Engine, type EngineOptions } from '../../extension/engine/engine';
import { layerGoodness } from '../../extension/engine/layerGoodness';
import type { InspectSettings, LayerResult } from '../../extension/protocol';
import { uniform, writeSafetensors } from '../harness/madeCheckpoints';
import { repositoryRoot } from '../harness/shared';
import { WorkerPool } from '../../extension/engine/workerPool';

const farms = { ...DEFAULT_FARMS, enabled: false };

describe('tests of a layer on request', function () {
  this.timeout(120_000);
  let folder: string;
  let engine: Engine;
  let model: string;
  const testing: number[] = [];

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-tests-'));
    const outlier = uniform(60 * 40, 5).map((value, i) => (i === 777 ? 1e30 : value));
    const rankOne = Float32Array.from({ length: 60 * 40 }, (_, i) => (1 + Math.floor(i / 40)) * (1 + (i % 40)));
    model = writeSafetensors(path.join(folder, 'model.safetensors'), [
      { name: 'random', shape: [90, 60], values: uniform(5400, 1) },
      { name: 'conv', shape: [24, 20, 3, 3], values: uniform(24 * 20 * 9, 2) },
      { name: 'large', shape: [500, 400], values: uniform(200_000, 3) },
      { name: 'zero', shape: [60, 40], values: new Float32Array(2400) },
      { name: 'outlier', shape: [60, 40], values: outlier },
      { name: 'rankOne', shape: [60, 40], values: rankOne },
      { name: 'row', shape: [1, 500], values: uniform(500, 4) },
      { name: 'one', shape: [1, 1], values: Float32Array.of(3) },
      { name: 'denormal', shape: [60, 40], values: uniform(2400, 6).map((value) => value * 1e-42) },
    ]);
    const options: EngineOptions = {
      ...{ cacheFolder: undefined, threads: 1, memoryLimit: 512 * 1024 * 1024 },
      notify: (name, params) => {
        if (name === 'testing') testing.push((params as { fraction: number }).fraction);
      },
    };
    engine = new Engine(options);
    Object.assign(engine, { pool: new WorkerPool(1, path.join(repositoryRoot, 'dist', 'worker.js')) });
  });
  after(async () => {
    await engine.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  async function inspected(name: string, settings: Partial<InspectSettings> = {}): Promise<LayerResult> {
    const document = await engine.open(model);
    const signal = new AbortController().signal;
    return (await engine.outcome(document, name, { farms, ...settings }, signal)).result;
  }

  for (const name of ['random', 'conv', 'large']) {
    it(`shuffles ${name} and leaves its own numbers as they are`, async () => {
      const plain = await inspected(name);
      const tested = await inspected(name, { randomise: true });
      assert.equal(plain.metrics.rand_distance, undefined);
      assert.equal(plain.randomised, undefined);
      assert.equal(tested.randomised!.status, 'success');
      for (const [key, value] of Object.entries(plain.metrics)) assert.equal(tested.metrics[key], value, key);
      assert.deepEqual(tested.ranks, plain.ranks);
      // Uniform entries are random in any order.
      assert.ok(tested.metrics.rand_distance! < 0.05, `${tested.metrics.rand_distance!}`);
      assert.ok(Math.abs(tested.metrics.max_rand_eval! / tested.metrics.spectral_norm! - 1) < 0.2);
    });
  }

  it('tests a fit, tells its progress, and can be cancelled', async () => {
    const { handle } = await engine.open(model);
    testing.length = 0;
    const controller = new AbortController();
    const found = await layerGoodness(engine, handle, 'random', { farms }, controller.signal);
    assert.equal(found.status, 'success');
    assert.ok(found.p! >= 0 && found.p! <= 1 && found.replicates === 1000);
    assert.ok(testing.every((fraction) => fraction > 0 && fraction <= 1));
    const cancelled = layerGoodness(engine, handle, 'large', { farms }, controller.signal);
    setTimeout(() => controller.abort(), 100);
    await assert.rejects(cancelled, { name: 'AbortError' });
    assert.deepEqual((await inspected('random', { goodness: true })).goodness, found);
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
        for (const key of ['alpha', 'alpha_weighted', 'log_alpha_norm', 'ww_pl_tail_mass'])
          assert.equal(layer.metrics[key], null);
        assert.match(layer.goodness!.reason!, /no power law was fitted: \w/);
      }
    });
  }
});
