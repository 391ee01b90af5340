import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { InspectLink } from '../../extension/host/commands/inspectCommand';
import type { Inside } from '../../extension/host/main';
import { closeEditors, eigenscope, makeCheckpoint, until } from './workspace';

describe('a log with messages about keys that do not fit', () => {
  let api: Inside;
  let log: vscode.TextDocument;
  let checkpoint: vscode.Uri;
  const hostile = 'failing.[x](command:y)![p](http://z/q)$(bug).weight';
  const lines = [
    'RuntimeError: Error(s) in loading state_dict for Net:',
    '\tMissing key(s) in state_dict: "failing.blocks.0.fc.weight", "failing.blocks.1.fc.weight". ',
    '\tUnexpected key(s) in state_dict: "module.failing.blocks.0.fc.weight", "module.failing.blocks.1.fc.weight". ',
    '\tsize mismatch for failing.head.weight: copying a param with shape torch.Size([6, 4]) from checkpoint, the shape in current model is torch.Size([9, 4]).',
    `\tsize mismatch for ${hostile}: copying a param with shape torch.Size([3, 4]) from checkpoint, the shape in current model is torch.Size([4, 3]).`,
  ];
  const at = (line: number, part: string): vscode.Position => new vscode.Position(line, lines[line]!.indexOf(part) + 2);
  const hover = async (line: number, part: string): Promise<string> => {
    const found = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      log.uri,
      at(line, part),
    );
    return found
      .flatMap(({ contents }) => contents)
      .map((each) => (each instanceof vscode.MarkdownString ? each.value : ''))
      .join('\n');
  };

  before(async () => {
    api = await eigenscope();
    checkpoint = makeCheckpoint('failing.safetensors', {
      'module.failing.blocks.0.fc.weight': [8, 4],
      'module.failing.blocks.1.fc.weight': [8, 4],
      'failing.head.weight': [6, 4],
      [hostile]: [3, 4],
    });
    log = await vscode.workspace.openTextDocument({ language: 'log', content: lines.join('\n') });
    await vscode.window.showTextDocument(log);
    await until('it is indexed', () => api.checkpoints.indexed.head(checkpoint.fsPath));
  });
  after(closeEditors);

  it('explains a missing key by what the checkpoint has in front', async () => {
    const text = await hover(1, 'failing.blocks.1');
    assert.match(text, /In `failing\.safetensors` it is `module\.failing\.blocks\.1\.fc\.weight`, `8 × 4 F32`\./);
    assert.match(text, /have `module\.` in front, which `DataParallel or DistributedDataParallel` puts there\./);
    assert.match(text, /That explains all `2` missing keys here\./);
    assert.match(text, /command:eigenscope\.inspectWeights\?/);
  });

  it('explains a shape that does not fit', async () => {
    assert.match(await hover(3, 'failing.head'), /it is `6 × 4 F32`\.[^]*has `6` rows, the model wants `9`/);
  });

  it('shows hostile names as text', async () => {
    const text = await hover(4, 'failing.[x]');
    assert.match(text, /wants its transpose/);
    // In a code span nothing is read as Markdown; the link's label has references in place of its characters.
    const outside = text.replace(/`[^`]*`/g, '').replace(/\]\(command:eigenscope[^)]*\)/g, '');
    assert.doesNotMatch(outside, /\]\(|!\[|\$\(/);
  });

  it('links each key to the layer', async () => {
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      log.uri,
      100,
    );
    const ours = links.filter(({ target }) => target?.scheme === 'command');
    assert.deepEqual(ours.map(({ range }) => log.getText(range)).slice(0, 5), [
      ...['failing.blocks.0.fc.weight', 'failing.blocks.1.fc.weight'],
      ...['module.failing.blocks.0.fc.weight', 'module.failing.blocks.1.fc.weight', 'failing.head.weight'],
    ]);
    const [target] = JSON.parse(decodeURIComponent(ours[1]!.target!.query)) as [InspectLink];
    assert.deepEqual(target, { uri: checkpoint.toString(), layer: 'module.failing.blocks.1.fc.weight' });
    const [odd] = JSON.parse(decodeURIComponent(ours[5]!.target!.query)) as [InspectLink];
    assert.equal(odd.layer, hostile);
  });

  it('offers the layer in the light bulb, which opens it', async () => {
    const range = new vscode.Range(at(3, 'failing.head'), at(3, 'failing.head'));
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      log.uri,
      range,
    );
    const action = actions.find(({ title }) => title === 'Open failing.head.weight in Eigenscope');
    assert.ok(action?.command, actions.map(({ title }) => title).join());
    await vscode.commands.executeCommand(action.command.command, ...(action.command.arguments as unknown[]));
    await until('its session', () => api.session(checkpoint));
  });

  it('has links in a terminal’s line, with the explanation', async () => {
    const links = await api.messages.provideTerminalLinks({ line: lines[3]! });
    assert.deepEqual(
      links.map(({ startIndex, length }) => lines[3]!.slice(startIndex, startIndex + length)),
      ['failing.head.weight'],
    );
    assert.match(links[0]!.tooltip!, /^In failing\.safetensors it is 6 × 4 F32\. .* has 6 rows, the model wants 9;/);
    await closeEditors();
    await api.messages.handleTerminalLink(links[0]!);
    const session = await until('its session', () => api.session(checkpoint));
    await until('the layer is shown', () => session.shownLayer === 'failing.head.weight');
    assert.deepEqual(await api.messages.provideTerminalLinks({ line: 'all keys matched successfully' }), []);
  });

  it('has no links where they are turned off', async () => {
    const settings = vscode.workspace.getConfiguration('eigenscope');
    await settings.update('links.enabled', false, vscode.ConfigurationTarget.Global);
    try {
      const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>('vscode.executeLinkProvider', log.uri);
      assert.deepEqual(
        links.filter(({ target }) => target?.scheme === 'command'),
        [],
      );
    } finally {
      await settings.update('links.enabled', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});
