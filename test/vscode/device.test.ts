import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { DeviceInfo } from '../../extension/shared/devices';
import { eigenscope, makeCheckpoint, closeEditors, until } from './workspace';

describe('device', () => {
  const configuration = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('eigenscope');
  const choose = async (device: string | undefined): Promise<void> =>
    configuration().update('device', device, vscode.ConfigurationTarget.Global);

  after(async () => {
    await choose(undefined);
    await closeEditors();
  });

  it('is what the setting says, for a new engine and new results', async () => {
    const api = await eigenscope();
    const { engine } = api;
    assert.equal((await engine.request('device', null)).requested, 'auto');
    const uri = makeCheckpoint('device.safetensors', { 'fc.weight': [48, 32] });
    await vscode.commands.executeCommand('eigenscope.inspectWeights', uri);
    await until('results', () => api.session(uri)?.results.size === 1);

    let computed = 0;
    engine.events.on('result', () => computed++);
    const former = engine.pid;
    await choose('cpu');
    await until('results of a new engine', () => engine.pid !== former && computed > 0);
    assert.equal((await engine.request('device', null)).requested, 'cpu');
  });

  it('that cannot be had is named with the reason, and the CPU does the work', async () => {
    const { engine } = await eigenscope();
    const foreign = process.platform === 'win32' ? 'coreml' : 'dml';
    let told: DeviceInfo | undefined;
    engine.events.on('device', (info) => (told = info));
    await choose(foreign);
    const info = await until('the end of its trial', () => told?.requested === foreign && told);
    assert.ok(['cpu', 'wasm'].includes(info.provider));
    assert.match(info.refused.at(-1)!.reason, /does not exist on this platform/);
  });
});
