import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { InspectLink } from '../../extension/host/commands/inspectCommand';
import type { Inside } from '../../extension/host/main';
import { closeEditors, eigenscope, makeCheckpoint, until, workspaceFolder } from './workspace';

const hostile = 'coded.$(bug)[x](command:y)"\\.weight';

const textOf = (label: vscode.CompletionItem['label']): string => (typeof label === 'string' ? label : label.label);

describe('names of layers in code', () => {
  let api: Inside;
  let checkpoint: vscode.Uri;
  let source: vscode.TextDocument;
  const lines = [
    'state = load_file("code/coded.safetensors")',
    'w = state["coded.blocks.0.fc.weight"]',
    'print("coded.blocks.9.fc.weight", "numpy.linalg")',
    'y = self.blocks[1].fc(x)',
    'v = state["coded.bl"]',
    'u = state["',
    'c = config["',
  ];

  const file = (name: string): vscode.Uri => vscode.Uri.joinPath(vscode.Uri.file(workspaceFolder()), 'code', name);
  const write = (name: string, text: string): Thenable<void> =>
    vscode.workspace.fs.writeFile(file(name), new TextEncoder().encode(text));
  const shown = (): vscode.TabInputCustom | undefined => {
    const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    return input instanceof vscode.TabInputCustom ? input : undefined;
  };
  const completions = async (document: vscode.TextDocument, at: vscode.Position): Promise<vscode.CompletionItem[]> => {
    const list = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      at,
      '"',
      100,
    );
    return list.items.filter(
      ({ kind, label }) => kind === vscode.CompletionItemKind.Field && textOf(label).includes('coded'),
    );
  };
  const goFrom = async (line: number, part: string): Promise<void> => {
    const at = new vscode.Position(line, lines[line]!.indexOf(part) + 1);
    await vscode.window.showTextDocument(source, { selection: new vscode.Range(at, at) });
    await vscode.commands.executeCommand('eigenscope.goToLayer');
  };

  before(async () => {
    api = await eigenscope();
    await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(vscode.Uri.file(workspaceFolder()), 'code'));
    const names = ['coded.blocks.0.fc.weight', 'coded.blocks.1.fc.weight', hostile];
    checkpoint = makeCheckpoint('code/coded.safetensors', {
      ...Object.fromEntries(names.map((name) => [name, [8, 4]])),
      'coded.norm.weight': [8],
    });
    await write('use.py', lines.join('\n'));
    source = await vscode.workspace.openTextDocument(file('use.py'));
    await until('it is indexed', () => api.checkpoints.indexed.head(checkpoint.fsPath));
  });
  after(closeEditors);

  it('are links to the layer where they are whole', async () => {
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      source.uri,
      100,
    );
    const ours = links.filter(({ target }) => target?.path === 'eigenscope.inspectWeights');
    assert.deepEqual(
      ours.map(({ range }) => source.getText(range)),
      ['coded.blocks.0.fc.weight'],
    );
    const [target] = JSON.parse(decodeURIComponent(ours[0]!.target!.query)) as [InspectLink];
    assert.deepEqual(target, { uri: checkpoint.toString(), layer: 'coded.blocks.0.fc.weight' });
  });

  it('lead to the layer by command, and back to the lines that name it', async () => {
    await goFrom(3, 'blocks');
    await until('its editor', () => shown()?.uri.fsPath === checkpoint.fsPath);
    const session = await until('its session', () => api.session(checkpoint));
    await until('the layer is shown', () => session.shownLayer === 'coded.blocks.1.fc.weight');
    await vscode.commands.executeCommand('eigenscope.findInCode');
    const editor = await until('the only line', () => vscode.window.activeTextEditor);
    assert.equal(editor.document.uri.fsPath, source.uri.fsPath);
    assert.deepEqual([editor.selection.active.line, editor.selection.active.character], [3, 4]);
  });

  it('say what is nearest where there is none', async () => {
    await assert.rejects(
      goFrom(2, 'coded'),
      /has a tensor named coded\.blocks\.9\.fc\.weight\. The nearest is coded\.blocks\.0–1/,
    );
  });

  it('are completed in the dictionary that was loaded, and in no other', async () => {
    const items = await completions(source, new vscode.Position(5, lines[5]!.length));
    assert.deepEqual(
      items.map(({ insertText }) => insertText),
      [
        'coded.blocks.0.fc.weight',
        'coded.blocks.1.fc.weight',
        'coded.$(bug)[x](command:y)\\"\\\\.weight',
        'coded.norm.weight',
      ],
    );
    assert.ok(items.every(({ label }) => !/(?<!\\)\$\(/.test(textOf(label))));
    assert.equal(items[0]!.detail, '8 × 4 F32');
    assert.deepEqual(await completions(source, new vscode.Position(6, lines[6]!.length)), []);
  });

  it('replace what is typed of them', async () => {
    const at = new vscode.Position(4, lines[4]!.indexOf('"]'));
    const [item] = await completions(source, at);
    const range = item!.range as { inserting: vscode.Range; replacing: vscode.Range } | vscode.Range;
    assert.equal(source.getText('inserting' in range ? range.inserting : range), 'coded.bl');
  });

  it('are completed in a plan where they are not in it yet', async () => {
    const text = `{
  "version": 1,
  "checkpoint": { "name": "coded.safetensors", "fingerprint": "0" },
  "layers": {
    "coded.blocks.0.fc.weight": { "keep": "dense", "why": "first" },
    ""
  }
}
`;
    await write('half.eigenplan.json', text);
    const plan = await vscode.workspace.openTextDocument(file('half.eigenplan.json'));
    const items = await completions(plan, new vscode.Position(5, 5));
    assert.deepEqual(
      items.map(({ insertText }) => insertText),
      ['"coded.blocks.1.fc.weight": ', `${JSON.stringify(hostile)}: `],
    );
    assert.equal(plan.getText(items[0]!.range as vscode.Range), '""');
    assert.deepEqual(await completions(plan, new vscode.Position(2, 19)), []);
  });

  it('are not completed where that is turned off', async () => {
    const settings = vscode.workspace.getConfiguration('eigenscope');
    await settings.update('completion.enabled', false, vscode.ConfigurationTarget.Global);
    try {
      assert.deepEqual(await completions(source, new vscode.Position(5, lines[5]!.length)), []);
    } finally {
      await settings.update('completion.enabled', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});
