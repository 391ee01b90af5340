import assert from 'node:assert/strict';
import { abortable } from '../../../../extension/engine/resources/abortable';
import { MemoryBudget } from '../../../../extension/engine/resources/memoryBudget';
import { ReadAhead } from '../../../../extension/engine/layer/readAhead';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const never = new AbortController().signal;

/** A reading that the test ends, out of a budget whose free bytes tell whether the memory was given back. */
function harness() {
  const budget = new MemoryBudget(10);
  const plan = { rows: { start: 0, end: 1 }, held: true, chunk: 1, working: 9, memory: 10 };
  let finish: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let aborted = false;
  const ahead = new ReadAhead((signal, revoke) => {
    const reservation = budget.reserveSpare(10, revoke)!;
    signal.addEventListener('abort', () => (aborted = true));
    return new Promise((resolve, reject) => {
      finish = () => resolve({ plan, bytes: Uint8Array.of(7), reservation });
      fail = (error) => {
        reservation.release();
        reject(error);
      };
    });
  });
  return {
    ahead,
    budget,
    finish: () => finish(),
    fail: (error: Error) => fail(error),
    aborted: () => aborted,
    free: () => {
      const reservation = budget.reserveSpare(10, () => undefined);
      reservation?.release();
      return reservation !== undefined;
    },
  };
}

describe('reading ahead', () => {
  it('hands over what was read, memory and all', async () => {
    const { ahead, finish, free, aborted } = harness();
    finish();
    const input = await ahead.take(never);
    ahead.drop();
    assert.deepEqual([...input!.bytes!], [7]);
    assert.equal(aborted(), false);
    assert.equal(free(), false);
    input!.reservation.release();
    assert.equal(free(), true);
  });

  it('is waited for where it has not ended', async () => {
    const { ahead, finish } = harness();
    const taking = ahead.take(never);
    finish();
    assert.ok(await taking);
  });

  it('stops and gives its memory back when it is dropped, before or after its end', async () => {
    for (const early of [true, false]) {
      const { ahead, finish, free, aborted } = harness();
      if (!early) finish();
      ahead.drop();
      assert.equal(aborted(), true);
      finish();
      await turn();
      assert.equal(free(), true);
    }
  });

  it('gives its memory up for a layer in work that waits for it, and nothing to its taker', async () => {
    for (const early of [true, false]) {
      const { ahead, budget, finish, aborted } = harness();
      if (!early) finish();
      const taking = early ? ahead.take(never) : undefined;
      const waiting = budget.reserve(5, never);
      assert.equal(aborted(), true);
      finish();
      (await waiting).release();
      assert.equal(await (taking ?? ahead.take(never)), undefined);
    }
  });

  it('keeps what was taken, whoever waits', async () => {
    const { ahead, budget, finish } = harness();
    finish();
    const input = await ahead.take(never);
    let granted = false;
    const waiting = budget.reserve(5, never).then(() => (granted = true));
    await turn();
    assert.equal(granted, false);
    input!.reservation.release();
    await waiting;
  });

  it('lets its taker go as soon as that is cancelled', async () => {
    const { ahead, finish, free, aborted } = harness();
    const controller = new AbortController();
    const taking = ahead.take(controller.signal);
    controller.abort(new Error('not wanted'));
    await assert.rejects(taking, /not wanted/);
    assert.equal(aborted(), true);
    finish();
    await turn();
    assert.equal(free(), true);
  });

  it('tells its error to the taker and to nobody else', async () => {
    const { ahead, fail, free } = harness();
    fail(new Error('disk on fire'));
    await turn();
    await assert.rejects(ahead.take(never), /disk on fire/);
    assert.equal(free(), true);
    const dropped = harness();
    dropped.fail(new Error('disk on fire'));
    dropped.ahead.drop();
    await turn();
  });
});

describe('waiting for what may be cancelled', () => {
  it('passes results and errors on', async () => {
    assert.equal(await abortable(Promise.resolve(3), never), 3);
    await assert.rejects(abortable(Promise.reject(new Error('broken')), never), /broken/);
  });

  it('ends with the signal, before or while it waits, whatever becomes of the promise', async () => {
    const controller = new AbortController();
    const waiting = abortable(new Promise(() => undefined), controller.signal);
    controller.abort(new Error('not wanted'));
    await assert.rejects(waiting, /not wanted/);
    await assert.rejects(abortable(Promise.reject(new Error('broken')), controller.signal), /not wanted/);
  });
});
