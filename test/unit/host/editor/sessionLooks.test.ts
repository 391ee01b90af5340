/** Quick looks as a session keeps them: for views that come later, until results take their place. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { CheckpointSession } from '../../../../extension/host/editor/checkpointSession';
import { EngineClient } from '../../../../extension/host/engineClient';

describe('quick looks in a session', () => {
  let engine: EngineClient;
  let session: CheckpointSession;

  beforeEach(() => {
    engine = new EngineClient({
      module: path.join(__dirname, '../../../harness/fakes/fakeEngine.main.js'),
      environment: () => ({}),
    });
    session = new CheckpointSession(engine, '/made/a,long,b', () => ({
      farms: { enabled: false, rows: 1, q: 1, ops: 1, fit: 'KS', mode: 'full', tolerance: 1 },
    }));
  });
  afterEach(() => engine.dispose());

  const idle = (): Promise<void> =>
    new Promise((resolve) => {
      const stop = session.on('queue', ({ done, total }) => {
        if (done < total) return;
        stop();
        resolve();
      });
    });

  /** The made checkpoint has 4 parameters. */
  async function inspected(exactUpTo: number): Promise<{ results: string[]; looks: string[] }> {
    const done = idle();
    await session.inspectOnce(exactUpTo);
    await done;
    const { results, quick } = await session.contentsNow();
    return { results: results.map(({ name }) => name), looks: quick.map(({ layer }) => layer) };
  }

  it('stand for long spectra of a model above the size, until these are asked for', async () => {
    assert.deepEqual(await inspected(3), { results: ['a', 'b'], looks: ['long'] });
    const done = idle();
    await session.inspect();
    await done;
    const { results, quick } = await session.contentsNow();
    assert.deepEqual(results.map(({ name }) => name).sort(), ['a', 'b', 'long']);
    assert.deepEqual(quick, []);
  });

  it('give way at once to spectra of a model that is small enough', async () => {
    assert.deepEqual(await inspected(4), { results: ['a', 'long', 'b'], looks: [] });
  });

  it('never take the place of a result', async () => {
    await inspected(4);
    const done = idle();
    await session.inspect(['long'], 'quick');
    await done;
    assert.deepEqual((await session.contentsNow()).quick, []);
    assert.ok(session.results.has('long'));
  });

  it('are forgotten when the file is opened anew', async () => {
    await inspected(3);
    await session.reload();
    assert.deepEqual((await session.contentsNow()).quick, []);
  });
});
