import assert from 'node:assert/strict';
import { comparisonFinding, energyShare, rankedSigma } from '../../../../webview/compare/curves';

describe('spectra beside each other', () => {
  const curve = (layer: string, ...sigma: number[]) => ({ layer, index: 0, sigma: Float64Array.from(sigma) });

  it('are singular values, the largest first; what rounding made negative is zero', () => {
    assert.deepEqual([...rankedSigma(Float64Array.of(-1e-18, 4, 9))], [3, 2, 0]);
  });

  it('tell the share of the directions that holds an energy', () => {
    // Flat: as many directions as energy. One direction with 100 of 103: it alone.
    assert.equal(energyShare(new Float64Array(100).fill(2), 0.95), 0.95);
    assert.equal(energyShare(Float64Array.of(10, 1, 1, 1), 0.95), 0.25);
    assert.equal(energyShare(Float64Array.of(3), 0.95), 1);
    assert.equal(energyShare(new Float64Array(4), 0.95), undefined);
    assert.equal(energyShare(new Float64Array(0), 0.95), undefined);
  });

  it('say which is the most concentrated, and which the least', () => {
    const [sharp, flat, zero] = [curve('a', 10, 1, 1, 1), curve('b', 1, 1, 1, 1), curve('z', 0, 0)];
    assert.equal(
      comparisonFinding([flat, zero, sharp]),
      '95% of the energy lies in 25% of the directions of a, and in 100% of those of b.',
    );
    assert.equal(comparisonFinding([sharp]), '95% of the energy lies in 25% of the directions.');
    assert.equal(comparisonFinding([zero]), '');
  });
});
