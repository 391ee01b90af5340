/** Power-law fits against the definition tried out on every tail, and against closed forms. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { PowerLawFit } from '../../../../extension/shared/layers';
import { poolEigenvalues } from '../../../../extension/spectral/farms/farms';
import { lowerBound, upperBound } from '../../../../extension/spectral/tail/bounds';
import { fitPowerLaw, tailAt } from '../../../../extension/spectral/tail/powerLaw';

interface NaiveTail {
  index: number;
  alpha: number;
  D: number;
}

/** Every tail of the values, straight from the definition. */
function naiveTails(values: Float64Array, zero = 0): NaiveTail[] {
  const tails: NaiveTail[] = [];
  for (let index = 0; index < values.length - 1; index++) {
    if (values[index]! <= zero) continue;
    const tail = [...values.subarray(index)];
    const n = tail.length;
    // Half of it at one value: a level and what lies beyond it.
    if (tail[Math.floor(n / 2)]! - tail[0]! <= values.length * Number.EPSILON * values.at(-1)!) continue;
    const spread = tail.reduce((sum, value) => sum + Math.log(value / tail[0]!), 0);
    const alpha = 1 + n / spread;
    if (!(alpha > 1) || !Number.isFinite(alpha)) continue;
    const D = Math.max(...tail.map((value, j) => Math.abs(1 - (value / tail[0]!) ** (1 - alpha) - j / n)));
    tails.push({ index, alpha, D });
  }
  return tails;
}

/** The fit is one of the tails with the smallest D, and no equally good one starts clearly earlier. */
function assertSameAsNaive(values: Float64Array, fit: PowerLawFit, tails: NaiveTail[]): void {
  if (tails.length === 0) {
    assert.equal(fit.status, 'failed');
    return;
  }
  assert.equal(fit.status, 'success', fit.reason);
  const least = Math.min(...tails.map(({ D }) => D));
  const best = tails.filter(({ D }) => D <= least + 1e-10);
  assert.equal(fit.narrow ?? false, fit.xmax! < 1.15 * fit.xmin!);
  const chosen = best.find(
    ({ index }) => values[index] === fit.xmin && Math.abs(tailOf(index).alpha / fit.alpha! - 1) < 1e-9,
  );
  assert.ok(chosen, `xmin ${fit.xmin!} with D ${fit.D!}, but ${JSON.stringify(best)}`);
  assert.ok(Math.abs(fit.D! - least) < 1e-10);
  const exactly = best.filter(({ D }) => D <= least + 1e-15);
  if (exactly.length === best.length) assert.equal(chosen.index, best[0]!.index, 'ties go to the smaller xmin');

  function tailOf(index: number): NaiveTail {
    return tails.find((tail) => tail.index === index)!;
  }
}

/** Fewer than ten values above zero, half of all at most: no tail, whatever fits them. */
function isDeficient(values: Float64Array): boolean {
  const positive = values.filter((value) => value > 0).length;
  return positive < 10 && 2 * positive <= values.length;
}

const sorted = (values: number[]): Float64Array => Float64Array.from(values).sort();

/** Values over six decades that differ by a ten thousandth or not at all: of such the naive sums are exact enough. */
const distinct = fc.double({ min: -3, max: 3, noNaN: true }).map((log) => Number((10 ** log).toPrecision(5)));

const spectra = fc.oneof(
  fc.array(distinct, { minLength: 1, maxLength: 120 }),
  // Many equal values.
  fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 120 }),
  // With zeros.
  fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 60 }),
  // Near a power law.
  fc.array(
    fc.double({ min: 1e-6, max: 1, noNaN: true }).map((share) => Number((share ** -0.7).toPrecision(5))),
    { minLength: 20, maxLength: 300 },
  ),
);

/** Seeded numbers in (0, 1). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

/** n quantiles of a Pareto law: a spectrum whose alpha is known. */
function pareto(n: number, alpha: number, xmin = 1): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => xmin * ((n - i - 0.5) / n) ** (-1 / (alpha - 1)));
}

describe('power-law fit', () => {
  it('KS finds the tail that the search of all tails finds', () => {
    fc.assert(
      fc.property(spectra, (list) => {
        const values = sorted(list);
        const fit = fitPowerLaw(values, 'KS', { zeroFilter: false });
        assertSameAsNaive(values, fit, isDeficient(values) ? [] : naiveTails(values));
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });

  it('KS agrees with the search of all tails where bounds skip most of them', () => {
    for (const [seed, make] of [
      [1, (u: number) => u ** -0.5],
      [2, (u: number) => u],
      [3, (u: number) => Math.exp(3 * u) + u ** -2],
      [4, (u: number) => Math.ceil(20 * u ** -0.8)],
    ] as const) {
      const random = uniform(seed);
      const values = Float64Array.from({ length: 1500 }, () => make(random())).sort();
      assertSameAsNaive(values, fitPowerLaw(values, 'KS', { zeroFilter: false }), naiveTails(values));
    }
  });

  it('xmin_peak finds the best tail among its candidates', () => {
    fc.assert(
      fc.property(spectra, (list) => {
        const values = sorted(list);
        const positive = [...values].filter((value) => value > 0);
        const fit = fitPowerLaw(values, 'xmin_peak', { zeroFilter: false });
        if (isDeficient(values)) {
          assert.equal(fit.status, 'failed');
          return;
        }
        const logs = positive.map(Math.log10);
        const [low, high] = [Math.min(...logs), Math.max(...logs)];
        const bins = new Array<number>(100).fill(0);
        for (const value of logs)
          bins[high > low ? Math.min(99, Math.floor(((value - low) * 100) / (high - low))) : 0]!++;
        // Values that rounding may put into either of two bins would make the mode a matter of luck.
        fc.pre(
          logs.every((value) => value === high || value === low || !isNearEdge(((value - low) * 100) / (high - low))),
        );
        const peak = 10 ** (low + (bins.indexOf(Math.max(...bins)) / 100) * (high - low));
        fc.pre(positive.every((value) => Math.abs(value / (1.5 * peak) - 1) > 1e-9));
        const tails = naiveTails(values).filter(
          ({ index }) => values[index]! >= Math.log10(0.95 * peak) && values[index]! <= 1.5 * peak,
        );
        assertSameAsNaive(values, fit, tails);
      }),
      { numRuns: 300, endOnFailure: true },
    );
    function isNearEdge(position: number): boolean {
      return Math.abs(position - Math.round(position)) < 1e-9;
    }
  });

  it('xmin_mid is the Hill estimator on the upper half', () => {
    const values = Float64Array.of(1, 2, 3, 4, 8, 16, 32);
    const fit = fitPowerLaw(values, 'xmin_mid', { zeroFilter: false });
    // Tail 4, 8, 16, 32: Σ ln(λ/4) = 6 ln 2.
    assert.ok(Math.abs(fit.alpha! - (1 + 4 / (6 * Math.LN2))) < 1e-14);
    assert.equal(fit.xmin, 4);
    assert.equal(fit.xmax, 32);
    assert.equal(fit.num_pl_spikes, 4);
    assert.ok(Math.abs(fit.sigma! - (fit.alpha! - 1) / 2) < 1e-14);
  });

  it('recovers the exponent of a power law', () => {
    for (const alpha of [1.5, 2, 3.5]) {
      for (const rule of ['KS', 'xmin_peak'] as const) {
        const fit = fitPowerLaw(pareto(4000, alpha, 0.01), rule, { zeroFilter: false });
        assert.ok(Math.abs(fit.alpha! - alpha) < 0.02 * alpha, `${rule}: ${fit.alpha!} and not ${alpha}`);
      }
    }
  });

  it('takes the smaller xmin of two equally good ones', () => {
    // D is exactly 1/3 from the first value on and from the fourth on; exactly 1/4 from the first and the fifth.
    for (const [values, alpha] of [
      [[1, 1, 1, 8, 8, 32], 1 + 6 / (11 * Math.LN2)],
      [[1, 1, 1, 2, 4, 4, 8, 16], 1 + 8 / (12 * Math.LN2)],
    ] as const) {
      const fit = fitPowerLaw(Float64Array.from(values), 'KS', { zeroFilter: false });
      assert.equal(fit.xmin, 1);
      assert.ok(Math.abs(fit.alpha! - alpha) < 1e-12);
      assert.equal(fit.num_pl_spikes, values.length);
    }
  });

  it('does not depend on the unit of λ', () => {
    const values = pareto(500, 2.4).map((value, i) => value * (1 + 0.3 * Math.sin(i)));
    values.sort();
    const unit = fitPowerLaw(values, 'KS', { zeroFilter: false });
    const scaled = fitPowerLaw(
      values.map((value) => 1e9 * value),
      'KS',
      { zeroFilter: false },
    );
    assert.ok(Math.abs(unit.alpha! - scaled.alpha!) < 1e-9);
    assert.equal(scaled.num_pl_spikes, unit.num_pl_spikes);
  });

  it('finds the tail of 200 000 pooled values', () => {
    const random = uniform(7);
    const values = Float64Array.from({ length: 200_000 }, () => random() ** (-1 / 1.5)).sort();
    const fit = fitPowerLaw(values, 'KS', { zeroFilter: false });
    assert.ok(Math.abs(fit.alpha! - 2.5) < 0.02);
    // The reported D is that of the reported tail.
    const { alpha, D } = tailAt(values, lowerBound(values, fit.xmin!));
    assert.ok(Math.abs(alpha - fit.alpha!) < 1e-9 && Math.abs(D - fit.D!) < 1e-9);
  });

  describe('zero filter', () => {
    it('drops λ ≤ 1e-5, up to half of all, and says nothing', () => {
      const tail = [1.001e-5, ...pareto(13, 2)];
      for (const zeros of [1, 13, 14]) {
        const values = Float64Array.from([...new Array<number>(zeros).fill(1e-5), ...tail]);
        const fit = fitPowerLaw(values, 'KS');
        const without = fitPowerLaw(Float64Array.from(tail), 'KS', { zeroFilter: false });
        assert.equal(fit.filter, undefined);
        assert.deepEqual([fit.alpha, fit.D, fit.xmin], [without.alpha, without.D, without.xmin]);
      }
      assert.equal(
        fitPowerLaw(Float64Array.from([...new Array<number>(15).fill(1e-5), ...tail]), 'KS').filter,
        'relative',
      );
      // One value more than the filter drops, but not enough without it.
      const nine = Float64Array.from([1e-5, 1.001e-5, ...pareto(8, 2)]);
      assert.match(fitPowerLaw(nine, 'KS').reason!, /finds 9$/);
      assert.equal(fitPowerLaw(Float64Array.from([...nine, 50]), 'KS').status, 'success');
    });

    it('becomes relative where it would drop more than half', () => {
      const values = pareto(40, 2).map((value) => value * 1e-8);
      const fit = fitPowerLaw(values, 'KS');
      assert.equal(fit.filter, 'relative');
      const scaled = fitPowerLaw(pareto(40, 2), 'KS');
      assert.ok(Math.abs(fit.alpha! - scaled.alpha!) < 1e-9);
    });

    it('asks for ten values', () => {
      const fit = fitPowerLaw(pareto(9, 2), 'KS');
      assert.equal(fit.status, 'failed');
      assert.match(fit.reason!, /needs 10 .* finds 9$/);
      assert.equal(fitPowerLaw(pareto(10, 2), 'KS').status, 'success');
    });
  });

  it('fails with a reason where there is nothing to fit', () => {
    const cases: [Float64Array, RegExp][] = [
      [new Float64Array(0), /no eigenvalues/],
      [new Float64Array(20), /zero/],
      [new Float64Array(20).fill(3), /alpha|spread/],
      [Float64Array.of(1, 2, NaN), /finite/],
      [Float64Array.of(1, 2, Infinity), /finite/],
    ];
    for (const [values, reason] of cases) {
      for (const rule of ['KS', 'xmin_mid', 'xmin_peak'] as const) {
        const fit = fitPowerLaw(values, rule, { zeroFilter: false });
        assert.equal(fit.status, 'failed', `${rule} of ${String(values)}`);
        assert.match(fit.reason!, reason);
        assert.deepEqual([fit.alpha, fit.D, fit.xmin, fit.num_pl_spikes], [null, null, null, null]);
      }
    }
  });

  it('numerical zeros take no part in logarithms', () => {
    const values = Float64Array.of(-1e-17, 0, 1e-18, 3e-17, ...pareto(60, 2));
    const peak = fitPowerLaw(values, 'xmin_peak', { zeroFilter: false });
    const clean = fitPowerLaw(values.subarray(4), 'xmin_peak', { zeroFilter: false });
    assert.deepEqual([peak.alpha, peak.xmin, peak.D], [clean.alpha, clean.xmin, clean.D]);
    const half = fitPowerLaw(Float64Array.of(...new Array<number>(15).fill(0), ...pareto(12, 2)), 'xmin_mid');
    assert.match(half.reason!, /half/);
  });

  describe('of degenerate matrices', () => {
    const rules = ['KS', 'xmin_mid', 'xmin_peak'] as const;

    it('fails for values pooled from matrices of a rank that has no tail', () => {
      for (const rank of [1, 2, 9]) {
        // 225 windows of order 40, each with a few values of nearly the same size.
        const pooled = poolEigenvalues(
          Array.from({ length: 225 }, (_, window) =>
            sorted(
              Array.from({ length: 40 }, (_, i) =>
                i < rank ? (1 + i) * (1 + 0.01 * Math.sin(40 * window + i)) : 1e-18,
              ),
            ),
          ),
        );
        for (const rule of rules) {
          const fit = fitPowerLaw(pooled, rule, { zeroFilter: false, dimension: 40 });
          assert.equal(fit.status, 'failed', rule);
          assert.match(
            fit.reason!,
            new RegExp(`needs 10 eigenvalues above zero and finds ${rank} of 40 in each matrix`),
          );
        }
      }
    });

    it('fits matrices of rank ten or more, and small ones of which more than half is above zero', () => {
      const window = (rank: number, order: number): number[] => [
        ...new Array<number>(order - rank).fill(0),
        ...pareto(rank, 2),
      ];
      for (const [rank, order] of [
        [10, 40],
        [5, 8],
        [1, 1],
      ] as const) {
        const pooled = sorted(
          Array.from({ length: 100 }, (_, i) => window(rank, order).map((λ) => λ * (1 + i / 100))).flat(),
        );
        for (const rule of ['KS', 'xmin_peak'] as const) {
          const fit = fitPowerLaw(pooled, rule, { zeroFilter: false, dimension: order });
          assert.equal(fit.status, 'success', `${rule}, rank ${rank} of ${order}: ${fit.reason}`);
        }
      }
    });

    it('fails where values differ by rounding alone, in all of the spectrum or in its tail', () => {
      const rounded = (count: number): number[] =>
        Array.from({ length: count }, (_, i) => 1 + ((i * 7) % 5) * Number.EPSILON);
      for (const rule of rules) {
        assert.match(fitPowerLaw(sorted(rounded(40)), rule, { zeroFilter: false }).reason!, /no spread/, rule);
      }
      // As of a projection beside noise: the upper half is one value.
      const mixed = sorted([...Array.from({ length: 30 }, (_, i) => 0.01 * 1.1 ** i), ...rounded(40)]);
      assert.match(fitPowerLaw(mixed, 'xmin_mid', { zeroFilter: false }).reason!, /upper half .* no spread/);
      for (const rule of ['KS', 'xmin_peak'] as const) {
        const fit = fitPowerLaw(mixed, rule, { zeroFilter: false });
        assert.ok(fit.alpha === null || fit.alpha < 100, `${rule}: ${fit.alpha}`);
      }
    });
  });

  it('tailAt equals the definition', () => {
    fc.assert(
      fc.property(fc.array(distinct, { minLength: 3, maxLength: 80 }), (list) => {
        const values = sorted(list);
        for (const { index, alpha, D } of naiveTails(values)) {
          const tail = tailAt(values, index);
          assert.ok(Math.abs(tail.alpha - alpha) <= 1e-9 * alpha);
          assert.ok(Math.abs(tail.D - D) < 1e-9);
        }
      }),
    );
    assert.ok(Number.isNaN(tailAt(Float64Array.of(1, 2, 2), 1).alpha));
    assert.ok(Number.isNaN(tailAt(Float64Array.of(0, 2, 3), 0).D));
    assert.throws(() => tailAt(Float64Array.of(1, 2), 2), RangeError);
    assert.throws(() => tailAt(Float64Array.of(1, 2), 0.5), RangeError);
  });

  it('bounds are found in ascending values', () => {
    const values = Float64Array.of(1, 2, 2, 3);
    assert.deepEqual(
      [0, 1, 2, 2.5, 3, 4].map((bound) => lowerBound(values, bound)),
      [0, 0, 1, 3, 3, 4],
    );
    assert.deepEqual(
      [0, 1, 2, 2.5, 3, 4].map((bound) => upperBound(values, bound)),
      [0, 1, 3, 3, 4, 4],
    );
  });
});
