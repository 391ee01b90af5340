import assert from 'node:assert/strict';
import { LoadWatch } from '../../../../extension/host/editor/loadWatch';
import { eventually } from '../../../harness/eventually';

const WAIT_MS = 20;
const pause = (waits: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, waits * WAIT_MS));

/** Waits for so many, and a good while for one too many. */
async function counted(count: () => number, wanted: number): Promise<void> {
  await eventually(
    () => Promise.resolve(count()),
    (found) => found >= wanted,
  );
  await pause(12);
  assert.equal(count(), wanted);
}

describe('load watch', () => {
  it('loads a page again that does not come up, three times and less and less often', async () => {
    const times: number[] = [];
    const started = performance.now();
    const watch = new LoadWatch(() => {
      times.push(performance.now() - started);
      return true;
    }, WAIT_MS);
    watch.started();
    await counted(() => times.length, 3);
    const [first, second, third] = times as [number, number, number];
    assert.ok(second - first > 1.5 * WAIT_MS && third - second > 3 * WAIT_MS, times.join(', '));
  });

  it('leaves a page alone that has come up, or is gone', async () => {
    let reloads = 0;
    const watch = new LoadWatch(() => ++reloads > 0, WAIT_MS);
    watch.started();
    watch.ended();
    await pause(5);
    assert.equal(reloads, 0);
  });

  it('stops where the page is not shown', async () => {
    let reloads = 0;
    const watch = new LoadWatch(() => {
      reloads++;
      return false;
    }, WAIT_MS);
    watch.started();
    await counted(() => reloads, 1);
  });

  it('begins anew with each load', async () => {
    let reloads = 0;
    const watch = new LoadWatch(() => ++reloads > 0, WAIT_MS);
    watch.started();
    await counted(() => reloads, 3);
    watch.started();
    await counted(() => reloads, 6);
  });
});
