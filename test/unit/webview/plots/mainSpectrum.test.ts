/** Which eigenvalues are dust on the axis of a spectrum. */
import assert from 'node:assert/strict';
import { mainSpectrum, wholeSpectrum } from '../../../../webview/plots/spectrumWindow';

/** σ² of a quarter circle, by quantiles: a square random matrix has a few eigenvalues far below the others. */
function quarterCircle(count: number): Float64Array {
  const values = Array.from({ length: count }, (_, i) => {
    const share = (i + 0.5) / count;
    let [low, high] = [0, 2];
    for (let step = 0; step < 60; step++) {
      const x = (low + high) / 2;
      const below = (x * Math.sqrt(4 - x * x) + 4 * Math.asin(x / 2)) / (2 * Math.PI);
      if (below < share) low = x;
      else high = x;
    }
    return ((low + high) / 2) ** 2;
  });
  return Float64Array.from(values);
}

describe('bulk and tail of a spectrum', () => {
  it('leaves out the fiftieth that takes decades of the axis, and counts it in the density', () => {
    const values = quarterCircle(1000);
    const { first, histogram } = mainSpectrum(values);
    assert.equal(first, 20);
    const share = histogram.density.reduce(
      (sum, at, i) => sum + at * (histogram.edges[i + 1]! - histogram.edges[i]!),
      0,
    );
    assert.ok(Math.abs(share - 0.98) < 1e-9);
  });

  it('never leaves out the tail, nor zeros twice', () => {
    const values = Float64Array.from([0, 0, ...quarterCircle(1000)]);
    assert.equal(wholeSpectrum(values).first, 2);
    assert.equal(mainSpectrum(values, 7).first, 7);
    assert.equal(mainSpectrum(values, 2).first, 2);
  });

  it('is all of a spectrum without dust', () => {
    const tall = Float64Array.from({ length: 500 }, (_, i) => 0.5 + i / 100);
    assert.deepEqual(mainSpectrum(tall), wholeSpectrum(tall));
    assert.deepEqual(mainSpectrum(new Float64Array(5)), wholeSpectrum(new Float64Array(5)));
    assert.equal(mainSpectrum(Float64Array.of(1e-9, 1, 2, 3)).first, 0);
  });
});
