/** Intervals of means over windows. */
import assert from 'node:assert/strict';
import { bootstrapInterval, quantile } from '../../../extension/decoder/measures/windowBootstrap';
import { mulberry32 } from '../../../extension/spectral/seededRandom';

describe('the bootstrap over windows', () => {
  it('is as wide as the normal interval of many windows', () => {
    const random = mulberry32(7);
    const values = Array.from({ length: 400 }, () => 3 + random() + random() - 1);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
    const half = (1.96 * deviation) / Math.sqrt(values.length);
    const [lower, upper] = bootstrapInterval(values)!;
    assert.ok(Math.abs(lower - (mean - half)) < 0.15 * half, `${lower}`);
    assert.ok(Math.abs(upper - (mean + half)) < 0.15 * half, `${upper}`);
  });

  it('is the same one each time, and goes through an increasing function', () => {
    const values = [1, 2, 4];
    assert.deepEqual(bootstrapInterval(values), bootstrapInterval(values));
    const [lower, upper] = bootstrapInterval(values)!;
    assert.deepEqual(bootstrapInterval(values, Math.exp), [Math.exp(lower), Math.exp(upper)]);
  });

  it('says nothing of a single window, and a point of equal ones', () => {
    assert.equal(bootstrapInterval([5]), null);
    assert.deepEqual(bootstrapInterval([2, 2, 2]), [2, 2]);
  });

  it('takes quantiles linearly, as numpy does', () => {
    assert.equal(quantile([1, 2, 3, 4], 0.25), 1.75);
    assert.equal(quantile([1, 2, 3, 4], 1), 4);
  });
});
