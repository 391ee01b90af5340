import assert from 'node:assert/strict';
import { renameSync, symlinkSync, truncateSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointSession } from '../../extension/host/editor/checkpointSession';
import type { Inside } from '../../extension/host/main';
import { pipelineFiles, writeFiles } from '../harness/checkpoints/pipelineFixture';
import { closeEditors, eigenscope, makeCheckpoint, until, workspaceFolder } from './workspace';

/** Layers that take long enough for something to happen while they are computed. */
const SLOW = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`blocks.${index}.fc.weight`, [640, 640]]));

describe('checkpoint editor', () => {
  let api: Inside;
  before(async () => (api = await eigenscope()));
  afterEach(closeEditors);

  const open = async (uri: vscode.Uri): Promise<CheckpointSession> => {
    await vscode.commands.executeCommand('eigenscope.inspectWeights', uri);
    return until(`a session of ${uri.fsPath}`, () => api.session(uri));
  };

  it('opens for a safetensors file by itself, and fills in every layer', async () => {
    const uri = makeCheckpoint('plain.safetensors', {
      'fc1.weight': [64, 48],
      'fc1.bias': [64],
      'fc2.weight': [32, 64],
    });
    await vscode.commands.executeCommand('vscode.open', uri);
    const tab = await until('an active custom editor', () => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputCustom && input;
    });
    assert.equal(tab.viewType, 'eigenscope.checkpoint');
    const session = await until('a session', () => api.session(uri));
    await until('three results, asked for by the view', () => session.results.size === 3);
    const layer = session.results.get('fc1.weight');
    assert.equal(layer?.metrics.matrix_rank, 48);
    assert.deepEqual(layer.problems, []);
    assert.equal(session.results.get('fc1.bias')?.statistics?.count, 64);
  });

  it('opens for a binary suffix by itself, and only on request for one that others use', async () => {
    const shown = async (name: string): Promise<string | undefined> => {
      const uri = makeCheckpoint(name, { 'fc.weight': [24, 16] });
      try {
        await vscode.commands.executeCommand('vscode.open', uri);
      } catch {
        return undefined; // VS Code itself refuses to show a binary file as text
      }
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputCustom ? input.viewType : undefined;
    };
    assert.equal(await shown('binary.pt'), 'eigenscope.checkpoint');
    assert.equal(await shown('binary.npz'), 'eigenscope.checkpoint');
    await closeEditors();
    assert.equal(await shown('binary.ckpt'), undefined);
  });

  it('opens a file of another suffix on request', async () => {
    const uri = makeCheckpoint('named.bin', { 'fc.weight': [24, 16] });
    const session = await open(uri);
    assert.equal((await session.summary()).format, 'safetensors');
  });

  it('opens the one checkpoint of a folder', async () => {
    const folder = vscode.Uri.joinPath(makeCheckpoint('x.safetensors', { w: [2, 2] }), '..', 'folder');
    await vscode.workspace.fs.createDirectory(folder);
    const uri = makeCheckpoint('folder/model.safetensors', { 'fc.weight': [24, 16] });
    await vscode.commands.executeCommand('eigenscope.inspectWeights', folder);
    await until('the session of the file in it', () => api.session(uri));
  });

  it('opens a pipeline by its folder, all parts in one table', async () => {
    const root = vscode.Uri.file(path.join(workspaceFolder(), 'pipeline'));
    writeFiles(root.fsPath, pipelineFiles());
    await vscode.commands.executeCommand('eigenscope.inspectWeights', root);
    const session = await until('its session', () => api.session(vscode.Uri.joinPath(root, 'model_index.json')));
    const { tensors, architecture } = await session.summary();
    assert.equal(architecture, 'StableDiffusionPipeline (text_encoder, unet, vae)');
    await until('all results', () => session.results.size === tensors.length);
    assert.ok(session.results.has('unet/down_blocks.0.weight'));
  });

  it('opens a model of the download cache by its folder', async () => {
    const folder = vscode.Uri.file(path.join(workspaceFolder(), 'models--me--net'));
    const blob = makeCheckpoint('blob.safetensors', { 'fc.weight': [24, 16] });
    writeFiles(folder.fsPath, { 'refs/main': '0f1e', 'snapshots/0f1e/config.json': '{}' });
    symlinkSync(blob.fsPath, path.join(folder.fsPath, 'snapshots', '0f1e', 'model.safetensors'));
    const session = await open(folder);
    assert.equal((await session.summary()).tensors.length, 1);
  });

  it('keeps its results when the editor moves to another group', async () => {
    const uri = makeCheckpoint('moved.safetensors', { 'fc1.weight': [64, 48], 'fc2.weight': [32, 64] });
    const session = await open(uri);
    await until('results', () => session.results.size === 2);
    const { document } = await session.summary();
    let busy = false;
    session.on('queue', ({ done, total }) => (busy ||= done < total));
    await vscode.commands.executeCommand('workbench.action.moveEditorToNextGroup');
    await until(
      'two groups or a moved tab',
      () => vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputCustom,
    );
    assert.equal(api.session(uri), session);
    assert.equal((await session.summary()).document, document, 'the checkpoint was not opened anew');
    assert.equal(session.results.size, 2);
    assert.equal(busy, false, 'nothing was computed again');
  });

  it('cancels its jobs when the editor closes', async () => {
    const uri = makeCheckpoint('closed.safetensors', SLOW, 2);
    const session = await open(uri);
    const { document } = await session.summary();
    await until('a first result', () => session.results.size > 0);
    assert.ok(session.results.size < 12, 'all was computed before the editor could be closed');
    await closeEditors();
    await until('the session is gone', () => api.session(uri) === undefined);
    let late = 0;
    api.engine.events.on('result', (params) => {
      if (params.document === document) late++;
    });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    // Two were in work: what was all but done may still arrive, the other nine may not.
    assert.ok(late <= 2, `${late} results came after the editor was closed`);
  });

  it('survives the death of the engine: says so, goes on with the rest, and marks what it died on', async () => {
    const uri = makeCheckpoint('killed.safetensors', SLOW, 3);
    const session = await open(uri);
    const told: string[] = [];
    const failed: string[] = [];
    session.on('engine', (change) => {
      told.push(change.state);
      failed.push(...change.failed);
    });
    await until('a first result', () => session.results.size > 0);
    const { pid } = api.engine;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    await until('every layer has a result', () => session.results.size === 12);
    await until('the engine is back', () => told.includes('running'));
    assert.deepEqual(told, ['restarting', 'running']);
    assert.notEqual(api.engine.pid, pid);
    assert.ok(failed.length > 0 && failed.length < 6, `${failed.length} layers were active`);
    for (const [name, { problems, metrics }] of session.results) {
      if (failed.includes(name)) assert.equal(problems[0]?.code, 'engine-died', name);
      else assert.ok(typeof metrics.spectral_norm === 'number', name);
    }
    // Asked for again, a failed layer is computed like any other.
    await session.inspect(failed);
    await until('the failed layers', () =>
      failed.every((name) => typeof session.results.get(name)?.metrics.spectral_norm === 'number'),
    );
  });

  it('says that a file is no checkpoint, and opens it once it is one', async () => {
    const good = makeCheckpoint('good.safetensors', { 'fc.weight': [16, 16] });
    const uri = vscode.Uri.joinPath(good, '..', 'late.safetensors');
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode('not a checkpoint at all'));
    const session = await open(uri);
    await assert.rejects(session.summary(), /late\.safetensors/);
    renameSync(good.fsPath, uri.fsPath);
    assert.equal((await session.reload()).tensors.length, 1);
  });

  it('tells that a file changed on disk while it is open', async () => {
    const uri = makeCheckpoint('changed.safetensors', { 'fc.weight': [64, 64] });
    const session = await open(uri);
    await until('a result', () => session.results.size === 1);
    const told = new Promise<string>((resolve) => session.on('changed', ({ message }) => resolve(message)));
    truncateSync(uri.fsPath, 100);
    assert.match(await told, /changed\.safetensors/);
  });

  it('asks again with new settings', async () => {
    const uri = makeCheckpoint('settings.safetensors', { 'fc.weight': [96, 64] });
    const session = await open(uri);
    await until('a result with FARMS', () => session.results.get('fc.weight')?.farms);
    const farms = vscode.workspace.getConfiguration('eigenscope.farms');
    await farms.update('enabled', false, vscode.ConfigurationTarget.Global);
    try {
      await until('a result without FARMS', () => session.results.get('fc.weight')?.farms === null);
    } finally {
      await farms.update('enabled', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});
