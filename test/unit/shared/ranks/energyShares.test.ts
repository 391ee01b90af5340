/** Shares of the energy by hand, and the laws that they follow. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ENERGIES, energyRule, EnergyShares } from '../../../../extension/shared/ranks/energyShares';

const spectrum = fc
  .array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 })
  .map((values) => Float64Array.from(values));

describe('shares of the energy', () => {
  it('are what the eigenvalues weigh, whatever their order', () => {
    const shares = new EnergyShares(Float64Array.of(4, 1, 11));
    assert.deepEqual([...shares.eigenvalues], [11, 4, 1]);
    assert.deepEqual(
      [0, 1, 2, 3, 99].map((rank) => shares.error(rank)),
      [1, Math.sqrt(5 / 16), 0.25, 0, 0],
    );
    assert.deepEqual(
      [0, 1, 99].map((rank) => shares.kept(rank)),
      [0, 11 / 16, 1],
    );
  });

  it('leave the spectrum that they are given as it is, and take rounding below zero for zero', () => {
    const given = Float64Array.of(2, -1e-18, 7);
    assert.deepEqual([...new EnergyShares(given).eigenvalues], [7, 2, 0]);
    assert.deepEqual([...given], [2, -1e-18, 7]);
  });

  it('rise from 0 to 1, and the error falls from 1 to 0', () => {
    fc.assert(
      fc.property(spectrum, (eigenvalues) => {
        fc.pre(eigenvalues.some((value) => value > 0));
        const shares = new EnergyShares(eigenvalues);
        assert.deepEqual([shares.error(0), shares.error(shares.fullRank)], [1, 0]);
        for (let rank = 1; rank <= shares.fullRank; rank++) assert.ok(shares.error(rank) <= shares.error(rank - 1));
      }),
    );
  });

  it('keep tiny eigenvalues beside a huge one', () => {
    const shares = new EnergyShares(Float64Array.of(1e-12, 1e-12, 1e8));
    assert.ok(Math.abs(shares.error(1) / Math.sqrt(2e-20) - 1) < 1e-12);
    const many = new EnergyShares(Float64Array.of(1, ...new Array<number>(1000).fill(1e-17)));
    assert.ok(Math.abs(many.error(1) / Math.sqrt(1e-14) - 1) < 1e-12);
  });

  it('grow with the rank that is asked for, up to the directions that are no numerical zeros', () => {
    fc.assert(
      fc.property(spectrum, fc.double({ min: 0, max: 1 }), fc.double({ min: 0, max: 1 }), (eigenvalues, one, other) => {
        const shares = new EnergyShares(eigenvalues);
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        assert.ok(shares.rankKeeping(less) <= shares.rankKeeping(more));
        assert.ok(shares.rankKeeping(more) <= shares.rankKeeping(1));
        assert.equal(shares.rankKeeping(1), Math.max(1, shares.numericalRank));
        assert.equal(shares.rankKeeping(2), shares.rankKeeping(1));
      }),
    );
  });

  it('all energy: tiny directions but no rounding noise', () => {
    const keeping = (...values: number[]): number => new EnergyShares(Float64Array.from(values)).rankKeeping(1);
    assert.equal(keeping(1, 1e-13, 1e-17, -1e-18), 2);
    // Beside a flat spectrum a direction weighs less than the sum's rounding, and is none the less above zero.
    assert.equal(keeping(...new Array<number>(999).fill(1), 4e-13), 1000);
    assert.equal(keeping(...new Array<number>(999).fill(1), 1e-13), 999);
  });

  it('a zero matrix is kept whole by any rank, and a pair of factors has one at least', () => {
    const shares = new EnergyShares(new Float64Array(4));
    assert.deepEqual([shares.kept(0), shares.error(0), shares.numericalRank], [1, 0, 0]);
    assert.deepEqual(
      [0.5, 0.9, 1].map((share) => shares.rankKeeping(share)),
      [1, 1, 1],
    );
    assert.equal(new EnergyShares(new Float64Array(0)).rankKeeping(0.9), 1);
  });

  it('have the suggestions’ names', () => {
    assert.deepEqual(ENERGIES.map(energyRule), ['energy_0.90', 'energy_0.95', 'energy_0.99']);
  });
});
