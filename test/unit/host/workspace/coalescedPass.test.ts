import assert from 'node:assert/strict';
import { CoalescedPass } from '../../../../extension/host/workspace/coalescedPass';
import { PassingDocuments } from '../../../../extension/engine/document/passingDocuments';
import { eventually } from '../../../harness/eventually';
import { quickly } from '../../../harness/quick';

const MOST_MS = 60;
const ask =
  <T>(look: () => T) =>
  (): Promise<T> =>
    Promise.resolve(look());
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('one pass over many news', () => {
  it('takes ten thousand at once, and costs next to nothing for each', async () => {
    let passes = 0;
    const pass = new CoalescedPass(async () => Promise.resolve(passes++).then(() => undefined), {
      quietMs: 50,
      mostMs: 5000,
    });
    await quickly(2000, () => {
      for (let index = 0; index < 1_000_000; index++) pass.touch();
    });
    assert.equal(passes, 0, 'none while they come');
    await eventually(
      ask(() => passes),
      (count) => count > 0,
    );
    await pause(150);
    assert.equal(passes, 1);
    pass.dispose();
  });

  it('does not wait for an end of the news, and never runs beside itself', async () => {
    let passes = 0;
    let running = 0;
    const pass = new CoalescedPass(
      async () => {
        passes += 1;
        running += 1;
        assert.equal(running, 1);
        await pause(30);
        running -= 1;
      },
      { quietMs: 60_000, mostMs: MOST_MS },
    );
    const started = performance.now();
    while (passes < 4) {
      pass.touch();
      await pause(2);
    }
    const most = (performance.now() - started) / MOST_MS;
    assert.ok(passes <= most + 1, `${passes} passes in a time for ${most}`);
    pass.dispose();
    const before = passes;
    pass.touch();
    await pause(150);
    assert.equal(passes, before);
  });
});

describe('documents that are open for a moment', () => {
  it('are opened once for those who ask at a time, and closed soon, the ones of long ago first', async () => {
    const opened: string[] = [];
    const closed: string[] = [];
    const documents = new PassingDocuments(
      (path) => {
        opened.push(path);
        return path === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve(path);
      },
      (document) => Promise.resolve().then(() => void closed.push(document)),
      100,
    );
    await Promise.all([documents.get('a'), documents.get('a'), documents.get('b')]);
    assert.deepEqual(opened, ['a', 'b']);
    await assert.rejects(documents.get('bad'));
    await assert.rejects(documents.get('bad'));
    assert.deepEqual(opened, ['a', 'b', 'bad', 'bad']);
    await Promise.all(['c', 'd', 'e'].map((path) => documents.get(path)));
    await pause(0);
    assert.equal(closed[0], 'a', 'at most four');
    await eventually(
      ask(() => closed.length),
      (count) => count === 5,
    );
    assert.deepEqual(closed.sort(), ['a', 'b', 'c', 'd', 'e']);
  });
});
