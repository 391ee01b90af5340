import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { CheckpointSession, type SessionNotifications } from '../../../../extension/host/editor/checkpointSession';
import { EngineClient } from '../../../../extension/host/engineClient';
import { Quarantine } from '../../../../extension/host/quarantine';
import type { DocumentStamp } from '../../../../extension/protocol';
import type { InspectSettings, LayerResult } from '../../../../extension/shared/layers';

const settings: InspectSettings = {
  farms: { enabled: false, rows: 1, q: 1, ops: 1, fit: 'KS', mode: 'full', tolerance: 1 },
};

describe('checkpoint session', () => {
  let engine: EngineClient;
  let said: string[];
  /** Of the files, as the next engine process finds them. */
  let version: string;

  beforeEach(() => {
    version = '1';
    engine = new EngineClient({
      module: path.join(__dirname, '../../../harness/fakes/fakeEngine.main.js'),
      environment: () => ({ FAKE_FILES_VERSION: version }),
    });
    said = [];
    engine.events.on('log', ({ message }) => said.push(message));
  });
  afterEach(() => engine.dispose());

  const open = (tensors: string): CheckpointSession =>
    new CheckpointSession(engine, `/made/${tensors}`, () => settings);
  const heard = async <K extends keyof SessionNotifications>(
    session: CheckpointSession,
    name: K,
    enough: (params: SessionNotifications[K]) => boolean,
  ): Promise<SessionNotifications[K]> =>
    new Promise((resolve) => {
      const stop = session.on(name, (params: SessionNotifications[K]) => {
        if (!enough(params)) return;
        stop();
        resolve(params);
      });
    });

  it('keeps every result for views that come later', async () => {
    const session = open('a,b,c');
    const done = heard<'queue'>(session, 'queue', ({ done: count }) => count === 3);
    await session.inspectOnce();
    await done;
    assert.deepEqual([...session.results.keys()], ['a', 'b', 'c']);
  });

  it('queues everything once, however many views ask', async () => {
    const session = open('a,b');
    const results: string[] = [];
    session.on('result', ({ name }) => results.push(name));
    const done = heard<'queue'>(session, 'queue', ({ done: count }) => count === 2);
    await session.inspectOnce();
    await done;
    await session.inspectOnce();
    await engine.request('device', null);
    assert.deepEqual(results, ['a', 'b']);
  });

  it('asks again for the next view where it could not for the first', async () => {
    const session = open('missing');
    await assert.rejects(session.inspectOnce(), /does not exist/);
    await assert.rejects(session.inspectOnce(), /does not exist/);
  });

  it('opens again later where opening failed', async () => {
    const session = open('missing');
    await assert.rejects(session.summary(), /does not exist/);
    await assert.rejects(session.summary(), /does not exist/);
  });

  it('goes on after the engine died: done layers stay, the active one is marked, the rest is computed', async () => {
    const session = open('a,poison,b,c');
    const told: SessionNotifications['engine'][] = [];
    session.on('engine', (change) => told.push(change));
    const done = heard<'result'>(session, 'result', ({ name }) => name === 'c');
    const back = heard<'engine'>(session, 'engine', ({ state }) => state === 'running');
    await session.inspect();
    const former = engine.pid;
    await done;
    await back;
    assert.deepEqual(
      told.map(({ state, failed }) => [state, failed]),
      [
        ['restarting', ['poison']],
        ['running', []],
      ],
    );
    assert.equal(session.results.get('a')?.metrics.alpha, former, 'the result of the dead process is kept');
    assert.equal(session.results.get('b')?.metrics.alpha, engine.pid, 'what was waiting is computed by the new one');
    const [problem] = session.results.get('poison')?.problems ?? [];
    assert.equal(problem?.code, 'engine-died');
    assert.match(problem.message, /SIGKILL/);
  });

  it('names the layer and the shape of a part that the engine died on', async () => {
    const session = open('a,stack');
    for (const [layer, part] of [
      ['a', 'a[poison]'],
      ['stack[1]', 'stack[1.poison]'],
    ] as const) {
      await session.parts(layer);
      const marked = heard<'result'>(session, 'result', ({ name }) => name === part);
      await session.inspect([part]);
      const { tensor, partOf, shape, problems } = await marked;
      assert.deepEqual([tensor, partOf, shape], [layer.replace('[1]', ''), layer, [1, 2]]);
      assert.equal(problems[0]?.code, 'engine-died');
    }
  });

  it('asks a new engine for the visible rows first', async () => {
    const session = open('a,slow');
    const active = heard<'queue'>(session, 'queue', (queue) => queue.active.includes('slow'));
    await session.inspect();
    await session.prioritise(['slow']);
    await active;
    said.length = 0;
    assert.ok(engine.pid !== undefined);
    const back = heard<'engine'>(session, 'engine', ({ state }) => state === 'running');
    process.kill(engine.pid, 'SIGKILL');
    await back;
    assert.ok(said.includes('first slow'), said.join('\n'));
  });

  it('marks nothing when the engine is restarted on purpose, and resumes', async () => {
    const session = open('a,slow,b');
    const active = heard<'queue'>(session, 'queue', (queue) => queue.active.includes('slow'));
    await session.inspect();
    await active;
    const told: SessionNotifications['engine'][] = [];
    session.on('engine', (change) => told.push(change));
    const resumed = heard<'queue'>(session, 'queue', (queue) => queue.active.includes('slow'));
    await engine.restart();
    await resumed;
    assert.deepEqual(told[0]?.failed, []);
    assert.equal(session.results.has('slow'), false);
  });

  it('resumes where the engine dies once more while the checkpoint is opened again', async () => {
    const session = open('a,slow');
    const active = heard<'queue'>(session, 'queue', (queue) => queue.active.includes('slow'));
    await session.inspect();
    await active;
    const changes: string[] = [];
    session.on('changed', ({ message }) => changes.push(message));
    const killOnReturn = ({ state }: { state: string }): void => {
      if (state !== 'running') return;
      engine.events.off('state', killOnReturn);
      process.kill(engine.pid!, 'SIGKILL');
    };
    engine.events.on('state', killOnReturn);
    const back = heard<'engine'>(session, 'engine', ({ state }) => state === 'running');
    process.kill(engine.pid!, 'SIGKILL');
    await back;
    assert.equal((await session.summary()).tensors.length, 2);
    assert.deepEqual(changes, [], 'the death is told once, as the death of the engine');
  });

  /** As in `EngineNotifications`, of a session that is open. */
  const stampOf = async (session: CheckpointSession): Promise<DocumentStamp> => {
    const { document, version: opened } = await session.summary();
    return { document, path: session.path, version: opened };
  };
  const made = (name: string): LayerResult => ({
    ...{ name, tensor: name, shape: [2, 2], dtype: 'F32', matrices: 1, metrics: {}, fits: {} },
    ...{ farms: null, ranks: {}, statistics: null, problems: [] },
  });

  it('takes no results of a process that is gone', async () => {
    const session = open('a');
    const stamp = await stampOf(session);
    const down = heard<'engine'>(session, 'engine', ({ state }) => state === 'restarting');
    process.kill(engine.pid!, 'SIGKILL');
    await down;
    engine.events.emit('result', { ...stamp, result: made('b') });
    assert.equal(session.results.size, 0);
  });

  it('has a document of its own where four of the same names are opened at once, by an engine that none has started', async () => {
    const sessions = ['one', 'two', 'three', 'four'].map(
      (folder) => new CheckpointSession(engine, `/made/${folder}/a,b`, () => settings),
    );
    const all = await Promise.all(sessions.map((session) => session.contentsNow()));
    assert.deepEqual(
      all.map(({ summary }) => summary.path),
      sessions.map(({ path: file }) => file),
    );
    assert.equal(new Set(all.map(({ summary }) => summary.document)).size, 4);
    assert.equal(said.filter((line) => line.startsWith('engine started')).length, 1, said.join('\n'));
  });

  it('refuses to open as another checkpoint, loudly', async () => {
    const session = open('elsewhere');
    const told = heard<'changed'>(session, 'changed', () => true);
    await assert.rejects(session.summary(), /answered about \/made\/other; nothing of it is shown/);
    assert.equal((await told).code, 'wrong-checkpoint');
    assert.equal(session.changed?.code, 'wrong-checkpoint');
  });

  it('refuses a result and an answer about another checkpoint, loudly', async () => {
    const session = open('a,foreign');
    const told = heard<'changed'>(session, 'changed', () => true);
    await session.inspect();
    assert.match((await told).message, /answered about \/made\/other; nothing of it is shown. Reload this checkpoint/);
    assert.deepEqual([...session.results.keys()], ['a']);
    await assert.rejects(session.goodness('foreign'), /nothing of it is shown/);
    assert.equal((await session.goodness('a')).seed, 1);
  });

  it('keeps a test of a fit with the results, and tells every view', async () => {
    const session = open('a,b');
    const done = heard<'queue'>(session, 'queue', ({ done: count }) => count === 2);
    await session.inspectOnce();
    await done;
    const told = heard<'result'>(session, 'result', ({ name }) => name === 'b');
    const goodness = await session.goodness('b');
    assert.deepEqual((await told).goodness, goodness);
    assert.deepEqual(session.results.get('b')?.goodness, goodness);
    assert.equal(session.results.get('a')?.goodness, undefined);
  });

  it('refuses numbers that were asked for before it was opened anew', async () => {
    const session = open('a');
    const asked = session.goodness('late');
    await session.summary();
    await Promise.all([session.reload(), assert.rejects(asked, /was opened anew meanwhile/)]);
  });

  it('is open for those who waited while the process died that opened it', async () => {
    const session = open('a,b');
    const asked = session.contentsNow();
    engine.events.once('state', () => process.kill(engine.pid!, 'SIGKILL'));
    const { summary } = await asked;
    assert.equal(summary.path, '/made/a,b');
    assert.ok(summary.document.endsWith(` of ${engine.pid}`), summary.document);
  });

  describe('of a file that the engine dies of', () => {
    const stored = new Map<string, unknown>();
    const quarantine = (): Quarantine =>
      new Quarantine(
        {
          get: (key) => stored.get(key),
          update: (key, value) => Promise.resolve(void stored.set(key, value)),
        },
        'test',
      );
    const guarded = (name: string): CheckpointSession =>
      new CheckpointSession(engine, `/made/${name}`, () => settings, undefined, quarantine());
    const deaths = (): number => said.filter((line) => line.startsWith('engine ended')).length;
    beforeEach(() => stored.clear());

    it('leaves it alone after two deaths, and opens what was opened beside it', async () => {
      const [fatal, sound] = [guarded('fatal'), guarded('a,b')];
      const opened = sound.summary();
      await assert.rejects(fatal.summary(), /died 2 times while it opened this/);
      assert.equal((await opened).tensors.length, 2);
      assert.equal(deaths(), 2);
      await assert.rejects(fatal.summary(), /left alone until it changes/);
      assert.equal(deaths(), 2);
      assert.equal(engine.stoppedReason, undefined, 'the others go on');
      assert.equal((await sound.summary()).path, '/made/a,b');
    });

    it('leaves it alone in the next window, too, until a person insists', async () => {
      await assert.rejects(guarded('fatal').summary(), /died 2 times/);
      const restored = guarded('fatal');
      await assert.rejects(restored.summary(), /left alone until it changes/);
      assert.equal(deaths(), 2);
      await engine.restart(); // the person, too, after a while: its deaths are forgotten
      await assert.rejects(restored.reload(), /died 2 times/);
      assert.equal(deaths(), 4);
    });

    it('forgets that once it opens after all', async () => {
      await quarantine().add('/made/a', '');
      const session = guarded('a');
      await assert.rejects(session.summary(), /left alone/);
      assert.equal((await session.reload()).tensors.length, 1);
      assert.equal((await guarded('a').summary()).tensors.length, 1);
    });
  });

  it('brings a stopped engine back when asked to try again, and goes on', async () => {
    const session = open('a,slow');
    const active = heard<'queue'>(session, 'queue', (queue) => queue.active.includes('slow'));
    await session.inspect();
    await active;
    for (let death = 1; death <= 3; death++) {
      const told = heard<'engine'>(session, 'engine', ({ state }) => state !== 'running');
      await engine.request('device', null);
      assert.ok(engine.pid !== undefined);
      process.kill(engine.pid, 'SIGKILL');
      await told;
    }
    assert.ok(engine.stoppedReason !== undefined);
    const back = heard<'engine'>(session, 'engine', ({ state }) => state === 'running');
    assert.equal((await session.reload()).tensors.length, 2);
    await back;
    assert.ok(session.results.has('a'), 'what was known is not lost');
  });

  it('remembers that its files changed, for views that come later, until it is reloaded', async () => {
    const session = open('a,b');
    const stamp = await stampOf(session);
    const told = heard<'changed'>(session, 'changed', () => true);
    engine.events.emit('changed', { ...stamp, problem: { code: 'changed', message: 'changed on disk' } });
    assert.equal((await told).code, 'changed');
    assert.equal(session.changed?.message, 'changed on disk');
    await session.reload();
    assert.equal(session.changed, undefined);
  });

  it('shows no results of new files as those of the old, where they changed while the engine was away', async () => {
    const session = open('a,slow,b');
    const active = heard<'queue'>(session, 'queue', (queue) => queue.active.includes('slow'));
    await session.inspect();
    await active;
    const { pid } = engine;
    version = '2';
    const told = heard<'changed'>(session, 'changed', () => true);
    const back = heard<'engine'>(session, 'engine', ({ state }) => state === 'running');
    await engine.restart();
    assert.match((await told).message, /changed on disk while it was open; reload it/);
    await back;
    assert.deepEqual([...session.results.keys()], ['a'], 'nothing is asked of the new files');
    await assert.rejects(session.inspect(['b']), /changed on disk/);
    assert.equal(session.results.get('a')?.metrics.alpha, pid);
    await session.reload();
    assert.equal(session.results.size, 0);
    const again = heard<'result'>(session, 'result', ({ name }) => name === 'b');
    await session.inspect(['b']);
    assert.equal((await again).metrics.alpha, engine.pid);
  });

  it('saves nothing of another version than the person decided about', async () => {
    const session = open('a');
    const { version: seen } = await session.summary();
    const request = {
      layer: 'a',
      method: 'svd',
      rank: { kind: 'rank', rank: 1 },
      output: 'factors',
      target: '/b',
    } as const;
    assert.equal((await session.save(request, undefined, seen)).path, '/b');
    version = '2';
    const back = heard<'engine'>(session, 'engine', ({ state }) => state === 'running');
    await engine.restart();
    await back;
    await session.reload();
    await assert.rejects(session.save(request, undefined, seen), /opened anew meanwhile/);
  });

  it('is opened once where two views ask to reload it', async () => {
    const session = open('a');
    const { document } = await session.summary();
    const [one, two] = await Promise.all([session.reload(), session.reload()]);
    assert.equal(one.document, two.document);
    assert.deepEqual(
      said.filter((line) => line.startsWith('closed')),
      [`closed ${document}`],
    );
  });

  it('tells the engine to close it', async () => {
    const session = open('a');
    const { document } = await session.summary();
    await session.dispose();
    assert.ok(said.includes(`closed ${document}`), said.join('\n'));
  });

  it('is silent after it was closed', async () => {
    const session = open('a');
    const { document } = await session.summary();
    let heardAny = false;
    session.on('queue', () => (heardAny = true));
    await session.dispose();
    const other = once(engine.events, 'queue');
    await engine.request('inspect', { document, settings });
    await other;
    assert.equal(heardAny, false);
  });
});
