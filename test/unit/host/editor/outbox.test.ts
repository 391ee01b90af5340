import assert from 'node:assert/strict';
import { Outbox } from '../../../../extension/host/editor/outbox';
import type { LayerResult } from '../../../../extension/shared/layers';

const result = (name: string): LayerResult => ({
  ...{ name, tensor: name, shape: [2, 2], dtype: 'F32', matrices: 1, metrics: {}, fits: {}, farms: null, ranks: {} },
  ...{ statistics: null, problems: [] },
});

describe("a view's outbox", () => {
  let sent: [string, unknown][];
  let outbox: Outbox;
  const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

  beforeEach(() => {
    sent = [];
    outbox = new Outbox((name, params) => sent.push([name, params]), 5);
  });
  afterEach(() => outbox.dispose());

  it('sends what came within a moment as one message of each kind, results first', async () => {
    outbox.queue({ done: 0, total: 3, active: ['a'] });
    outbox.result(result('a'));
    outbox.queue({ done: 1, total: 3, active: ['b'] });
    outbox.result(result('b'));
    outbox.queue({ done: 2, total: 3, active: ['c'] });
    outbox.progress({ name: 'c', stage: 'reading', fraction: 0.1 });
    outbox.progress({ name: 'c', stage: 'eigenvalues', fraction: 0.4 });
    await moment();
    assert.deepEqual(sent, [
      ['results', [result('a'), result('b')]],
      ['queue', { done: 2, total: 3, active: ['c'] }],
      ['progress', { name: 'c', stage: 'eigenvalues', fraction: 0.4 }],
    ]);
  });

  it('tells the first thing after a pause at once, and what follows it after a moment', async () => {
    const slow = new Outbox((name, params) => sent.push([name, params]), 60_000);
    slow.result(result('a'));
    await moment();
    slow.result(result('b'));
    await moment();
    slow.dispose();
    assert.deepEqual(sent, [['results', [result('a')]]]);
  });

  it('never tells of progress after the end of it', async () => {
    outbox.progress({ name: 'done', stage: 'fits', fraction: 0.9 });
    outbox.result(result('done'));
    outbox.progress({ name: 'cancelled', stage: 'fits', fraction: 0.9 });
    outbox.queue({ done: 1, total: 1, active: [] });
    await moment();
    assert.deepEqual(
      sent.map(([name]) => name),
      ['results', 'queue'],
    );
  });

  it('goes on in the next moment, and is silent once disposed', async () => {
    outbox.result(result('a'));
    await moment();
    outbox.result(result('b'));
    await moment();
    assert.equal(sent.length, 2);
    outbox.result(result('c'));
    outbox.dispose();
    await moment();
    assert.equal(sent.length, 2);
  });
});
