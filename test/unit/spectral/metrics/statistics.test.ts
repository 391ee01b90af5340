/** Streaming statistics against the two-pass definition, whatever the chunks; the element histogram by counting. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { loadElementKernels } from '../../../../extension/linalg/kernels/elementKernels';
import type { TensorStatistics } from '../../../../extension/shared/layers';
import {
  blockMoments,
  elementHistogram,
  emptyHistogram,
  hasRepresentableSquares,
  StatisticsAccumulator,
} from '../../../../extension/spectral/metrics/statistics';

type Moments = ConstructorParameters<typeof StatisticsAccumulator>[0];

function statisticsBy(moments: Moments): (...chunks: number[][]) => TensorStatistics {
  return (...chunks) => {
    const accumulator = new StatisticsAccumulator(moments);
    for (const chunk of chunks) accumulator.add(Float64Array.from(chunk));
    return accumulator.result();
  };
}

function assertClose(ours: number | null, expected: number, scale: number): void {
  assert.ok(ours !== null && Math.abs(ours - expected) <= 1e-12 * scale, `${ours} and not ${expected}`);
}

const number = fc.oneof(
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).filter((value) => Math.abs(value) > 1e-100),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 1, -1),
);

const implementations: [string, Moments][] = [
  ['plain', blockMoments],
  ['kernel', loadElementKernels().moments],
];

for (const [name, moments] of implementations) {
  describe(`statistics: ${name}`, () => {
    const statistics = statisticsBy(moments);

    it('1, 2, 3, 4 by hand', () => {
      assert.deepEqual(statistics([1, 2, 3, 4]), {
        count: 4,
        min: 1,
        max: 4,
        mean: 2.5,
        std: Math.sqrt(1.25),
        l2: Math.sqrt(30),
        zeros: 0,
        nan: 0,
        inf: 0,
      });
    });

    it('agree with two passes over the finite elements, in any chunks', () => {
      fc.assert(
        fc.property(fc.array(fc.array(number, { maxLength: 60 }), { maxLength: 5 }), (chunks) => {
          const all = chunks.flat();
          const finite = all.filter(Number.isFinite);
          const found = statistics(...chunks);
          assert.equal(found.count, all.length);
          assert.equal(found.nan, all.filter(Number.isNaN).length);
          assert.equal(found.inf, all.length - finite.length - found.nan);
          assert.equal(found.zeros, finite.filter((value) => value === 0).length);
          const first = all.findIndex((value) => !Number.isFinite(value));
          assert.equal(found.first_not_finite, first === -1 ? undefined : first);
          if (finite.length === 0) {
            assert.deepEqual([found.min, found.max, found.mean, found.std, found.l2], [null, null, null, null, null]);
            return;
          }
          const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
          const variance = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / finite.length;
          const extent = Math.max(...finite.map(Math.abs), 1e-300);
          assert.ok(found.min === Math.min(...finite) && found.max === Math.max(...finite));
          assertClose(found.mean, mean, extent);
          assertClose(found.std, Math.sqrt(variance), extent);
          assertClose(
            found.l2,
            Math.sqrt(finite.reduce((sum, value) => sum + value * value, 0)),
            extent * finite.length,
          );
        }),
      );
    });

    it('keep the deviation of numbers far from zero', () => {
      const found = statistics(Array.from({ length: 20_001 }, (_, index) => 1e9 + (index % 3) - 1));
      assert.ok(Math.abs(found.std! - Math.sqrt(2 / 3)) < 1e-9);
      assert.ok(Math.abs(found.mean! - 1e9) < 1e-6);
    });

    it('keep squares that leave the range of a double', () => {
      const large = statistics([3e200, -4e200]);
      assertClose(large.l2! / 1e200, 5, 1);
      assertClose(large.std! / 1e200, 3.5, 1);
      const tiny = statistics([3e-200, 4e-200]);
      assertClose(tiny.l2! * 1e200, 5, 1);
      assertClose(tiny.std! * 1e200, 0.5, 1);
      const widest = statistics([Number.MAX_VALUE, Number.MAX_VALUE]);
      assert.equal(widest.mean, Number.MAX_VALUE);
      assert.equal(widest.nan + widest.inf, 0);
    });

    it('merge as if the elements had followed', () => {
      fc.assert(
        fc.property(fc.array(number, { maxLength: 50 }), fc.array(number, { maxLength: 50 }), (a, b) => {
          const [left, right] = [a, b].map((list) => {
            const accumulator = new StatisticsAccumulator(moments);
            accumulator.add(Float64Array.from(list));
            return accumulator;
          });
          left!.merge(right!);
          const merged = left!.result();
          const whole = statistics(a, b);
          for (const key of ['count', 'min', 'max', 'zeros', 'nan', 'inf', 'first_not_finite'] as const) {
            assert.equal(merged[key], whole[key], key);
          }
          for (const key of ['mean', 'std', 'l2'] as const) {
            if (whole[key] === null) assert.equal(merged[key], null);
            else assertClose(merged[key], whole[key], 1e6);
          }
        }),
      );
    });

    it('of nothing', () => {
      assert.deepEqual(statistics(), {
        ...{ count: 0, min: null, max: null, mean: null, std: null, l2: null },
        ...{ zeros: 0, nan: 0, inf: 0 },
      });
    });
  });
}

describe('range of the squares', () => {
  it('is left by elements beyond 1e150 and by a tensor wholly below 1e-140, of either sign', () => {
    const fits = (...elements: number[]): boolean => hasRepresentableSquares(statisticsBy(blockMoments)(elements));
    assert.deepEqual([fits(1e150), fits(-1e150), fits(1e-140), fits(-1e-140, 0)], [true, true, true, true]);
    assert.deepEqual(
      [fits(1.1e150, 1), fits(1, -1.1e150), fits(0.9e-140), fits(-5e-324)],
      [false, false, false, false],
    );
    // Zeros have exact squares, and so has nothing at all.
    assert.deepEqual([fits(0, -0), fits(), fits(1, 1e-300)], [true, true, true]);
  });
});

describe('element histogram', () => {
  it('counts every finite element once, in the bin whose edges hold it', () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 200 }), fc.integer({ min: 1, max: 40 }), (list, bins) => {
        const values = Float64Array.from(list);
        const histogram = emptyHistogram(statisticsBy(blockMoments)(list), bins);
        elementHistogram(values.subarray(0, 10), histogram);
        elementHistogram(values.subarray(10), histogram);
        const { edges, counts } = histogram;
        assert.equal(edges.length, counts.length + 1);
        const finite = list.filter(Number.isFinite);
        assert.equal(
          counts.reduce((sum, count) => sum + count, 0),
          finite.length,
        );
        const width = edges[1]! - edges[0]!;
        for (const [bin, count] of counts.entries()) {
          const within = finite.filter(
            (value) => value > edges[bin]! + 1e-9 * width && value < edges[bin + 1]! - 1e-9 * width,
          );
          assert.ok(count >= within.length);
        }
      }),
    );
  });

  it('of elements a few units in the last place apart goes by the edges as they are', () => {
    const elements = Float64Array.of(-999999.9999999992, -1000000, -999999.9999999981);
    const { edges, counts } = elementHistogram(elements, emptyHistogram({ min: -1e6, max: elements[2]! }, 21));
    const bin = edges.findLastIndex((edge) => edge <= elements[0]!);
    assert.equal(counts[bin], 1);
  });

  it('of equal elements puts them into the middle', () => {
    for (const value of [0, 7, -2e-30]) {
      const histogram = emptyHistogram({ min: value, max: value }, 5);
      elementHistogram(new Float64Array(3).fill(value), histogram);
      assert.deepEqual([...histogram.counts], [0, 0, 3, 0, 0]);
    }
  });

  it('of the widest range of doubles', () => {
    const histogram = emptyHistogram({ min: -Number.MAX_VALUE, max: Number.MAX_VALUE }, 4);
    elementHistogram(Float64Array.of(-Number.MAX_VALUE, -1e307, 1e307, Number.MAX_VALUE), histogram);
    assert.deepEqual([...histogram.counts], [1, 1, 1, 1]);
    assert.ok(histogram.edges.every(Number.isFinite));
  });

  it('of no finite elements is empty', () => {
    const { counts } = elementHistogram(Float64Array.of(NaN, Infinity), emptyHistogram({ min: null, max: null }, 3));
    assert.deepEqual([...counts], [0, 0, 0]);
  });
});
