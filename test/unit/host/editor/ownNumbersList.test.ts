/** Files of own numbers: remembered for their checkpoint, read anew, and in exports. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { CancellationTokenSource } from 'vscode-jsonrpc';
import { CheckpointSession } from '../../../../extension/host/editor/checkpointSession';
import { MOST_FILES } from '../../../../extension/host/editor/ownNumbersList';
import { OwnNumbersMemory } from '../../../../extension/host/editor/ownNumbersMemory';
import { EngineClient } from '../../../../extension/host/engineClient';
import type { InspectSettings } from '../../../../extension/shared/layers';

const settings: InspectSettings = {
  farms: { enabled: false, rows: 1, q: 1, ops: 1, fit: 'KS', mode: 'full', tolerance: 1 },
};

/** As VS Code keeps it: what was given, as JSON. */
function store(content: Record<string, string> = {}): ConstructorParameters<typeof OwnNumbersMemory>[0] {
  return {
    get: (key) => JSON.parse(content[key] ?? 'null') as unknown,
    update: (key, value) => {
      content[key] = JSON.stringify(value);
      return Promise.resolve();
    },
  };
}

describe('files of own numbers', () => {
  let engine: EngineClient;
  beforeEach(() => {
    engine = new EngineClient({
      module: path.join(__dirname, '../../../harness/fakes/fakeEngine.main.js'),
      environment: () => ({ FAKE_FILES_VERSION: '1' }),
    });
  });
  afterEach(() => engine.dispose());
  const { token } = new CancellationTokenSource();

  function open(memory: OwnNumbersMemory, name = 'a'): CheckpointSession {
    const session = new CheckpointSession(engine, `/made/${name}`, () => settings);
    session.own.rememberIn(memory);
    return session;
  }
  const paths = (session: CheckpointSession): string[] => session.own.kept.map(({ path: file }) => file);

  it('are told to views, and found again for this checkpoint and no other', async () => {
    const memory = new OwnNumbersMemory(store());
    const session = open(memory);
    const told: number[] = [];
    session.on('ownNumbers', (kept) => told.push(kept.length));
    await session.own.add('/made/loss.csv', token);
    await session.own.add('/made/time.csv', token);
    await session.own.add('/made/loss.csv', token);
    assert.deepEqual(told, [1, 2, 2]);
    const [again, other] = [open(memory), open(memory, 'b')];
    await Promise.all([again.own.load(), other.own.load()]);
    assert.deepEqual(paths(again), ['/made/time.csv', '/made/loss.csv']);
    assert.deepEqual(paths(other), []);
    await again.own.remove('/made/time.csv');
    assert.deepEqual(memory.files('/made/a'), ['/made/loss.csv']);
  });

  it('stay in the list with the reason if they cannot be read any more', async () => {
    const memory = new OwnNumbersMemory(store());
    await memory.keep('/made/a', ['/made/gone', '/made/loss.csv']);
    const session = open(memory);
    await session.own.load();
    const [gone, loss] = session.own.kept;
    assert.ok(gone && 'error' in gone && /does not exist/.test(gone.error));
    assert.ok(loss && !('error' in loss));
    assert.equal(session.own.known.length, 1);
  });

  it('leave what was there if a new one is refused, or there are too many', async () => {
    const session = open(new OwnNumbersMemory(store()));
    await session.own.add('/made/loss.csv', token);
    await assert.rejects(session.own.add('/made/gone', token), /does not exist/);
    assert.deepEqual(paths(session), ['/made/loss.csv']);
    for (let i = 1; i < MOST_FILES; i++) await session.own.add(`/made/${i}.csv`, token);
    await assert.rejects(session.own.add('/made/more.csv', token), /8 files are shown already/);
  });

  it('are read anew when the checkpoint is opened anew', async () => {
    const session = open(new OwnNumbersMemory(store()));
    await session.own.add('/made/loss.csv', token);
    const told: number[] = [];
    session.on('ownNumbers', (kept) => told.push(kept.length));
    await session.reload();
    assert.deepEqual(told, [1]);
  });

  it('take nothing for a list of files that is none', () => {
    for (const stored of ['null', '{}', '[[1, []]]', '[["/made/a", [7]]]', '[["/made/a"]]']) {
      assert.deepEqual(new OwnNumbersMemory(store({ ownNumbers: stored })).files('/made/a'), []);
    }
  });
});
