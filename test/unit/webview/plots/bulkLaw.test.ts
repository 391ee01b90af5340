/** The law of a bulk in a spectrum's units, against the matrix that it is the law of, and closed forms. */
import assert from 'node:assert/strict';
import { MarchenkoPastur } from '../../../../extension/spectral/bulk/marchenkoPastur';
import { BulkLaw } from '../../../../webview/plots/bulkLaw';

/** Simpson's rule in t, λ = low + (high − low)·(1 − cos t)/2: the density's edges are smooth there. */
function integral(density: (lambda: number) => number, low: number, high: number): number {
  const steps = 20_000;
  let sum = 0;
  for (let i = 0; i < steps; i++) {
    const t = (Math.PI * (i + 0.5)) / steps;
    sum += density(low + ((high - low) * (1 - Math.cos(t))) / 2) * ((high - low) / 2) * Math.sin(t) * (Math.PI / steps);
  }
  return sum;
}

describe('Marchenko–Pastur density', () => {
  it('integrates to one and to its own distribution function', () => {
    for (const Q of [1, 1.5, 2.7, 8]) {
      const law = new MarchenkoPastur(Q);
      const whole = integral((lambda) => law.density(lambda), law.lower, law.upper);
      assert.ok(Math.abs(whole - 1) < 1e-5, `Q ${Q}: ${whole}`);
      const middle = law.lower + 0.3 * (law.upper - law.lower);
      const part = integral((lambda) => law.density(lambda), law.lower, middle);
      assert.ok(Math.abs(part - law.distribution(middle)) < 1e-4, `Q ${Q}`);
      assert.deepEqual([law.density(law.upper + 1e-9), law.density(law.lower - 1e-9), law.density(0)], [0, 0, 0]);
    }
  });

  it('has the mean 1 and the second moment 1 + 1/Q of its matrix', () => {
    for (const Q of [1, 2, 5]) {
      const law = new MarchenkoPastur(Q);
      const moment = (k: number): number => integral((x) => x ** k * law.density(x), law.lower, law.upper);
      assert.ok(Math.abs(moment(1) - 1) < 1e-6);
      assert.ok(Math.abs(moment(2) - 1 - 1 / Q) < 1e-6);
    }
  });
});

describe('the law of a bulk', () => {
  // 80 quantiles of the law of Q 2 for entries with N·s² = 3, and 20 values above its edge.
  const law = new MarchenkoPastur(2);
  const bulk = Array.from({ length: 80 }, (_, i) => 3 * law.quantile((i + 0.5) / 80));
  const eigenvalues = Float64Array.from([...bulk, ...Array.from({ length: 20 }, (_, i) => 10 + i)]);
  const found = new BulkLaw(eigenvalues, 3 * law.upper, 2);

  it('holds the bulk’s share of the spectrum', () => {
    assert.equal(found.share, 0.8);
    assert.ok(Math.abs(found.lower - 3 * law.lower) < 1e-12);
    assert.ok(Math.abs(integral((x) => found.density(x), found.lower, found.edge) - 0.8) < 1e-5);
    assert.equal(found.above(found.edge), 1 - 0.8);
    assert.equal(found.above(0), 1);
  });

  it('has as many eigenvalues between two of them as there are', () => {
    for (const [from, to] of [
      [10, 30],
      [0, 79],
    ] as const) {
      assert.ok(Math.abs(found.between(eigenvalues[from]!, eigenvalues[to]!) - (to - from) / 100) < 1e-6);
    }
  });

  it('is drawn within what is shown, from edge to edge', () => {
    const places = found.places(0, 100, 200);
    assert.equal(places.length, 200);
    assert.ok(places[0]! - found.lower < 1e-3 && found.edge - places.at(-1)! < 1e-3);
    assert.ok(found.places(2, 4, 200).every((place) => place >= 2 && place <= 4));
  });

  it('is told in a sentence', () => {
    assert.equal(
      found.words,
      'A Marchenko–Pastur law fits the bulk up to λ₊ 8.74, which holds 80% of the eigenvalues.',
    );
  });
});
