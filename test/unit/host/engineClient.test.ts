import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import {
  EngineClient,
  EngineDiedError,
  EngineStoppedError,
  type EngineChange,
} from '../../../extension/host/engineClient';
import { problemOf } from '../../../extension/shared/rpc';
import { eventually } from '../../harness/eventually';

describe('engine client', () => {
  let client: EngineClient;
  let states: EngineChange['state'][];
  let threads = '3';

  beforeEach(() => {
    client = new EngineClient({
      module: path.join(__dirname, '../../harness/fakes/fakeEngine.main.js'),
      environment: () => ({ EIGENSCOPE_CACHE_DIR: 'somewhere', EIGENSCOPE_THREADS: threads }),
    });
    states = [];
    client.events.on('state', ({ state }) => states.push(state));
  });
  afterEach(() => client.dispose());

  const kill = async (): Promise<void> => {
    assert.ok(client.pid !== undefined);
    const told = once(client.events, 'state');
    process.kill(client.pid, 'SIGKILL');
    await told;
  };

  it('starts with the first request, in the environment of that moment', async () => {
    assert.equal(client.pid, undefined);
    threads = '5';
    const device = await client.request('device', null);
    assert.equal(device.provider, 'somewhere');
    assert.equal(device.threads, 5);
    assert.deepEqual(states, ['running']);
  });

  it('starts one process for all who ask at once, those that its start itself makes ask too', async () => {
    client.events.once('state', () => void client.request('device', null));
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => client.request('open', { path: `/made/${name}` })),
    );
    const processes = new Set(answers.map(({ about }) => about.document.split(' of ')[1]));
    assert.deepEqual([...processes], [String(client.pid)]);
    assert.deepEqual(states, ['running']);
    assert.equal(new Set(answers.map(({ about }) => about.document)).size, 4, "a handle is one checkpoint's");
  });

  it('ends in one process where it is restarted twice at once, and asked meanwhile', async () => {
    await client.request('device', null);
    const former = client.pid;
    let working = 0;
    const alone = async (): Promise<void> => {
      assert.equal(client.pid, undefined, 'no process runs meanwhile');
      assert.equal(working++, 0, 'one after the other');
      await new Promise((resolve) => setTimeout(resolve, 20));
      working--;
    };
    const first = client.restart(alone);
    const asked = client.request('open', { path: '/made/a' });
    const second = client.restart(alone);
    await Promise.all([first, second]);
    const { about } = await asked;
    assert.deepEqual(states, ['running', 'restarting', 'restarting', 'running']);
    assert.notEqual(client.pid, former);
    assert.ok(about.document.endsWith(` of ${client.pid}`), 'it is open in the process that stays');
  });

  it('runs again where what was to happen between two processes failed, and says so', async () => {
    await client.request('device', null);
    await assert.rejects(
      client.restart(() => Promise.reject(new Error('the folder is busy'))),
      /the folder is busy/,
    );
    assert.equal(states.at(-1), 'running');
    assert.equal((await client.request('device', null)).provider, 'somewhere');
  });

  it('starts nothing after it was shut down while it restarted', async () => {
    await client.request('device', null);
    const restarted = client.restart(() => {
      client.dispose();
      return Promise.resolve();
    });
    await assert.rejects(restarted, EngineStoppedError);
    assert.equal(client.pid, undefined);
  });

  it('can be started ahead, once', async () => {
    client.warmUp();
    const pid = await eventually(
      () => Promise.resolve(client.pid),
      (found) => found !== undefined,
    );
    client.warmUp();
    await client.request('device', null);
    assert.equal(client.pid, pid);
    assert.deepEqual(states, ['running']);
  });

  it('hands on what the engine says of a failure', async () => {
    await assert.rejects(client.request('open', { path: '/made/missing' }), (error) => {
      assert.equal(problemOf(error).message, '/made/missing does not exist');
      return true;
    });
  });

  it('rejects what was asked of a process that dies, and starts another', async () => {
    const { about } = await client.request('open', { path: '/made/a' });
    const former = client.pid;
    const farms = { enabled: false, rows: 1, q: 1, ops: 1, fit: 'KS', mode: 'full', tolerance: 1 } as const;
    const asked = client.request('spectrum', { document: about.document, layer: 'a', settings: { farms } });
    const rejected = assert.rejects(asked, EngineDiedError);
    await kill();
    await rejected;
    // Asked while it restarts: waits and is answered.
    await client.request('device', null);
    assert.notEqual(client.pid, former);
    assert.deepEqual(states, ['running', 'restarting', 'running']);
  });

  it('gives up after three deaths within a minute, until it is restarted by hand', async () => {
    await client.request('device', null);
    for (let death = 1; death <= 3; death++) {
      await kill();
      if (death < 3) await client.request('device', null);
    }
    assert.equal(states.at(-1), 'stopped');
    await assert.rejects(client.request('device', null), EngineStoppedError);
    assert.match(client.stoppedReason ?? '', /SIGKILL, 3 times within a minute/);
    await client.restart();
    assert.equal((await client.request('device', null)).provider, 'somewhere');
    assert.equal(states.at(-1), 'running');
  });

  it('counts a death on opening a file like any other', async () => {
    await assert.rejects(client.request('open', { path: '/made/fatal' }), EngineDiedError);
    await once(client.events, 'state');
    assert.deepEqual(states, ['running', 'restarting', 'running']);
  });

  it('tells the next process which device was in use when one died, until it is restarted by hand', async () => {
    const refused = async (): Promise<string[]> =>
      (await client.request('device', null)).refused.map(({ provider }) => provider);
    const use = async (): Promise<void> => {
      const told = once(client.events, 'device');
      await client.request('open', { path: '/made/webgpu' });
      await told;
    };
    await use();
    assert.deepEqual(await refused(), []);
    await kill();
    assert.deepEqual(await refused(), ['webgpu']);
    // It dies again, of something else: the device stays under suspicion.
    await use();
    await kill();
    assert.deepEqual(await refused(), ['webgpu']);
    await client.restart();
    assert.deepEqual(await refused(), []);
  });

  it('does not count a restart that was asked for as a death', async () => {
    const told: EngineChange[] = [];
    await client.request('device', null);
    client.events.on('state', (state) => told.push(state));
    let between = false;
    await client.restart(() => {
      between = client.pid === undefined;
      return Promise.resolve();
    });
    assert.ok(between, 'no process runs while the cache is cleared');
    assert.deepEqual(
      told.map((state) => ('died' in state ? state.died : state.state)),
      [false, 'running'],
    );
  });
});
