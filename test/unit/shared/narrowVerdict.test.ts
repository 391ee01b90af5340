/** A tail that is narrow is judged by nobody, whatever its alpha. */
import assert from 'node:assert/strict';
import { fitPowerLaw } from '../../../extension/spectral/tail/powerLaw';
import { verdictOn } from '../../../extension/shared/verdict';

describe('the verdict on a narrow tail', () => {
  it('is none, with the reason', () => {
    const eigenvalues = Float64Array.from({ length: 200 }, (_, i) => 1 + i / 2000);
    const fit = fitPowerLaw(eigenvalues, 'KS');
    assert.deepEqual([fit.status, fit.narrow], ['success', true]);
    const { verdict, verdict_reason } = verdictOn({ fit, count: 200, tailShape: undefined, spikes: 200 });
    assert.equal(verdict, 'no verdict');
    assert.match(verdict_reason, /no power-law fit: the values of the tail lie within .* % of each other/);
  });
});
