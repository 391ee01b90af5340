/** The clock and the scale of every limit of time in the tests. */
import assert from 'node:assert/strict';
import { allowed, ownTime, patience, processorTime, slowness, testLimit } from '../harness/machineSpeed';
import { quickly } from '../harness/quick';

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

  it('count processor time as this process knows it, from outside as well', () => {
    compute(100);
    const inside = processorTime();
    const outside = processorTime(process.pid);
    if (process.platform === 'linux') assert.ok(Math.abs(outside - inside) < 50, `${outside} and ${inside} ms`);
    assert.ok(inside > 100);
  });
});

/** Takes so much processor time. */
function compute(milliseconds: number): void {
  for (const end = processorTime() + milliseconds; processorTime() < end;);
}

describe('work that has to be quick', () => {
  it('fails where it is slow each time', async () => {
    await assert.rejects(
      quickly(10, () => compute(allowed(10) + 20)),
      /took \d+ ms of processor time or more, 3 times: over 10/,
    );
  });

  it('passes where it was slow once', async () => {
    let times = 0;
    const work = (): number => {
      if (times === 0) compute(allowed(10) + 20);
      return ++times;
    };
    assert.equal(await quickly(10, work), 2);
  });

  it('may wait as long as it likes', async () => {
    const wait = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve('done'), 60));
    assert.equal(await quickly(50, wait), 'done');
  });
});
