import assert from 'node:assert/strict';
import path from 'node:path';
import { CheckpointSession } from '../../../../extension/host/editor/checkpointSession';
import { EngineClient } from '../../../../extension/host/engineClient';
import type { ModelSaving } from '../../../../extension/shared/compression/modelSaving';
import type { RunRequest } from '../../../../extension/shared/compression/runs';
import type { InspectSettings } from '../../../../extension/shared/layers';

const settings: InspectSettings = {
  farms: { enabled: false, rows: 1, q: 1, ops: 1, fit: 'KS', mode: 'full', tolerance: 1 },
};

function requestFor(target: string): RunRequest {
  return {
    ...{ layout: 'safetensors', target },
    plan: {
      ...{ version: 1, checkpoint: { name: 'made', fingerprint: '' }, target: { kind: 'size', value: 0.5 } },
      ...{ allocation: 'uniform', method: { method: 'svd' }, exclude: [], multiple: 1, layers: {} },
    },
  };
}

describe('saving a compressed model', () => {
  let engine: EngineClient;
  let session: CheckpointSession;
  let states: ModelSaving[];

  beforeEach(() => {
    engine = new EngineClient({
      module: path.join(__dirname, '../../../harness/fakes/fakeEngine.main.js'),
      environment: () => ({}),
    });
    session = new CheckpointSession(engine, '/made/a', () => settings);
    states = [];
    session.on('modelSaving', (state) => states.push(state));
  });
  afterEach(() => engine.dispose());

  it('tells how it stands, and keeps the last for a tab that comes back', async () => {
    await session.modelSaving.start(requestFor('/made/out'));
    assert.deepEqual(
      states.map((state) => (state.state === 'running' ? [state.fraction, state.secondsLeft] : state.state)),
      [[0, null], [0.25, 3], 'done'],
    );
    assert.equal(session.modelSaving.state, states.at(-1));
    const { state } = session.modelSaving;
    assert.deepEqual(state?.state === 'done' && [state.result.path, state.result.notes], ['/made/out', ['new']]);
  });

  it('goes on with a save that a problem stopped', async () => {
    await session.modelSaving.start(requestFor('/made/full'));
    const { state } = session.modelSaving;
    assert.match(state?.state === 'stopped' ? (state.problem?.message ?? '') : '', /the disk is full/);
    await session.modelSaving.resume();
    const last = session.modelSaving.state;
    assert.deepEqual(last?.state === 'done' && last.result.notes, ['resume']);
    await assert.rejects(session.modelSaving.resume(), /no save to take up again/);
  });

  it('says so when the engine dies of it, and can be taken up again', async () => {
    await session.modelSaving.start(requestFor('/made/fatal'));
    const { state } = session.modelSaving;
    assert.equal(state?.state === 'stopped' && state.problem?.code, 'engine-died');
  });

  it('stops when it is cancelled, and does not run twice at a time', async () => {
    const running = session.modelSaving.start(requestFor('/made/slow'));
    await new Promise<void>((resolve) => {
      const stop = session.on('modelSaving', (state) => {
        if (state.state !== 'running' || state.fraction === 0) return;
        stop();
        resolve();
      });
    });
    await assert.rejects(session.modelSaving.start(requestFor('/made/other')), /is being saved; wait for its end/);
    session.modelSaving.cancel();
    await running;
    const { state } = session.modelSaving;
    assert.deepEqual(state, { state: 'stopped', target: '/made/slow', problem: null });
  });
});
