/** Singular vectors, heat maps and the compression made with few directions, as the engine's process answers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CancellationTokenSource } from 'vscode-jsonrpc';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import type { SingularVectors } from '../../extension/shared/layers';
import { problemOf } from '../../extension/shared/rpc';
import { largestDifference, naiveProduct } from '../harness/numbers/denseReference';
import { EngineProcess } from '../harness/engineProcess';
import { makeRandomMatrix, uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { allowed, processorTime } from '../harness/machineSpeed';

const settings = { farms: DEFAULT_FARMS };

describe('singular vectors from the engine', () => {
  let folder: string;
  const engines: EngineProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-vectors-'));
  });
  afterEach(() => {
    for (const started of engines.splice(0)) started.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  function engine(memoryMegabytes = 1000): EngineProcess['request'] {
    const started = new EngineProcess({ threads: 1, memoryMegabytes });
    engines.push(started);
    return (method, params, token) => started.request(method, params, token);
  }

  /** Σ σ·u·vᵀ */
  function sum({ rows, cols, singularValues, left, right }: SingularVectors): Float64Array {
    const scaled = left.map((x, at) => x * singularValues[Math.floor(at / rows)]!);
    return naiveProduct(scaled, right, rows, cols, singularValues.length, true);
  }

  it('all of them make the matrix again: plain, wide, a kernel, an expert', async () => {
    const shapes = { tall: [60, 40], wide: [30, 70], 'conv.weight': [12, 5, 3, 3], 'experts.w': [3, 20, 16] };
    const tensors = Object.entries(shapes).map(([name, shape], seed) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return { name, shape, values: uniform(count, seed) };
    });
    const request = engine();
    const { document } = await request('open', { path: writeSafetensors(path.join(folder, 'm.safetensors'), tensors) });
    for (const [layer, rows, cols, seed, start] of [
      ['tall', 60, 40, 0, 0],
      ['wide', 30, 70, 1, 0],
      ['conv.weight', 12, 45, 2, 0],
      ['experts.w[2]', 20, 16, 3, 2 * 20 * 16],
    ] as const) {
      const found = await request('singularVectors', { document, layer });
      assert.deepEqual([found.rows, found.cols, found.singularValues.length], [rows, cols, Math.min(rows, cols)]);
      const elements = Float64Array.from(tensors[seed]!.values.subarray(start, start + rows * cols));
      assert.ok(largestDifference(sum(found), elements) <= 1e-12, layer);
      const { vectors } = await request('vectorMetrics', { document, layer, count: 3 });
      const sigma = Float64Array.from(vectors, (vector) => vector.sigma);
      assert.ok(largestDifference(sigma, found.singularValues.slice(0, 3)) <= 1e-12);
      assert.ok(vectors.every(({ residual }) => residual <= 1e-12));
      assert.ok(vectors.every(({ left }) => left.localization_ratio > 1 && left.localization_ratio <= rows));
      assert.ok(
        vectors.every(({ right }) => right.participation_ratio > 1 && right.participation_ratio <= cols ** 0.25),
      );
    }
  });

  it('are the same from a matrix that is too large to hold', async () => {
    const file = writeSafetensors(path.join(folder, 'm.safetensors'), [
      { name: 'embed', shape: [16_000, 300], values: uniform(16_000 * 300, 5) },
    ]);
    const [found, streamed] = await Promise.all(
      [1000, 40].map(async (megabytes) => {
        const request = engine(megabytes);
        const { document } = await request('open', { path: file });
        return request('singularVectors', { document, layer: 'embed', count: 4 });
      }),
    );
    assert.ok(largestDifference(streamed!.singularValues, found!.singularValues) <= 1e-10);
    assert.ok(largestDifference(streamed!.right, found!.right) <= 1e-7);
    assert.ok(streamed!.residuals.every((residual) => residual <= 1e-9 * streamed!.singularValues[0]!));
  });

  it('that do not fit are refused with what they need', async () => {
    const request = engine(64);
    const { document } = await request('open', { path: makeRandomMatrix(folder, 1500, 1500) });
    await assert.rejects(
      request('singularVectors', { document, layer: 'weight' }),
      /the 1500 largest singular vectors of weight need about \d+ MB and all layers in work may use 64 MB; raise the memory limit or ask for fewer vectors/,
    );
    assert.equal((await request('vectorMetrics', { document, layer: 'weight', count: 2 })).vectors.length, 2);
  });

  it('stop within moments of a cancel', async () => {
    const request = engine();
    const { document } = await request('open', { path: makeRandomMatrix(folder, 2500, 2500) });
    const source = new CancellationTokenSource();
    const asked = request('singularVectors', { document, layer: 'weight' }, source.token);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const cancelled = processorTime();
    source.cancel();
    await assert.rejects(asked, (error: unknown) => problemOf(error).code === 'cancelled');
    const computed = processorTime() - cancelled;
    assert.ok(computed < allowed(3000), `computed for ${computed.toFixed(0)} ms after the cancel`);
  });

  it('of NaN and of vectors are refused, and the picture shows where the NaN are', async () => {
    const values = uniform(300 * 300, 1);
    values[301] = NaN;
    const request = engine();
    const file = writeSafetensors(path.join(folder, 'm.safetensors'), [
      { name: 'w', shape: [300, 300], values },
      { name: 'b', shape: [7], values: uniform(7, 1) },
    ]);
    const { document } = await request('open', { path: file });
    const asked = request('singularVectors', { document, layer: 'w', count: 1 });
    await assert.rejects(asked, /w holds NaN at row 1, column 1: it has no singular vectors/);
    await assert.rejects(request('singularVectors', { document, layer: 'b', count: 1 }), /1-D tensor/);
    await assert.rejects(request('heatMap', { document, layer: 'b', order: 0 }), /1-D tensor/);
    const map = await request('heatMap', { document, layer: 'w', order: 0 });
    assert.equal(map.notFinite[0], 1);
    assert.equal(
      map.notFinite.reduce((total, count) => total + count, 0),
      1,
    );
  });

  it('order the picture', async () => {
    const request = engine();
    const [rows, cols] = [40, 30];
    const u = Float64Array.from({ length: rows }, (_, i) => Math.sin(7 * i + 1));
    const v = Float64Array.from({ length: cols }, (_, j) => Math.cos(5 * j));
    const values = Float32Array.from({ length: rows * cols }, (_, at) => u[Math.floor(at / cols)]! * v[at % cols]!);
    const file = writeSafetensors(path.join(folder, 'm.safetensors'), [{ name: 'w', shape: [rows, cols], values }]);
    const { document } = await request('open', { path: file });
    const stored = await request('heatMap', { document, layer: 'w', order: 0 });
    assert.deepEqual(stored.mean, Float64Array.from(values));
    const { mean } = await request('heatMap', { document, layer: 'w', order: 1 });
    const sign = u.reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0) < 0 ? -1 : 1;
    const expected = naiveProduct(
      u
        .map((x) => sign * x)
        .sort()
        .reverse(),
      v
        .map((x) => sign * x)
        .sort()
        .reverse(),
      rows,
      cols,
      1,
    );
    assert.ok(largestDifference(mean, expected) < 1e-6);
  });

  it('make a compression that is as good as the whole spectrum’s', async () => {
    const request = engine();
    const { document } = await request('open', { path: makeRandomMatrix(folder, 1650, 1600) });
    const rank = { kind: 'rank', rank: 12 } as const;
    const target = path.join(folder, 'compressed.safetensors');
    const save = { layer: 'weight', method: 'svd', rank, output: 'factors', target } as const;
    // Nothing is known of the spectrum yet: this is the terminal's way.
    const saved = await request('saveCompressed', { document, request: save, settings });
    const params = { document, layer: 'weight', method: 'svd', rank, settings };
    const { relative_error } = await request('previewCompression', params);
    assert.ok(Math.abs(saved.relative_error / relative_error - 1) <= 1e-6);
    assert.ok(Math.abs(saved.measured_error / relative_error - 1) <= 1e-6);
    assert.ok(saved.relative_error >= relative_error * (1 - 1e-9));
  });
});
