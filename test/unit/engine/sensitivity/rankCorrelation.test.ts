/** Numbers of scipy.stats (1.17.1): spearmanr and kendalltau. */
import assert from 'node:assert/strict';
import { kendall, rankCorrelation } from '../../../../extension/engine/sensitivity/rankCorrelation';
import { spearman } from '../../../../extension/shared/findings/spearman';

const A = [2.1, 3.3, 3.3, 5.0, 1.2, 4.4, 4.4, 4.4];
const B = [0.5, 0.7, 0.1, 0.9, 0.2, 0.9, 0.3, 0.4];

describe('rank correlations', () => {
  it('are those of scipy, with ties', () => {
    assert.ok(Math.abs(spearman(A, B)! - 0.531026095734546) < 1e-12);
    assert.ok(Math.abs(kendall(A, B)! - 0.4321208107251124) < 1e-12);
  });

  it('are 1 of one order and −1 of the other, and their intervals points', () => {
    const up = [1, 2, 5, 9, 10];
    const down = up.map((x) => -x);
    const { spearman: rho, kendall: tau } = rankCorrelation(up, down)!;
    assert.deepEqual([rho.value, tau.value], [-1, -1]);
    assert.deepEqual(rho.interval, [-1, -1]);
    assert.equal(rankCorrelation(up, up)!.kendall.value, 1);
  });

  it('are not there for few pairs, nor for what is the same everywhere', () => {
    assert.equal(rankCorrelation([1, 2, 3], [1, 2, 3]), undefined);
    assert.equal(rankCorrelation([1, 1, 1, 1], [1, 2, 3, 4]), undefined);
  });

  it('have intervals that hold the value and are wide for numbers by chance', () => {
    const { value, interval } = rankCorrelation(A, B)!.spearman;
    assert.ok(interval[0] <= value && value <= interval[1]);
    assert.ok(interval[1] - interval[0] > 0.5);
  });
});
