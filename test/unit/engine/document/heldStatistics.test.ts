import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { StatisticsSource } from '../../../../extension/compression/statistics/statisticsSource';
import { HeldStatistics } from '../../../../extension/engine/document/heldStatistics';
import { eventually } from '../../../harness/eventually';

describe('HeldStatistics', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-held-'));
  const file = path.join(folder, 'statistics.safetensors');
  const document = { handle: 'a', checkpoint: { path: 'model', tensors: [] } };
  const { signal } = new AbortController();
  let opened = 0;
  let closed: { count: number };
  const opener = (): Promise<StatisticsSource> => {
    opened += 1;
    // Those of a former test may close now.
    const ours = closed;
    return Promise.resolve({
      ...({} as StatisticsSource),
      close: () => {
        ours.count += 1;
        return Promise.resolve();
      },
    });
  };
  const nothing = (): Promise<null> => Promise.resolve(null);

  beforeEach(() => {
    opened = 0;
    closed = { count: 0 };
    writeFileSync(file, 'one');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('opens a file once for requests that follow one another, and closes it after them', async () => {
    const held = new HeldStatistics(opener, 20);
    for (let i = 0; i < 3; i++) await held.use(document, file, signal, nothing);
    await Promise.all([held.use(document, file, signal, nothing), held.use(document, file, signal, nothing)]);
    assert.equal(opened, 1);
    await eventually(
      () => Promise.resolve(closed.count),
      (count) => count === 1,
    );
    await held.use(document, file, signal, nothing);
    assert.equal(opened, 2);
  });

  it('opens a file that was written anew', async () => {
    const held = new HeldStatistics(opener, 20);
    await held.use(document, file, signal, nothing);
    writeFileSync(file, 'another');
    await held.use(document, file, signal, nothing);
    assert.equal(opened, 2);
  });

  it('does not close what is worked with, even when its document is closed', async () => {
    const held = new HeldStatistics(opener, 1);
    let end = (): void => undefined;
    const working = held.use(document, file, signal, () => new Promise<void>((resolve) => (end = resolve)));
    await eventually(
      () => Promise.resolve(opened),
      (count) => count === 1,
    );
    held.forget('a');
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(closed.count, 0);
    end();
    await working;
    await eventually(
      () => Promise.resolve(closed.count),
      (count) => count === 1,
    );
  });

  it('opens anew for one request what another one cancelled', async () => {
    const cancelled = new AbortController();
    let first = true;
    const held = new HeldStatistics((...given) => {
      if (!first) return opener();
      first = false;
      return new Promise((_, reject) => {
        given[2]!.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError')));
      });
    }, 20);
    const gone = held.use(document, file, cancelled.signal, nothing);
    const other = held.use(document, file, signal, () => Promise.resolve('read'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    cancelled.abort();
    await assert.rejects(gone, { name: 'AbortError' });
    assert.equal(await other, 'read');
    assert.equal(opened, 1);
  });
});
