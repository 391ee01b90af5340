/** How large an eigenvalue may be that a Krylov run has not seen: beside runs that had the chance to miss one. */
import assert from 'node:assert/strict';
import { missedAbove, missedBelow } from '../../../../extension/spectral/estimates/missedBound';

const run = { n: 4096, block: 8, steps: 12, value: 1, converged: [] };

/** T of degree m at x ≥ 1, by its recurrence. */
function chebyshev(m: number, x: number): number {
  let [before, now] = [1, x];
  for (let i = 1; i < m; i++) [before, now] = [now, 2 * x * now - before];
  return m === 0 ? 1 : now;
}

describe('bound of a missed eigenvalue', () => {
  it('solves (μ − θ)·T(2μ/θ − 1)²·κ = θ', () => {
    const mu = missedBelow(run);
    // χ² with 8 degrees of freedom is below 1.6465 in 1 % of all cases.
    const left = (mu - 1) * chebyshev(11, 2 * mu - 1) ** 2 * (1.6465 / 4096);
    assert.ok(Math.abs(left - 1) < 1e-6, `${mu}: ${left}`);
  });

  it('narrows with steps and with vectors, and scales with the Ritz value', () => {
    assert.ok(missedBelow({ ...run, steps: 20 }) < missedBelow(run));
    assert.ok(missedBelow({ ...run, block: 4 }) > missedBelow(run));
    assert.ok(Math.abs(missedBelow({ ...run, value: 7 }) - 7 * missedBelow(run)) < 1e-9);
  });

  it('stays below a larger pair that has converged', () => {
    const bound = missedBelow({ ...run, converged: [50] });
    assert.ok(bound > 1 && bound < 50, `${bound}`);
    const near = missedBelow({ ...run, converged: [1.0001] });
    assert.equal(near, 1.0001);
  });

  it('leaves next to no room above a pair that stands out', () => {
    const bound = missedAbove({ ...run, value: 1, converged: [20] });
    assert.ok(bound >= 20 && bound < 20 * (1 + 1e-6), `${bound}`);
    assert.ok(missedAbove({ ...run, value: 19, converged: [20] }) > 20.5);
  });

  it('knows nothing where no degree is left', () => {
    assert.equal(missedBelow({ ...run, steps: 2, converged: [9, 8, 7] }), 7);
    assert.ok(missedBelow({ ...run, steps: 0 }) > 1e300);
  });
});
