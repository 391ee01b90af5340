import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseRank, rankText } from '../../../../extension/host/commands/rankInput';

describe('rank input', () => {
  it('reads ranks, energies and budgets', () => {
    assert.deepEqual(parseRank(' 64 '), { kind: 'rank', rank: 64 });
    assert.deepEqual(parseRank('95%'), { kind: 'energy', energy: 0.95 });
    assert.deepEqual(parseRank('99,5 %'), { kind: 'energy', energy: 0.995 });
    assert.deepEqual(parseRank('0.9'), { kind: 'energy', energy: 0.9 });
    assert.deepEqual(parseRank(',995'), { kind: 'energy', energy: 0.995 });
    assert.deepEqual(parseRank('0.5x'), { kind: 'budget', budget: 0.5 });
    assert.deepEqual(parseRank('1.5 ×'), { kind: 'budget', budget: 1.5 });
  });

  it('refuses what is no rank', () => {
    for (const text of ['', '0', '-3', '1.5', '0.0', '.', '0%', '101%', 'x', '0x', 'rank', '1e3', '12 13']) {
      assert.equal(parseRank(text), undefined, text);
    }
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 1000 }), (rank, permille) => {
        assert.deepEqual(parseRank(rankText({ kind: 'rank', rank })), { kind: 'rank', rank });
        const energy = { kind: 'energy' as const, energy: permille / 1000 };
        const back = parseRank(rankText(energy));
        assert.ok(back?.kind === 'energy' && Math.abs(back.energy - energy.energy) < 1e-12);
        const budget = { kind: 'budget' as const, budget: permille / 1000 };
        assert.deepEqual(parseRank(rankText(budget)), budget);
      }),
    );
  });
});
