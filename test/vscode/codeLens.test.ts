import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { InspectLink } from '../../extension/host/commands/inspectCommand';
import type { Inside } from '../../extension/host/main';
import { eventually } from '../harness/eventually';
import { closeEditors, eigenscope, makeCheckpoint, until, workspaceFolder } from './workspace';

describe('lines above calls that load a checkpoint', () => {
  let api: Inside;
  let source: vscode.TextDocument;
  let checkpoint: vscode.Uri;
  const lines = [
    'from safetensors.torch import load_file',
    'sd = load_file("model.safetensors")',
    'm = AutoModel.from_pretrained(',
    '    "../b",',
    ')',
    'gone = load_file("nowhere.safetensors")',
    'hub = AutoModel.from_pretrained("bert-base-uncased")',
    'odd = load_file("$(bug) [x](command:y).safetensors")',
  ];

  const lenses = async (): Promise<{ line: number; title: string; link: InspectLink }[]> => {
    const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      source.uri,
      100,
    );
    return found
      .flatMap(({ range, command }) =>
        command?.command === 'eigenscope.inspectWeights'
          ? [{ line: range.start.line, title: command.title, link: command.arguments![0] as InspectLink }]
          : [],
      )
      .sort((a, b) => a.line - b.line);
  };

  before(async () => {
    api = await eigenscope();
    const root = vscode.Uri.file(workspaceFolder());
    const odd = ['lens/a/$(bug) [x](command:y).safetensors'];
    for (const folder of ['lens/a', 'lens/b', 'lens/c']) {
      await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(root, folder));
    }
    checkpoint = makeCheckpoint('lens/a/model.safetensors', { 'lensed.fc.weight': [12, 4] });
    // As near, and of the same name, but not what the path says.
    for (const name of ['lens/b/model.safetensors', 'lens/c/model.safetensors', ...odd]) {
      makeCheckpoint(name, { 'lensed.fc.weight': [8, 4] });
    }
    const file = vscode.Uri.joinPath(root, 'lens', 'a', 'load.py');
    await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(lines.join('\n')));
    source = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(source);
    await until('all are indexed', () => api.checkpoints.indexed.index.find('lensed.fc').length === 4);
  });
  after(closeEditors);

  it('say format and size, and open what the path says', async () => {
    const [first, second] = await lenses();
    assert.equal(first!.line, 1);
    assert.match(first!.title, /^safetensors · 192 byte · 48 parameters$/);
    assert.equal(second!.title, 'Open');
    assert.equal(vscode.Uri.parse(first!.link.uri).fsPath, checkpoint.fsPath);
    await vscode.commands.executeCommand('eigenscope.inspectWeights', second!.link);
    await until('its session', () => api.session(checkpoint));
    const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    assert.ok(input instanceof vscode.TabInputCustom && input.uri.fsPath === checkpoint.fsPath);
  });

  it('say which file a folder stands for, and nothing of what is not there', async () => {
    const found = await lenses();
    assert.deepEqual([...new Set(found.map(({ line }) => line))], [1, 3, 7]);
    assert.match(found[2]!.title, /^lens\/b\/model\.safetensors · safetensors · 128 byte/);
  });

  it('show hostile names as text', async () => {
    const found = (await lenses()).filter(({ line }) => line === 7);
    assert.equal(found.length, 2);
    assert.ok(found.every(({ title }) => !/(?<!\\)\$\(/.test(title)));
  });

  it('say the verdict once all layers are computed', async () => {
    const session = await until('its session', () => api.session(checkpoint));
    await session.inspectOnce();
    const shown = await eventually(lenses, ([first]) => first?.title.includes(' layer') ?? false);
    // Twelve by four random numbers bear no verdict.
    assert.match(shown[0]!.title, / · of 1 layer, no verdict$/);
  });

  it('can be turned off', async () => {
    const settings = vscode.workspace.getConfiguration('eigenscope');
    await settings.update('codeLens.enabled', false, vscode.ConfigurationTarget.Global);
    try {
      assert.deepEqual(await lenses(), []);
    } finally {
      await settings.update('codeLens.enabled', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});
