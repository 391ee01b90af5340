/** The time left of two passes, by a clock that the test turns. */
import assert from 'node:assert/strict';
import { TimeLeft } from '../../../../extension/engine/resources/timeLeft';

function harness() {
  let now = 100;
  const times = new TimeLeft(() => now);
  const run = (kind: 'quick' | 'exact', name: string, seconds: number, computed = true): void => {
    times.begin(kind, name);
    now += seconds;
    times.end(kind, name, computed);
  };
  return { times, run, pass: (seconds: number) => (now += seconds) };
}

describe('time left', () => {
  it('is not told before something is done', () => {
    const { times } = harness();
    times.add('quick', 'a', 1);
    assert.deepEqual(times.seconds(), {});
  });

  it('follows the cost of what is left at the speed of what is done', () => {
    const { times, run } = harness();
    for (const [name, cost] of Object.entries({ a: 1, b: 3, c: 2 })) times.add('quick', name, cost);
    run('quick', 'a', 5);
    assert.deepEqual(times.seconds(), { quick: 25 });
    run('quick', 'b', 15);
    assert.deepEqual(times.seconds(), { quick: 10 });
    run('quick', 'c', 10);
    assert.deepEqual(times.seconds(), {});
  });

  it('takes the speed of quick looks for spectra until there are some', () => {
    const { times, run } = harness();
    times.add('quick', 'a', 1);
    times.add('exact', 'a', 10);
    times.add('exact', 'b', 10);
    run('quick', 'a', 2);
    assert.deepEqual(times.seconds(), { exact: 40 });
    run('exact', 'a', 50);
    assert.deepEqual(times.seconds(), { exact: 50 });
  });

  it('learns nothing from what was known, nor from pauses, and counts jobs at a time once', () => {
    const { times, run, pass } = harness();
    for (const name of ['a', 'b', 'c', 'd']) times.add('exact', name, 1);
    run('exact', 'a', 0, false);
    assert.deepEqual(times.seconds(), {});
    pass(1000);
    times.begin('exact', 'b');
    times.begin('exact', 'c');
    pass(4);
    times.end('exact', 'b', true);
    times.end('exact', 'c', true);
    assert.deepEqual(times.seconds(), { exact: 2 });
  });

  it('forgets what is wanted no more', () => {
    const { times, run } = harness();
    times.add('exact', 'a', 1);
    times.add('exact', 'b', 7);
    run('exact', 'a', 3);
    times.remove('exact', 'b');
    assert.deepEqual(times.seconds(), {});
  });

  it('takes half of what runs for done', () => {
    const { times, run, pass } = harness();
    for (const name of ['a', 'b', 'c']) times.add('exact', name, 2);
    run('exact', 'a', 6);
    times.begin('exact', 'b');
    pass(3);
    // 9 s for a and half of b; half of b and c are left.
    assert.deepEqual(times.seconds(), { exact: 9 });
  });
});
