/** Curves of a spectrum: counts that add up, and curves that keep both ends. */
import assert from 'node:assert/strict';
import { withExactZeros } from '../../../extension/shared/numericalZero';
import fc from 'fast-check';
import { logHistogram, rankedCurve } from '../../../extension/spectral/esd';

const spectrum = fc
  .array(fc.oneof(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), fc.constantFrom(0, -1e-20, 1)), { maxLength: 80 })
  .map((values) => Float64Array.from(values).sort());

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

describe('ranked curve', () => {
  it('takes at most the points asked for, first and last among them', () => {
    const values = Float64Array.from({ length: 500 }, (_, index) => 10 ** (index / 100));
    const curve = rankedCurve(values, 64);
    assert.equal(curve.length, 64);
    assert.ok(Math.abs(curve[0]! - 4.99 / 2) < 1e-12 && Math.abs(curve[63]!) < 1e-12);
    assert.deepEqual(rankedCurve(Float64Array.of(0, 100), 64), [1]);
    assert.deepEqual(rankedCurve(new Float64Array(3), 64), []);
  });

  it('leaves numerical zeros out', () => {
    const values = withExactZeros(Float64Array.of(-1, 0, 1e-17, 1e-2, 1));
    assert.deepEqual(rankedCurve(values, 64), [0, -1]);
  });
});
