import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import { closeEditors, eigenscope, until } from './workspace';

describe('the sample', () => {
  afterEach(closeEditors);

  it('opens without a checkpoint at hand, has its numbers, and outlives the cache', async () => {
    const inside = await eigenscope();
    await vscode.commands.executeCommand('eigenscope.openSample');
    const uri = await until('its tab', () => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputCustom && input.uri;
    });
    assert.match(uri.path, /\/made-story-llama\.safetensors$/);
    const open = await until('its session', () => inside.session(uri));
    assert.match((await open.summary()).architecture, /Llama.*\(6 blocks, hidden 288\)/);
    const last = await until('the heaviest tail', () => open.results.get('model.layers.5.mlp.down_proj.weight'));
    const first = await until('a random matrix', () => open.results.get('model.layers.0.self_attn.k_proj.weight'));
    assert.ok(last.metrics.alpha! < 2, `alpha ${last.metrics.alpha}`);
    assert.equal(first.metrics.num_spikes, 0);
    await vscode.commands.executeCommand('eigenscope.clearCache');
    assert.ok(existsSync(uri.fsPath));
  });
});
