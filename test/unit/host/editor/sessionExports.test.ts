/** What an export tells the engine, and what ends it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { CancellationTokenSource } from 'vscode-jsonrpc';
import { CheckpointSession } from '../../../../extension/host/editor/checkpointSession';
import { EngineClient } from '../../../../extension/host/engineClient';
import type { InspectSettings } from '../../../../extension/shared/layers';
import { eventually } from '../../../harness/eventually';

const settings: InspectSettings = {
  farms: { enabled: false, rows: 1, q: 1, ops: 1, fit: 'KS', mode: 'full', tolerance: 1 },
};

describe('exports of a session', () => {
  let engine: EngineClient;
  let said: string[];
  beforeEach(() => {
    engine = new EngineClient({
      module: path.join(__dirname, '../../../harness/fakes/fakeEngine.main.js'),
      environment: () => ({ FAKE_FILES_VERSION: '1' }),
    });
    said = [];
    engine.events.on('log', ({ message }) => said.push(message));
  });
  afterEach(() => engine.dispose());

  async function inspected(count: number): Promise<CheckpointSession> {
    const names = Array.from({ length: count }, (_, i) => `t${i}`);
    const session = new CheckpointSession(engine, `/made/${names.join(',')}`, () => settings);
    await session.inspectOnce();
    await eventually(
      () => Promise.resolve(session.results.size),
      (size) => size === count,
    );
    return session;
  }
  const never = new CancellationTokenSource().token;

  it('tells the engine every result, a slice at a time, then which layers were looked at', async () => {
    const session = await inspected(450);
    for (const layer of ['t3', 't1', null, 't3']) session.shows(layer);
    const { bytes, notes } = await session.exports.write('report', '/made/out', settings, never);
    assert.equal(bytes, 450);
    assert.deepEqual(notes, ['t3', 't1']);
    assert.deepEqual(
      said.filter((line) => line.startsWith('told')),
      ['told 200', 'told 200', 'told 50'],
    );
  });

  it('writes one after the other, each with all results', async () => {
    const session = await inspected(210);
    const writing = ['one', 'two'].map((name) => session.exports.write('csv', name, settings, never));
    assert.deepEqual(await Promise.all(writing), [
      { path: 'one', bytes: 210, notes: [] },
      { path: 'two', bytes: 210, notes: [] },
    ]);
  });

  it('exports a checkpoint without any result', async () => {
    const session = new CheckpointSession(engine, '/made/a', () => settings);
    assert.equal((await session.exports.write('csv', 'none', settings, never)).bytes, 0);
  });

  it('hears that the engine died, and the next export works', async () => {
    const session = await inspected(3);
    await assert.rejects(session.exports.write('csv', '/made/fatal', settings, never), /ended before it answered/);
    assert.equal((await session.exports.write('csv', 'again', settings, never)).bytes, 3);
  });

  it('ends when it is cancelled, before and while it is written', async () => {
    const session = await inspected(3);
    const source = new CancellationTokenSource();
    const slow = session.exports.write('csv', '/made/slow', settings, source.token);
    await eventually(
      () => Promise.resolve(said),
      (lines) => lines.includes('told 3'),
    );
    source.cancel();
    await assert.rejects(slow);
    await assert.rejects(session.exports.write('csv', '/made/x', settings, source.token), /cancelled/);
    assert.equal(existsSync('/made/x'), false);
  });

  it('ends when it is cancelled before the engine has taken it up', async () => {
    const session = await inspected(3);
    const source = new CancellationTokenSource();
    engine.events.on('log', ({ message }) => message === 'told 3' && source.cancel());
    await assert.rejects(session.exports.write('csv', '/made/slow', settings, source.token));
  });
});
