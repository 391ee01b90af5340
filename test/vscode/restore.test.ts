/**
 * Several editors that come back at once, over files of equal names and shapes but other values, while their engine
 * starts, dies and is restarted: each shows and saves its own file's numbers.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointSession } from '../../extension/host/editor/checkpointSession';
import type { Inside } from '../../extension/host/main';
import type { SaveResult } from '../../extension/shared/compressions';
import type { FarmsResult } from '../../extension/shared/layers';
import { closeEditors, eigenscope, makeCheckpoint, tensorOf, until, workspaceFolder } from './workspace';

const SHAPES = { 'fc1.weight': [48, 32], 'fc2.weight': [40, 48], 'fc2.bias': [40] };

const VIEW = 'eigenscope.checkpoint';

/** Σx² of a tensor, from the bytes of the file. */
function energy(file: string, tensor: string): number {
  const bytes = tensorOf(file, tensor);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4) sum += bytes.readFloatLE(at) ** 2;
  return sum;
}

describe('editors that open at once', () => {
  let api: Inside;
  let files: vscode.Uri[];
  let contents: Buffer[];

  before(async () => {
    api = await eigenscope();
    files = ['one', 'two', 'three', 'four'].map((name, index) =>
      makeCheckpoint(`${name}-of-four.safetensors`, SHAPES, 100 + index),
    );
    contents = files.map((uri) => readFileSync(uri.fsPath));
  });
  beforeEach(async () => {
    await closeEditors();
    const groups = [{ groups: [{}, {}] }, { groups: [{}, {}] }];
    await vscode.commands.executeCommand('vscode.setEditorLayout', { orientation: 0, groups });
  });
  after(async () => {
    await closeEditors();
    await vscode.commands.executeCommand('vscode.setEditorLayout', { groups: [{}] });
  });

  /** Opens `count` editors beside each other as a restored window does: none waits for another. */
  const openAtOnce = (count: number): Promise<unknown> =>
    Promise.all(
      files
        .slice(0, count)
        .map((uri, index) => vscode.commands.executeCommand('vscode.openWith', uri, VIEW, index + 1)),
    );

  const sessions = (count: number): Promise<CheckpointSession[]> =>
    Promise.all(files.slice(0, count).map((uri) => until(`a session of ${uri.fsPath}`, () => api.session(uri))));

  /** Waits for all numbers, and holds each session's to its own file. */
  async function assertOwnNumbers(count: number): Promise<void> {
    for (const session of await sessions(count)) {
      const { path: file } = session;
      await session.inspectOnce(); // a tab that another one hides asks when it is shown
      const norms = (): (number | null | undefined)[] =>
        ['fc1.weight', 'fc2.weight'].map((layer) => session.results.get(layer)?.metrics.norm);
      await until(`numbers of ${file}`, () => norms().every((norm) => typeof norm === 'number'));
      const wanted = [energy(file, 'fc1.weight'), energy(file, 'fc2.weight')];
      for (const [index, norm] of norms().entries()) {
        assert.ok(Math.abs(norm! / wanted[index]! - 1) < 1e-9, `${file}: ${norm} instead of ${wanted[index]}`);
      }
      assert.equal(session.changed, undefined, `${file}: ${session.changed?.message}`);
      assert.equal((await session.summary()).path, file);
    }
  }

  /** Saves a compressed copy of each, and compares the tensors that were not touched with the source's own. */
  async function assertOwnCopies(count: number, name: string): Promise<void> {
    for (const uri of files.slice(0, count)) {
      const target = path.join(workspaceFolder(), `${path.basename(uri.fsPath, '.safetensors')}-${name}.safetensors`);
      const given = { uri, layer: 'fc1.weight', rank: 4, output: 'factors', target };
      await vscode.commands.executeCommand<SaveResult>('eigenscope.compressLayer', given);
      for (const tensor of ['fc2.weight', 'fc2.bias']) {
        assert.ok(tensorOf(target, tensor).equals(tensorOf(uri.fsPath, tensor)), `${target}: ${tensor}`);
      }
    }
  }

  for (const count of [2, 4]) {
    it(`show their own files' numbers where ${count} ask an engine that is just starting`, async () => {
      for (let round = 0; round < 10; round++) {
        const restarted = api.engine.restart();
        await openAtOnce(count);
        await restarted;
        await assertOwnNumbers(count);
        await closeEditors();
      }
      await openAtOnce(count);
      await assertOwnCopies(count, `started-${count}`);
    });
  }

  it('show and save their own where the engine dies while they open', async () => {
    const before = api.engine.pid;
    let release: (() => void) | undefined;
    const restarted = api.engine.restart(() => new Promise((resolve) => (release = resolve)));
    const opened = openAtOnce(4);
    await sessions(4);
    await until('the moment between two processes', () => release);
    const killed = new Promise<number>((resolve) => {
      api.engine.events.on('state', function kill({ state }) {
        const { pid } = api.engine;
        if (state !== 'running' || pid === undefined) return;
        api.engine.events.off('state', kill);
        process.kill(pid, 'SIGKILL');
        resolve(pid);
      });
    });
    release!();
    const dead = await killed;
    await Promise.all([opened, restarted]);
    await assertOwnNumbers(4);
    assert.ok(api.engine.pid !== before && api.engine.pid !== dead);
    await assertOwnCopies(4, 'killed');
    await api.engine.restart(); // its deaths do not count for the tests that follow
  });

  it('show their own where they are split and moved while they open', async () => {
    const restarted = api.engine.restart();
    await openAtOnce(2);
    await vscode.commands.executeCommand('workbench.action.splitEditorDown');
    await vscode.commands.executeCommand('workbench.action.moveEditorToFirstGroup');
    await restarted;
    await assertOwnNumbers(2);
    const shown = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.map(({ label }) => label));
    assert.ok(shown.length >= 2, shown.join(', '));
    await assertOwnCopies(2, 'moved');
  });

  it('show their own, of the new settings, where those change while they open', async () => {
    const configuration = vscode.workspace.getConfiguration('eigenscope');
    const change = async (farms: boolean | undefined, threads: number | undefined): Promise<void> => {
      // The second one restarts the engine, in the middle of what the first one begins.
      await Promise.all([
        configuration.update('farms.enabled', farms, vscode.ConfigurationTarget.Global),
        configuration.update('threads', threads, vscode.ConfigurationTarget.Global),
      ]);
    };
    const farmsOf = (session: CheckpointSession): FarmsResult | null | undefined => {
      // A tab that another one hides asks when it is shown: we do, and again where the engine went away meanwhile.
      session.inspectOnce().catch(() => undefined);
      return session.results.get('fc1.weight')?.farms;
    };
    const opened = openAtOnce(4);
    try {
      await change(false, 1);
      await opened;
      await assertOwnNumbers(4);
      const all = await sessions(4);
      await until('numbers without FARMS', () => all.every((session) => farmsOf(session) === null));
      await assertOwnNumbers(4);
    } finally {
      await change(undefined, undefined);
    }
    const all = await sessions(4);
    await until('numbers with FARMS', () => all.every((session) => farmsOf(session)));
    await assertOwnNumbers(4);
  });

  it('leave their files as they were', () => {
    assert.deepEqual(
      files.map((uri) => readFileSync(uri.fsPath)),
      contents,
    );
  });
});
