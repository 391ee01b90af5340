import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { inspectSettings, useSettings } from '../../extension/host/settings';
import { eigenscope } from './workspace';

describe('settings of a workspace', () => {
  const farms = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('eigenscope.farms');
  const { Global, Workspace } = vscode.ConfigurationTarget;
  const logged: string[] = [];

  before(async () => {
    await eigenscope();
    const extension = vscode.extensions.getExtension('eigenscope.eigenscope')!;
    useSettings(extension, { warn: (message: string) => void logged.push(message) });
  });
  afterEach(async () => {
    for (const target of [Global, Workspace]) await farms().update('rows', undefined, target);
  });

  it('count where they are as declared', async () => {
    await farms().update('rows', 128, Workspace);
    assert.equal(inspectSettings().farms.rows, 128);
    assert.deepEqual(logged, []);
  });

  it('give way to the user’s own where they are not, and say so once', async () => {
    await farms().update('rows', 256, Global);
    await farms().update('rows', -4, Workspace);
    assert.equal(inspectSettings().farms.rows, 256);
    await farms().update('rows', {}, Workspace);
    assert.equal(inspectSettings().farms.rows, 256);
    await farms().update('rows', {}, Global);
    assert.equal(inspectSettings().farms.rows, 2000);
    assert.deepEqual(
      logged.map((message) => message.replace(/.*and is /, '')),
      ['-4.', '{}.'],
    );
    assert.match(logged[0]!, /eigenscope\.farms\.rows does not count: it must be a whole number from 16 to 65536/);
  });
});
