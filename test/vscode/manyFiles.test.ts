import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { EigenscopeApi } from '../../extension/host/main';
import { LoopWatch } from '../harness/loopWatch';
import { closeEditors, eigenscope, makeCheckpoint, note, until, workspaceFolder } from './workspace';

const FILES = 10_000;

describe('a workspace in which thousands of files appear', () => {
  let api: EigenscopeApi;
  let folder: string;

  before(async () => {
    api = await eigenscope();
    folder = path.join(workspaceFolder(), 'thousands');
    await api.checkpoints.readHeaders();
  });
  after(async () => {
    await closeEditors();
    rmSync(folder, { recursive: true, force: true });
  });

  it('looks at all of them in a few passes, and goes on with what else there is to do', async function () {
    this.timeout(180_000);
    mkdirSync(folder);
    const { counts, index } = api.checkpoints;
    const before = { ...counts };
    const busy = process.cpuUsage();
    for (let file = 0; file < FILES; file++) {
      writeFileSync(path.join(folder, `step${file}.npy`), 'no array');
      // Written by this very process: its own turns between them are no stalls.
      if (file % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const watch = new LoopWatch();
    makeCheckpoint('among.safetensors', { 'among.thousands.weight': [4, 4] });
    await until('the checkpoint among them is known', () => index.find('among.thousands').length > 0, 120_000);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    watch.stop();
    const passes = counts.passes - before.passes;
    const searches = counts.searches - before.searches;
    const { user, system } = process.cpuUsage(busy);
    const stall = watch.longestStall;
    note(
      `${FILES} files: ${passes} passes, longest stall ${stall.toFixed(0)} ms, ${((user + system) / 1e6).toFixed(1)} s of CPU`,
    );
    // One pass for each file took 206 s. News of so many files comes in parts.
    assert.ok(passes >= 1 && passes <= 12, `${passes} passes`);
    assert.ok(searches <= passes, `${searches} searches`);
    assert.ok(stall <= 100, `the host was held up for ${stall} ms by its own work`);
  });

  it('opens a checkpoint as ever', async () => {
    const uri = vscode.Uri.file(path.join(workspaceFolder(), 'among.safetensors'));
    await vscode.commands.executeCommand('eigenscope.inspectWeights', uri);
    const session = await until('a session', () => api.session(uri));
    await until('a result', () => session.results.size === 1);
  });
});
