/** Curves of a spectrum: counts that add up, densities that integrate to one, tails that fit what they were fitted to. */
import assert from 'node:assert/strict';
import { withExactZeros } from '../../../extension/shared/numericalZero';
import fc from 'fast-check';
import {
  ccdf,
  logDensity,
  logHistogram,
  positivePart,
  rankedCurve,
  singularValues,
  tailCcdf,
  tailCounts,
} from '../../../extension/spectral/esd';
import { fitPowerLaw } from '../../../extension/spectral/tail/powerLaw';

const spectrum = fc
  .array(fc.oneof(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), fc.constantFrom(0, -1e-20, 1)), { maxLength: 80 })
  .map((values) => Float64Array.from(values).sort());

function pareto(n: number, alpha: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => ((n - i - 0.5) / n) ** (-1 / (alpha - 1)));
}

describe('log histogram', () => {
  it('counts every eigenvalue in a bin or among the zeros', () => {
    fc.assert(
      fc.property(spectrum, (values) => {
        const { edges, counts, zeros } = logHistogram(values, 20);
        assert.equal(counts.reduce((sum, count) => sum + count, 0) + zeros, values.length);
        assert.equal(
          zeros,
          values.filter((value) => value <= 0 || value <= values.length * Number.EPSILON * values.at(-1)!).length,
        );
        if (counts.length > 0) assert.equal(edges.length, counts.length + 1);
      }),
    );
  });

  it('bins by decade', () => {
    const { edges, counts } = logHistogram(Float64Array.of(0.1, 0.5, 2, 30, 50, 1000), 4);
    assert.deepEqual([...edges], [-1, 0, 1, 2, 3]);
    assert.deepEqual([...counts], [2, 1, 2, 1]);
  });

  it('gives equal eigenvalues a decade of room', () => {
    const { edges, counts } = logHistogram(new Float64Array(4).fill(10), 3);
    assert.deepEqual([edges[0], edges[3]], [0.5, 1.5]);
    assert.deepEqual([...counts], [0, 4, 0]);
  });
});

describe('log density', () => {
  it('integrates to one', () => {
    for (const values of [pareto(300, 2.2), Float64Array.of(1, 1, 1, 5), Float64Array.of(3)]) {
      const { x, y } = logDensity(values, 400);
      const step = x[1]! - x[0]!;
      const area = y.reduce((sum, value) => sum + value * step, 0);
      assert.ok(Math.abs(area - 1) < 0.02, `${area}`);
    }
  });

  it('is empty without positive eigenvalues', () => {
    assert.equal(logDensity(new Float64Array(5)).x.length, 0);
  });
});

describe('complementary distribution', () => {
  it('is the share of eigenvalues at least as large', () => {
    const { x, y } = ccdf(Float64Array.of(0, 1, 2, 4));
    assert.deepEqual([...x], [1, 2, 4]);
    assert.deepEqual([...y], [0.75, 0.5, 0.25]);
  });

  it('thinned keeps both ends and points of the whole', () => {
    const values = pareto(5000, 2.5);
    const all = ccdf(values);
    const thin = ccdf(values, 100);
    assert.ok(thin.x.length <= 100 && thin.x.length > 40);
    assert.deepEqual([thin.x[0], thin.x.at(-1)], [all.x[0], all.x.at(-1)]);
    for (const [index, lambda] of thin.x.entries()) assert.equal(thin.y[index], all.y[all.x.indexOf(lambda)]);
  });

  it('meets the line of its own fit', () => {
    const values = pareto(2000, 2.5);
    const fit = fitPowerLaw(values, 'KS', { zeroFilter: false });
    const { x, y } = tailCcdf(fit, values.length);
    const share = (lambda: number): number => values.filter((value) => value >= lambda).length / values.length;
    assert.equal(y[0], share(x[0]!));
    const middle = Math.sqrt(x[0]! * x[1]!);
    const line = y[0] * (middle / x[0]!) ** (1 - fit.alpha!);
    assert.ok(Math.abs(line - share(middle)) < 2 * fit.D!);
    assert.equal(tailCcdf({ alpha: null, xmin: null, xmax: null, num_pl_spikes: null }, 5).x.length, 0);
  });
});

describe('expected counts of a tail', () => {
  it('add up to the tail where the bins reach far', () => {
    const edges = Float64Array.from({ length: 60 }, (_, index) => -1 + index / 4);
    const counts = tailCounts({ alpha: 3, xmin: 2, num_pl_spikes: 50 }, edges);
    assert.ok(Math.abs(counts.reduce((sum, count) => sum + count, 0) - 50) < 1e-6);
    assert.equal(counts[0], 0);
    assert.deepEqual([...tailCounts({ alpha: null, xmin: null, num_pl_spikes: null }, edges.subarray(0, 3))], [0, 0]);
  });
});

describe('ranked curve', () => {
  it('singular values descend and are never NaN', () => {
    assert.deepEqual([...singularValues(Float64Array.of(-1e-18, 4, 9))], [3, 2, 0]);
  });

  it('takes at most the points asked for, first and last among them', () => {
    const values = Float64Array.from({ length: 500 }, (_, index) => 10 ** (index / 100));
    const curve = rankedCurve(values, 64);
    assert.equal(curve.length, 64);
    assert.ok(Math.abs(curve[0]! - 4.99 / 2) < 1e-12 && Math.abs(curve[63]!) < 1e-12);
    assert.deepEqual(rankedCurve(Float64Array.of(0, 100), 64), [1]);
    assert.deepEqual(rankedCurve(new Float64Array(3), 64), []);
  });

  it('positive part leaves numerical zeros out', () => {
    assert.deepEqual([...positivePart(withExactZeros(Float64Array.of(-1, 0, 1e-17, 1e-3, 1)))], [1e-3, 1]);
    assert.equal(positivePart(new Float64Array(0)).length, 0);
  });
});
