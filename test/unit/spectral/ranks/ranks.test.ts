/** Rank suggestions and the error curve, by hand and against a truncated product. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  breakEvenRank,
  discardedEnergy,
  energyRank,
  errorCurve,
  keptEnergy,
  rankSuggestion,
  rankSuggestions,
} from '../../../../extension/spectral/ranks/ranks';

const spectrum = fc
  .array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 })
  .map((values) => Float64Array.from(values).sort());

describe('error of a rank', () => {
  it('is what the discarded eigenvalues weigh', () => {
    const curve = errorCurve([Float64Array.of(1, 4, 11)]);
    assert.deepEqual([...curve], [1, Math.sqrt(5 / 16), 0.25, 0]);
    assert.equal(keptEnergy([Float64Array.of(1, 4, 11)], 1), 11 / 16);
    assert.equal(keptEnergy([Float64Array.of(1, 4, 11)], 99), 1);
  });

  it('adds up over the matrices of a kernel', () => {
    const curve = discardedEnergy([Float64Array.of(1, 9), Float64Array.of(2, 8)]);
    assert.deepEqual([...curve], [1, 3 / 20, 0]);
  });

  it('falls from 1 to 0', () => {
    fc.assert(
      fc.property(fc.array(spectrum, { minLength: 1, maxLength: 3 }), (matrices) => {
        const curve = errorCurve(matrices);
        fc.pre(matrices.some((eigenvalues) => eigenvalues.at(-1)! > 1e-300));
        assert.equal(curve[0], 1);
        assert.equal(curve.at(-1), 0);
        for (let rank = 1; rank < curve.length; rank++) assert.ok(curve[rank]! <= curve[rank - 1]!);
      }),
    );
  });

  it('keeps tiny eigenvalues beside a huge one', () => {
    const curve = errorCurve([Float64Array.of(1e-12, 1e-12, 1e8)]);
    assert.ok(Math.abs(curve[1]! / Math.sqrt(2e-20) - 1) < 1e-12);
  });
});

describe('rank suggestions', () => {
  it('energy: the smallest rank that keeps the share', () => {
    const eigenvalues = Float64Array.of(1, 4, 5, 90);
    assert.deepEqual(
      [0.5, 0.9, 0.94, 0.95, 0.96, 1].map((energy) => energyRank([eigenvalues], energy)),
      [1, 1, 2, 2, 3, 4],
    );
    fc.assert(
      fc.property(spectrum, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, energy) => {
        fc.pre(values.at(-1)! > 1e-300);
        const rank = energyRank([values], energy);
        const total = values.reduce((sum, value) => sum + value, 0);
        const kept = (count: number): number =>
          [...values]
            .reverse()
            .slice(0, count)
            .reduce((sum, value) => sum + value, 0) / total;
        assert.ok(kept(rank) >= energy - 1e-12);
        if (rank > 0) assert.ok(kept(rank - 1) < energy + 1e-12);
      }),
    );
  });

  it('break-even: the last rank at which factors are not larger', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }), (rows, cols) => {
        const rank = breakEvenRank(rows, cols);
        assert.ok(rank * (rows + cols) <= rows * cols);
        assert.ok((rank + 1) * (rows + cols) > rows * cols);
      }),
    );
  });

  it('by name, with their error and their cost', () => {
    const eigenvalues = Float64Array.from({ length: 12 }, (_, index) => 4 ** (index - 6));
    const suggestions = rankSuggestions([eigenvalues], 20, 12);
    assert.deepEqual(Object.keys(suggestions).sort(), [
      'break_even',
      'effective_rank',
      'energy_0.90',
      'energy_0.95',
      'energy_0.99',
      'erg',
      'hard_threshold',
      'stable_rank',
    ]);
    // Halving values are no random bulk; those of a random matrix are.
    const random = Float64Array.from({ length: 40 }, (_, i) => (1 - Math.cos((Math.PI * (i + 0.5)) / 40)) ** 2 / 4);
    assert.equal(rankSuggestions([random], 40, 40).mp_spikes!.rank, 0);
    // σ halves each time: Σλ of the first k is 1 − 4^−k of all.
    assert.equal(suggestions['energy_0.90']!.rank, 2);
    assert.equal(suggestions['energy_0.95']!.rank, 3);
    assert.equal(suggestions['energy_0.99']!.rank, 4);
    assert.equal(suggestions.stable_rank!.rank, 2);
    // Of the geometric series with ratio 1/2 the entropy is 2 ln 2: effective rank just under 4.
    assert.equal(suggestions.effective_rank!.rank, 4);
    assert.equal(suggestions.break_even!.rank, 7);
    for (const { rank, error, parameters, ratio } of Object.values(suggestions)) {
      assert.ok(Math.abs(error - errorCurve([eigenvalues])[rank]!) < 1e-15);
      assert.equal(parameters, 32 * rank);
      assert.equal(ratio, (32 * rank) / 240);
    }
  });

  it('whole ranks are not raised by rounding', () => {
    const { stable_rank, effective_rank } = rankSuggestions([new Float64Array(10).fill(0.1)], 10, 10);
    assert.deepEqual([stable_rank!.rank, effective_rank!.rank], [10, 10]);
  });

  it('one rank for all matrices of a kernel: the largest that one of them asks for', () => {
    const narrow = Float64Array.from({ length: 10 }, (_, index) => (index === 9 ? 100 : 1e-3));
    const broad = new Float64Array(10).fill(1);
    const suggestions = rankSuggestions([narrow, broad], 10, 10);
    assert.equal(suggestions.stable_rank!.rank, 10);
    assert.equal(suggestions.stable_rank!.parameters, 2 * 10 * 20);
    assert.equal(suggestions.stable_rank!.ratio, 2);
  });

  it('nothing for a zero matrix, and no spikes from too few values', () => {
    assert.deepEqual(rankSuggestions([new Float64Array(4)], 4, 4), {});
    assert.ok(!('mp_spikes' in rankSuggestions([Float64Array.of(1, 2)], 2, 2)));
    assert.deepEqual(rankSuggestions([], 4, 4), {});
  });

  it('a rank that a person chose', () => {
    assert.deepEqual(rankSuggestion([Float64Array.of(9, 16)], 1, 6, 2), {
      rank: 1,
      error: Math.sqrt(9 / 25),
      parameters: 8,
      ratio: 8 / 12,
    });
    assert.equal(rankSuggestion([Float64Array.of(9, 16)], 5, 6, 2).error, 0);
  });
});
