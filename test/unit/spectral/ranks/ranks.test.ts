/** Rank suggestions by hand. */
import assert from 'node:assert/strict';
import { EnergyShares } from '../../../../extension/shared/ranks/energyShares';
import { FactorPair } from '../../../../extension/shared/ranks/factorPair';
import { Spectrum } from '../../../../extension/spectral/metrics/spectrum';
import { rankSuggestion, rankSuggestions } from '../../../../extension/spectral/ranks/ranks';

function suggested(eigenvalues: Float64Array, rows: number, cols: number): ReturnType<typeof rankSuggestions> {
  const spectrum = new Spectrum(eigenvalues, Math.max(rows, cols), Math.min(rows, cols));
  return rankSuggestions(spectrum, rows, cols);
}

describe('rank suggestions', () => {
  it('by name, with their error and their cost', () => {
    const eigenvalues = Float64Array.from({ length: 12 }, (_, index) => 4 ** (index - 6));
    const { ranks: suggestions } = suggested(eigenvalues, 20, 12);
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
    assert.equal(suggested(random, 40, 40).ranks.mp_spikes!.rank, 0);
    // σ halves each time: Σλ of the first k is 1 − 4^−k of all.
    assert.equal(suggestions['energy_0.90']!.rank, 2);
    assert.equal(suggestions['energy_0.95']!.rank, 3);
    assert.equal(suggestions['energy_0.99']!.rank, 4);
    assert.equal(suggestions.stable_rank!.rank, 2);
    // Of the geometric series with ratio 1/2 the entropy is 2 ln 2: effective rank just under 4.
    assert.equal(suggestions.effective_rank!.rank, 4);
    assert.equal(suggestions.break_even!.rank, 7);
    for (const { rank, error, parameters, ratio } of Object.values(suggestions)) {
      assert.ok(Math.abs(error - new EnergyShares(eigenvalues).error(rank)) < 1e-15);
      assert.equal(parameters, 32 * rank);
      assert.equal(ratio, (32 * rank) / 240);
    }
  });

  it('whole ranks are not raised by rounding', () => {
    const { stable_rank, effective_rank } = suggested(new Float64Array(10).fill(0.1), 10, 10).ranks;
    assert.deepEqual([stable_rank!.rank, effective_rank!.rank], [10, 10]);
  });

  it('nothing for a zero matrix, and no spikes from too few values', () => {
    assert.deepEqual(suggested(new Float64Array(4), 4, 4), { ranks: {}, missing: {} });
    const { ranks, missing } = suggested(Float64Array.of(1, 2), 2, 2);
    assert.ok(!('mp_spikes' in ranks));
    assert.match(missing.rank_mp_spikes!, /2 eigenvalues are too few/);
    assert.deepEqual(suggested(new Float64Array(0), 4, 4), { ranks: {}, missing: {} });
  });

  it('a rank that another rule found', () => {
    const [energy, pair] = [new EnergyShares(Float64Array.of(9, 16)), new FactorPair(6, 2)];
    const expected = { rank: 1, error: Math.sqrt(9 / 25), parameters: 8, ratio: 8 / 12 };
    assert.deepEqual(rankSuggestion(energy, pair, 1), expected);
    assert.equal(rankSuggestion(energy, pair, 5).error, 0);
  });
});
