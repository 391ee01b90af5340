import assert from 'node:assert/strict';
import { MemoryBudget, type Reservation } from '../../../../extension/engine/resources/memoryBudget';

const never = new AbortController().signal;
const nothing = (): void => undefined;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A budget of 100, and the requests it has granted by name. */
function harness() {
  const budget = new MemoryBudget(100);
  const granted = new Map<string, Reservation>();
  const ask = (name: string, bytes: number, signal = never): Promise<void> =>
    budget.reserve(bytes, signal).then((reservation) => void granted.set(name, reservation));
  return { budget, ask, granted, names: () => [...granted.keys()] };
}

describe('memory budget', () => {
  it('grants what is free and lets the rest wait, first come, first served', async () => {
    const { ask, granted, names } = harness();
    void ask('a', 60);
    void ask('b', 60);
    void ask('c', 10);
    await turn();
    assert.deepEqual(names(), ['a'], 'c is small enough, but b came before');
    granted.get('a')!.release();
    await turn();
    assert.deepEqual(names(), ['a', 'b', 'c']);
  });

  it('is given back once only', async () => {
    const { budget, ask, granted } = harness();
    await ask('a', 60);
    granted.get('a')!.release();
    granted.get('a')!.release();
    await ask('b', 60);
    assert.equal(budget.reserveSpare(60, nothing), undefined);
    assert.ok(budget.reserveSpare(40, nothing));
  });

  it('gives nothing out of turn', async () => {
    const { budget, ask, granted } = harness();
    await ask('a', 60);
    void ask('b', 50);
    assert.equal(budget.reserveSpare(10, nothing), undefined);
    granted.get('a')!.release();
    assert.ok(budget.reserveSpare(50, nothing));
  });

  it('lets those behind a cancelled request through', async () => {
    const { ask, names } = harness();
    const controller = new AbortController();
    await ask('a', 60);
    const waiting = ask('b', 60, controller.signal);
    void ask('c', 40);
    await turn();
    assert.deepEqual(names(), ['a']);
    controller.abort(new Error('not wanted'));
    await assert.rejects(waiting, /not wanted/);
    await turn();
    assert.deepEqual(names(), ['a', 'c']);
    await assert.rejects(ask('d', 1, controller.signal), /not wanted/);
  });

  it('a cancel after the grant changes nothing', async () => {
    const { budget, ask, granted } = harness();
    const controller = new AbortController();
    await ask('a', 100);
    const waiting = ask('b', 30, controller.signal);
    granted.get('a')!.release();
    await waiting;
    controller.abort();
    assert.equal(budget.reserveSpare(71, nothing), undefined);
    assert.ok(budget.reserveSpare(70, nothing));
  });

  it('calls back what is only kept for later as soon as somebody waits, and nothing that is needed', async () => {
    const { budget, ask, names } = harness();
    const revoked: string[] = [];
    const kept = budget.reserveSpare(30, () => revoked.push('kept'))!;
    kept.keep();
    const spare = budget.reserveSpare(30, () => {
      revoked.push('spare');
      spare.release();
    })!;
    await ask('fits', 40);
    assert.deepEqual(revoked, []);
    void ask('waits', 30);
    await turn();
    assert.deepEqual(revoked, ['spare']);
    assert.deepEqual(names(), ['fits', 'waits']);
  });

  it('refuses what could never be granted', async () => {
    await assert.rejects(harness().budget.reserve(101, never), RangeError);
  });
});
