/** Marchenko–Pastur law and the optimal hard threshold against published values and closed forms. */
import assert from 'node:assert/strict';
import { hardThresholdFactor, hardThresholdRank } from '../../../../extension/spectral/ranks/hardThreshold';
import { MarchenkoPastur } from '../../../../extension/spectral/bulk/marchenkoPastur';

describe('Marchenko–Pastur law', () => {
  it('is the quarter circle of the singular values at Q = 1', () => {
    const law = new MarchenkoPastur(1);
    for (const sigma of [0.01, 0.3, 1, 1.7, 1.99]) {
      const circle = (sigma * Math.sqrt(4 - sigma * sigma)) / (2 * Math.PI) + (2 / Math.PI) * Math.asin(sigma / 2);
      assert.ok(Math.abs(law.distribution(sigma * sigma) - circle) < 1e-6, `${sigma}`);
    }
  });

  it('has mean 1 and variance 1/Q', () => {
    for (const Q of [1, 1.01, 1.5, 3, 10, 31]) {
      const law = new MarchenkoPastur(Q);
      let [mean, square] = [0, 0];
      const steps = 20_000;
      for (let step = 0; step < steps; step++) {
        const lambda = law.quantile((step + 0.5) / steps);
        mean += lambda / steps;
        square += (lambda * lambda) / steps;
      }
      assert.ok(Math.abs(mean - 1) < 1e-4, `Q ${Q}: mean ${mean}`);
      assert.ok(Math.abs(square - mean * mean - 1 / Q) < 1e-3, `Q ${Q}: variance ${square - mean * mean}`);
    }
  });

  it('is 0 and 1 outside its edges', () => {
    const law = new MarchenkoPastur(4);
    assert.deepEqual([law.lower, law.upper], [0.25, 2.25]);
    assert.deepEqual([law.distribution(0.2), law.distribution(2.3)], [0, 1]);
    assert.throws(() => new MarchenkoPastur(0.5), RangeError);
  });
});

describe('optimal hard threshold', () => {
  it('ω(1) = 2.858, and the published cubic within its 0.02', () => {
    assert.ok(Math.abs(hardThresholdFactor(1) - 2.858) < 5e-4);
    for (const beta of [0.05, 0.1, 0.25, 0.5, 0.75, 1]) {
      const cubic = 0.56 * beta ** 3 - 0.95 * beta ** 2 + 1.82 * beta + 1.43;
      assert.ok(Math.abs(hardThresholdFactor(1 / beta) - cubic) < 0.02, `β ${beta}`);
    }
  });

  it('counts singular values above ω·median', () => {
    // Median σ 1, threshold 2.858.
    const eigenvalues = Float64Array.of(0.25, 0.5, 1, 1, 1, 2, 8, 9, 100);
    assert.equal(hardThresholdRank(eigenvalues, 1), 2);
  });

  it('needs a median that is above rounding', () => {
    for (const values of [[], [0, 0, 0], [0, 0, 0, 4], [1e-17, 1e-17, 1e-17, 9]]) {
      assert.equal(hardThresholdRank(Float64Array.from(values), 1), undefined);
    }
  });
});
