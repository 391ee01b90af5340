import assert from 'node:assert/strict';
import path from 'node:path';
import { CheckpointSession } from '../../../../extension/host/editor/checkpointSession';
import { EngineClient } from '../../../../extension/host/engineClient';
import type { InspectSettings } from '../../../../extension/shared/layers';
import type { EvaluationOnText, TextRun } from '../../../../extension/shared/textRuns';

const settings: InspectSettings = {
  farms: { enabled: false, rows: 1, q: 1, ops: 1, fit: 'KS', mode: 'full', tolerance: 1 },
};

const on = (text: string): EvaluationOnText => ({ tokens: { path: text, windows: 2 }, others: [] });

describe('a model that runs on a text', () => {
  let engine: EngineClient;
  let session: CheckpointSession;
  let states: TextRun[];

  beforeEach(() => {
    engine = new EngineClient({
      module: path.join(__dirname, '../../../harness/fakes/fakeEngine.main.js'),
      environment: () => ({}),
    });
    session = new CheckpointSession(engine, '/made/a', () => settings);
    states = [];
    session.on('textRun', (state) => states.push(state));
  });
  afterEach(() => engine.dispose());

  it('tells how it stands, and keeps the last for a tab that comes back', async () => {
    await session.textRun.evaluate(on('/texts/a'));
    assert.deepEqual(
      states.map((state) => (state.state === 'running' ? [state.fraction, state.secondsLeft] : state.state)),
      [[0, null], [0.25, 3], 'done'],
    );
    const { state } = session.textRun;
    assert.equal(state, states.at(-1));
    assert.deepEqual(state?.state === 'done' && [state.text, state.result.length], ['/texts/a', 2]);
  });

  it('keeps what stopped it, and runs again', async () => {
    await session.textRun.evaluate(on('/texts/short'));
    const { state } = session.textRun;
    assert.equal(state?.state === 'stopped' && state.problem?.message, '/texts/short: has 3 tokens');
    await session.textRun.evaluate(on('/texts/a'));
    assert.equal(session.textRun.state?.state, 'done');
  });

  it('says so when the engine dies of it', async () => {
    await session.textRun.evaluate(on('/texts/fatal'));
    const { state } = session.textRun;
    assert.equal(state?.state === 'stopped' && state.problem?.code, 'engine-died');
  });

  it('calibrates in the same way, one run at a time', async () => {
    const tokens = { path: '/texts/a', windows: 3 };
    const running = session.textRun.calibrate({ tokens, target: '/made/statistics' });
    await assert.rejects(session.textRun.evaluate(on('/texts/a')), /wait for its end, or cancel it/);
    await running;
    assert.deepEqual(
      states.map((state) => (state.state === 'running' ? [state.fraction, state.secondsLeft] : state.state)),
      [[0, null], [0.5, null], 'calibrated'],
    );
    const { state } = session.textRun;
    assert.ok(state?.state === 'calibrated');
    assert.deepEqual([state.result.path, state.result.windows], ['/made/statistics', 3]);
    await session.textRun.calibrate({ tokens: { path: '/texts/short', windows: 3 }, target: '/made/statistics' });
    const stopped = session.textRun.state;
    assert.equal(stopped?.state === 'stopped' && stopped.problem?.message, '/texts/short: has 3 tokens');
  });

  it('stops when it is cancelled, and does not run twice at a time', async () => {
    const running = session.textRun.evaluate(on('/texts/slow'));
    await new Promise<void>((resolve) => {
      const stop = session.on('textRun', (state) => {
        if (state.state !== 'running' || state.fraction === 0) return;
        stop();
        resolve();
      });
    });
    await assert.rejects(session.textRun.evaluate(on('/texts/a')), /wait for its end, or cancel it/);
    session.textRun.cancel();
    await running;
    assert.deepEqual(session.textRun.state, { state: 'stopped', problem: null });
  });
});
