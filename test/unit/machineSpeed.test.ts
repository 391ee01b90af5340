/** The clock and the scale of every limit of time in the tests. */
import assert from 'node:assert/strict';
import { allowed, ownTime, patience, slowness, testLimit } from '../harness/machineSpeed';

describe('limits of time in the tests', () => {
  it('are never tighter than on the reference machine, and one factor scales all', () => {
    assert.ok(slowness() >= 1);
    assert.equal(allowed(1000), 1000 * slowness());
    assert.equal(allowed(0), 0);
    assert.ok(patience() > 60_000);
    assert.ok(testLimit() > patience(), 'what one wait says names the thing, what mocha says does not');
  });

  it('count the time in which a process computes or waits for something, by its own clock', async () => {
    const [clock, own] = [performance.now(), ownTime()];
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(ownTime() - own <= performance.now() - clock + 1);
    assert.ok(ownTime() > own);
  });
});
