/** Where FARMS windows lie, the order of an adaptive run, and how sure the bootstrap is. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { gram } from '../../../../extension/linalg/gram/gram';
import { kernelTwin } from '../../../../extension/linalg/kernels/kernelTwin';
import { symmetricEigenvalues } from '../../../../extension/linalg/eigen/symmetricEigenvalues';
import type { FitRule } from '../../../../extension/shared/layers';
import { estimateAlpha } from '../../../../extension/spectral/tail/bootstrap';
import {
  adaptiveOrder,
  farmsConvBlocks,
  farmsWindows,
  fitFarmsBlocks,
  fitFarmsWindows,
  poolEigenvalues,
} from '../../../../extension/spectral/farms/farms';
import { fitPowerLaw } from '../../../../extension/spectral/tail/powerLaw';
import { uniform } from '../../../harness/numbers/hardSpectra';

describe('FARMS windows', () => {
  it('are those of the reference: 4096 × 11008, 2000 rows, 10 a side', () => {
    const { windows, window } = farmsWindows(4096, 11008, { rows: 2000, q: 1, ops: 10 });
    assert.deepEqual(window, [2000, 2000]);
    assert.equal(windows.length, 100);
    // Steps ⌊2096/9⌋ = 232 and ⌊9008/9⌋ = 1000.
    assert.deepEqual(windows[1], { row: 0, col: 1000, rows: 2000, cols: 2000 });
    assert.deepEqual(windows[99], { row: 9 * 232, col: 9000, rows: 2000, cols: 2000 });
  });

  it('a small matrix is one window', () => {
    const { windows } = farmsWindows(64, 64, { rows: 2000, q: 1, ops: 10 });
    assert.deepEqual(windows, [{ row: 0, col: 0, rows: 64, cols: 64 }]);
  });

  it('a window that would be too wide takes all columns', () => {
    const { windows, window } = farmsWindows(100, 50, { rows: 40, q: 2, ops: 10 });
    assert.deepEqual(window, [25, 50]);
    // Step ⌊75/9⌋ = 8, ten windows down.
    assert.deepEqual(
      windows.map(({ row }) => row),
      [0, 8, 16, 24, 32, 40, 48, 56, 64, 72],
    );
  });

  it('more operations than positions give every position once', () => {
    const { windows } = farmsWindows(12, 10, { rows: 10, q: 1, ops: 10 });
    assert.deepEqual(
      windows.map(({ row, col }) => [row, col]),
      [
        [0, 0],
        [1, 0],
        [2, 0],
      ],
    );
  });

  it('lie within the matrix and keep their aspect ratio', () => {
    const size = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(
        size,
        size,
        size,
        fc.constantFrom(0.25, 0.5, 1, 1.5, 2, 4),
        fc.integer({ min: 1, max: 15 }),
        (rows, cols, r, q, ops) => {
          const { windows, window } = farmsWindows(rows, cols, { rows: r, q, ops });
          assert.ok(windows.length >= 1 && windows.length <= ops * ops);
          assert.equal(new Set(windows.map(({ row, col }) => `${row},${col}`)).size, windows.length);
          for (const part of windows) {
            assert.deepEqual([part.rows, part.cols], window);
            assert.ok(part.rows >= 1 && part.cols >= 1 && part.row >= 0 && part.col >= 0);
            assert.ok(part.row + part.rows <= rows && part.col + part.cols <= cols);
          }
          if (window[0] > 8 && window[1] > 8) assert.ok(Math.abs(window[1] / window[0] / q - 1) < 0.2);
        },
      ),
    );
  });

  it('conv blocks follow the tall side', () => {
    assert.deepEqual(farmsConvBlocks(128, 60, 1).windows, [
      { row: 0, col: 0, rows: 60, cols: 60 },
      { row: 60, col: 0, rows: 60, cols: 60 },
    ]);
    assert.deepEqual(farmsConvBlocks(60, 128, 1).windows, [
      { row: 0, col: 0, rows: 60, cols: 60 },
      { row: 0, col: 60, rows: 60, cols: 60 },
    ]);
    assert.deepEqual(farmsConvBlocks(128, 64, 2).windows, [
      { row: 0, col: 0, rows: 32, cols: 64 },
      { row: 32, col: 0, rows: 32, cols: 64 },
    ]);
    assert.deepEqual(farmsConvBlocks(64, 64, 0.5), {
      windows: [{ row: 0, col: 0, rows: 64, cols: 32 }],
      window: [64, 32],
    });
    assert.deepEqual(farmsConvBlocks(5, 1, 2).window, [1, 1]);
  });
});

describe('adaptive order', () => {
  it('takes every window once, and the same way each time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 200 }),
        fc.integer({ min: 8, max: 200 }),
        fc.integer({ min: 1, max: 15 }),
        (rows, cols, ops) => {
          const { windows } = farmsWindows(rows, cols, { rows: 8, q: 1, ops });
          const order = adaptiveOrder(windows);
          assert.deepEqual(
            [...order].sort((a, b) => a - b),
            windows.map((_, index) => index),
          );
          assert.deepEqual(adaptiveOrder(windows), order);
        },
      ),
    );
  });

  it('covers the matrix evenly from the start', () => {
    const { windows } = farmsWindows(1000, 1000, { rows: 100, q: 1, ops: 10 });
    for (const count of [8, 16, 32]) {
      const quadrants = [0, 0, 0, 0];
      for (const index of adaptiveOrder(windows).slice(0, count)) {
        const { row, col } = windows[index]!;
        quadrants[(row >= 450 ? 2 : 0) + (col >= 450 ? 1 : 0)]!++;
      }
      assert.ok(Math.min(...quadrants) >= count / 8, `${count}: ${quadrants.join()}`);
    }
  });
});

/** n quantiles of a Pareto law, moved by a factor: what a window of a heavy-tailed matrix looks like. */
function spectrum(n: number, alpha: number, factor = 1): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => factor * ((n - i - 0.5) / n) ** (-1 / (alpha - 1)));
}

/** `xmin_peak` as the authors' program has it: numpy's histogram, then every candidate. */
function referencePeak(list: number[]): { alpha: number; D: number } {
  const values = list.filter((value) => value > 0).sort((a, b) => a - b);
  const logs = values.map(Math.log10);
  const [low, high] = [logs[0]!, logs.at(-1)!];
  const counts = new Array<number>(100).fill(0);
  for (const log of logs) counts[Math.min(99, Math.floor(((log - low) / (high - low)) * 100))]!++;
  const peak = 10 ** (low + (counts.indexOf(Math.max(...counts)) / 100) * (high - low));
  let best = { alpha: NaN, D: Infinity };
  for (let index = 0; index < values.length - 1; index++) {
    const xmin = values[index]!;
    if (xmin < Math.log10(0.95 * peak) || xmin > 1.5 * peak) continue;
    const tail = values.slice(index);
    const alpha = 1 + tail.length / tail.reduce((sum, value) => sum + Math.log(value / xmin), 0);
    const D = Math.max(...tail.map((value, j) => Math.abs(1 - (value / xmin) ** (1 - alpha) - j / tail.length)));
    if (D < best.D) best = { alpha, D };
  }
  return best;
}

describe('FARMS fits', () => {
  it('pool the windows in ascending order', () => {
    assert.deepEqual([...poolEigenvalues([Float64Array.of(1, 5), Float64Array.of(0.5, 2, 9)])], [0.5, 1, 2, 5, 9]);
  });

  it('take for zeros what is rounding beside the largest value of its own window', () => {
    const [outlier, plain] = [Float64Array.of(-1e-9, 1e-10, 1, 1e6), Float64Array.of(1e-17, 1e-10, 1e-9, 1)];
    assert.deepEqual([...poolEigenvalues([outlier, plain])], [0, 0, 0, 1e-10, 1e-9, 1, 1, 1e6]);
  });

  it('are those of the reference program beside an outlier of 1e3', () => {
    const [rows, cols, side] = [300, 200, 64];
    const random = uniform(3);
    const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
    const matrix = Float64Array.from({ length: rows * cols }, (_, i) => (i === 0 ? 1e3 : 0.001 * normal()));
    const { windows } = farmsWindows(rows, cols, { rows: side, q: 1, ops: 10 });
    const spectra = windows.map(({ row, col }) => {
      const part = Float64Array.from(
        { length: side * side },
        (_, at) => matrix[(row + Math.floor(at / side)) * cols + col + (at % side)]!,
      );
      const { matrix: product, n } = gram(part, side, side, kernelTwin);
      return symmetricEigenvalues(product, n, { kernels: kernelTwin });
    });
    const { alpha, D } = fitFarmsWindows(poolEigenvalues(spectra), 'xmin_peak', side);
    const above = (values: Float64Array, largest: number): number[] =>
      [...values].filter((value) => value > side * Number.EPSILON * largest);
    const reference = referencePeak(spectra.flatMap((values) => above(values, values.at(-1)!)));
    assert.ok(Math.abs(alpha! / reference.alpha - 1) < 1e-9, `${alpha} and not ${reference.alpha}`);
    assert.ok(Math.abs(D! - reference.D) < 1e-9);
    // A threshold by the λ₁ of all windows together drops values of the others.
    const pooled = spectra.flatMap((values) => above(values, 1e6));
    assert.ok(Math.abs(referencePeak(pooled).alpha / reference.alpha - 1) > 0.01);
  });

  it('fail where the tail is where windows end, and not how their values are spread', () => {
    // As the square windows of an orthogonal matrix: λ up to a hard edge, near which they crowd.
    const edged = Array.from({ length: 10 }, (_, window) =>
      Float64Array.from({ length: 64 }, (_, i) => Math.sin(((i + 0.5 + 0.01 * window) * Math.PI) / 130) ** 2),
    );
    const fit = fitFarmsWindows(poolEigenvalues(edged), 'KS', 64);
    assert.equal(fit.status, 'failed', `alpha ${fit.alpha}`);
    assert.match(fit.reason!, /^the values of the tail lie within \d+(\.\d+)? % of each other/);
    const whole = fitPowerLaw(poolEigenvalues(edged), 'KS', { zeroFilter: false, dimension: 64, zero: 0 });
    assert.deepEqual([whole.status, whole.narrow, whole.reason], ['success', true, fit.reason]);
    assert.ok(whole.alpha! > 20, `${whole.alpha}`);
    const level = Float64Array.from({ length: 64 }, (_, i) => 1 + i / 1000);
    const blocks = [level, Float64Array.from({ length: 64 }, (_, i) => 1 / (i + 1)).sort()];
    assert.equal(fitFarmsBlocks(blocks, 'KS', 64).alpha, null, 'the mean over blocks hides one without a tail');
  });

  it('average alpha over the blocks of a convolution', () => {
    const blocks = [spectrum(200, 2), spectrum(200, 3)];
    const [a, b] = blocks.map((block) => fitFarmsWindows(block, 'xmin_mid', 200).alpha!);
    const fit = fitFarmsBlocks(blocks, 'xmin_mid', 200);
    assert.ok(Math.abs(fit.alpha! - (a! + b!) / 2) < 1e-12);
    assert.deepEqual([fit.xmin, fit.num_pl_spikes, fit.status], [null, null, 'success']);
    assert.deepEqual(fitFarmsBlocks(blocks.slice(0, 1), 'xmin_mid', 200), fitFarmsWindows(blocks[0]!, 'xmin_mid', 200));
  });

  it('fail for a matrix of rank 1: its windows have one eigenvalue each, nearly the same', () => {
    // λ of a window is the product of two squared norms.
    const windows = Array.from({ length: 100 }, (_, index) => {
      const values = new Float64Array(32);
      values[31] = (1 + 0.01 * Math.sin(index)) * (1 + 0.01 * Math.cos(3 * index));
      return values;
    });
    for (const rule of ['KS', 'xmin_mid', 'xmin_peak'] as const) {
      const fit = fitFarmsWindows(poolEigenvalues(windows), rule, 32);
      assert.equal(fit.alpha, null);
      assert.match(fit.reason!, /finds 1 of 32 in each matrix/);
      assert.deepEqual(estimateAlpha(windows, 100, rule, 1), { alpha: null, interval: null });
    }
  });

  it('fail where every window has one eigenvalue: a column has windows of one element', () => {
    const { windows, window } = farmsWindows(356, 1, { rows: 2000, q: 1, ops: 15 });
    assert.deepEqual(window, [1, 1]);
    const spectra = windows.map((_, index) => Float64Array.of(1 / (index + 1)));
    assert.equal(spectra.length, 15);
    for (const rule of ['KS', 'xmin_mid', 'xmin_peak'] as const) {
      const fit = fitFarmsWindows(poolEigenvalues(spectra), rule, 1);
      assert.deepEqual([fit.status, fit.alpha], ['failed', null]);
      assert.match(fit.reason!, /^its windows have one eigenvalue each/);
      assert.deepEqual(estimateAlpha(spectra, 100, rule, 1), { alpha: null, interval: null });
      // A depthwise kernel: one element of all nine positions in each block.
      const blocks = Array.from({ length: 32 }, (_, block) => spectrum(9, 2, 1 + block));
      assert.match(fitFarmsBlocks(blocks, rule, 1).reason!, /^its windows have one eigenvalue each/);
    }
  });

  it('fail where all windows together have fewer than ten eigenvalues, and not one more', () => {
    for (const rule of ['KS', 'xmin_mid', 'xmin_peak'] as const) {
      const few = fitFarmsWindows(spectrum(9, 2), rule, 9);
      assert.equal(few.reason, 'a fit needs 10 eigenvalues above zero and all windows together have 9');
      assert.equal(fitFarmsWindows(spectrum(10, 2), rule, 10).status, 'success');
      const blocks = [spectrum(5, 2), spectrum(5, 2.5)];
      assert.equal(fitFarmsBlocks(blocks, rule, 5).status, 'success');
      assert.equal(fitFarmsBlocks(blocks.slice(0, 1), rule, 5).alpha, null);
    }
  });

  it('fail where one block cannot be fitted', () => {
    const fit = fitFarmsBlocks([spectrum(200, 2), new Float64Array(20)], 'xmin_mid', 200);
    assert.equal(fit.status, 'failed');
    assert.equal(fit.alpha, null);
  });
});

describe('bootstrap interval', () => {
  const windows = (count: number, spread: number): Float64Array[] =>
    Array.from({ length: count }, (_, index) => spectrum(400, 2 + spread * Math.sin(3 * index + 1)));
  const half = (spectra: Float64Array[], rule: FitRule, seed: number): number => {
    const [low, high] = estimateAlpha(spectra, 100, rule, seed).interval!;
    return (high - low) / 2;
  };

  for (const rule of ['KS', 'xmin_mid', 'xmin_peak'] as const) {
    it(`is around alpha, repeatable, and narrower with less spread (${rule})`, () => {
      const wide = estimateAlpha(windows(8, 0.2), 100, rule, 42);
      assert.deepEqual(estimateAlpha(windows(8, 0.2), 100, rule, 42), wide);
      assert.notDeepEqual(estimateAlpha(windows(8, 0.2), 100, rule, 43), wide);
      assert.equal(wide.alpha, fitFarmsWindows(poolEigenvalues(windows(8, 0.2)), rule, 400).alpha);
      const [low, high] = wide.interval!;
      if (rule === 'KS') assert.ok(low < wide.alpha! && wide.alpha! < high);
      else
        assert.ok(Math.abs((low - 1) * (high - 1) - (wide.alpha! - 1) ** 2) < 1e-9, 'not in the middle of ln(α − 1)');
      assert.ok(half(windows(8, 0.02), rule, 42) < (high - low) / 4);
    });
  }

  it('stays above 1, however far apart the windows are', () => {
    for (const rule of ['KS', 'xmin_mid', 'xmin_peak'] as const) {
      const apart = Array.from({ length: 3 }, (_, index) => spectrum(400, [1.2, 2, 9][index]!, 50 ** index));
      const { alpha, interval } = estimateAlpha(apart, 100, rule, 1);
      assert.ok(1 < interval![0] && interval![0] < alpha! && alpha! < interval![1], `${rule}: ${interval!.join()}`);
    }
  });

  it('holds every tail that KS settles on in some draws', () => {
    // Three windows in eight have a tail of their own, steeper and farther out, which KS takes where most draws are of them.
    const mixed = Array.from({ length: 8 }, (_, index) =>
      index >= 3 ? spectrum(400, 2.2) : Float64Array.from([...spectrum(300, 2.2), ...spectrum(100, 6, 10)]).sort(),
    );
    const { alpha, interval } = estimateAlpha(mixed, 100, 'KS', 1);
    const alone = fitFarmsWindows(poolEigenvalues(mixed.slice(0, 3)), 'KS', 400).alpha!;
    assert.ok(alone > 1.5 * alpha!, `both tails have about ${alone}: no test`);
    assert.ok(interval![0] <= alone && alone <= interval![1] + 1e-3, `${interval!.join()} without ${alone}`);
  });

  it('has the width of Student’s interval where alpha is nearly a mean over windows', () => {
    // With xmin_mid and equal windows but for their exponent, alpha is close to a mean of the windows' alphas.
    const count = 4;
    const list = windows(count, 0.05);
    const alphas = list.map((window) => fitFarmsWindows(window, 'xmin_mid', 400).alpha!);
    const mean = alphas.reduce((sum, alpha) => sum + alpha, 0) / count;
    const deviation = Math.sqrt(alphas.reduce((sum, alpha) => sum + (alpha - mean) ** 2, 0) / (count - 1));
    const expected = (3.182 * deviation) / Math.sqrt(count);
    const found = half(list, 'xmin_mid', 1);
    assert.ok(Math.abs(found / expected - 1) < 0.35, `${found} and not ${expected}`);
  });

  it('stops between resamples when its check throws', () => {
    let checks = 0;
    const check = (): void => {
      if (++checks === 3) throw new Error('cancelled');
    };
    assert.throws(() => estimateAlpha(windows(8, 0.2), 100, 'xmin_mid', 1, check), /cancelled/);
    assert.equal(checks, 3);
  });

  it('knows nothing from one window or from zeros', () => {
    assert.equal(estimateAlpha(windows(1, 0), 100, 'KS', 1).interval, null);
    const zeros = [new Float64Array(20), new Float64Array(20)];
    assert.deepEqual(estimateAlpha(zeros, 100, 'KS', 1), { alpha: null, interval: null });
    assert.deepEqual(estimateAlpha([], 100, 'KS', 1), { alpha: null, interval: null });
  });
});
