import assert from 'node:assert/strict';
import * as vscode from 'vscode';

describe('activation', () => {
  it('registers every command that package.json promises', async () => {
    const extension = vscode.extensions.getExtension('eigenscope.eigenscope');
    assert.ok(extension, 'the extension is not installed');
    await extension.activate();
    const { contributes } = extension.packageJSON as { contributes: { commands: { command: string }[] } };
    const registered = new Set(await vscode.commands.getCommands(true));
    for (const { command } of contributes.commands) assert.ok(registered.has(command), `${command} is not registered`);
  });
});
