import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { rankCorrelation } from '../../../../webview/numbers/rankCorrelation';
import { repositoryRoot } from '../../../harness/shared';

describe('the rank correlation', () => {
  it('is SciPy’s (rankCorrelation.py), with ties and without', () => {
    const file = path.join(repositoryRoot, 'test/unit/webview/numbers/rankCorrelation.json');
    const cases = JSON.parse(readFileSync(file, 'utf8')) as {
      x: number[];
      y: number[];
      rho: number;
      interval: [number, number];
    }[];
    assert.equal(cases.length, 5);
    for (const { x, y, rho, interval } of cases) {
      const found = rankCorrelation(x, y)!;
      for (const [ours, theirs] of [
        [found.rho, rho],
        [found.low, interval[0]],
        [found.high, interval[1]],
      ] as const) {
        assert.ok(Math.abs(ours - theirs) < 1e-12, `${ours} is not ${theirs}`);
      }
    }
  });

  it('is one for what rises together, however bent, and minus one for what falls', () => {
    const x = [1, 2, 3, 4, 5];
    assert.deepEqual(rankCorrelation(x, x.map(Math.exp)), { rho: 1, low: 1, high: 1 });
    assert.equal(
      rankCorrelation(
        x,
        x.map((value) => -(value ** 3)),
      )!.rho,
      -1,
    );
  });

  it('is none of too few pairs, and none where one side does not vary', () => {
    assert.equal(rankCorrelation([1, 2, 3], [1, 2, 3]), null);
    assert.equal(rankCorrelation([1, 2, 3, 4], [7, 7, 7, 7]), null);
  });
});
