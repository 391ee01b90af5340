import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { Inside } from '../../extension/host/main';
import { eventually } from '../harness/eventually';
import { allowed, processorTime } from '../harness/machineSpeed';
import { closeEditors, eigenscope, makeCheckpoint, note, until, workspaceFolder } from './workspace';

/** Of this process's own time: a person must not notice waiting. */
const LIMIT_MS = 100;

/** An engine that is too busy to answer within a hover's own limit leaves the numbers out. */
const WITH_NUMBERS = /α \d.* ± \d/;

describe('hover', () => {
  let api: Inside;
  let python: vscode.TextDocument;

  const textOf = async (line: number, column: number): Promise<string> => {
    const at = new vscode.Position(line, column);
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', python.uri, at);
    const contents = hovers.flatMap((hover) => hover.contents);
    return contents.map((part) => (part instanceof vscode.MarkdownString ? part.value : '')).join('\n');
  };
  const link = (text: string, label: string): { uri: string; layer: string; compress: boolean } => {
    const target = new RegExp(`\\[${label}\\]\\(command:eigenscope\\.inspectWeights\\?([^ )]+)`).exec(text)?.[1];
    assert.ok(target, `no link "${label}" in: ${text}`);
    return (JSON.parse(decodeURIComponent(target)) as [{ uri: string; layer: string; compress: boolean }])[0];
  };

  before(async () => {
    api = await eigenscope();
    makeCheckpoint('hovered.safetensors', {
      'model.layers.0.self_attn.q_proj.weight': [96, 64],
      'model.layers.0.self_attn.q_proj.bias': [96],
    });
    const file = vscode.Uri.joinPath(vscode.Uri.file(workspaceFolder()), 'train.py');
    const lines = [
      'w = state["model.layers.0.self_attn.q_proj.weight"]',
      'y = self.layers[0].self_attn.q_proj(x)',
      'b = state["module.model.layers.0.self_attn.q_proj.bias"]',
      'import numpy.linalg',
    ];
    await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(`${lines.join('\n')}\n`));
    python = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(python);
    await until('the header is read', () => api.checkpoints.indexed.index.find('layers.0.self_attn.q_proj').length > 0);
  });
  after(closeEditors);

  it('shows the header of a layer that was not analysed, with a link to inspect it', async () => {
    const text = await textOf(0, 20);
    assert.match(text, /96 × 64 · F32 · 6,144 parameters/);
    const { uri, layer, compress } = link(text, 'Inspect');
    assert.equal(layer, 'model.layers.0.self_attn.q_proj.weight');
    assert.equal(compress, false);
    assert.match(uri, /^file:.*hovered\.safetensors$/);
  });

  it('finds the tensor behind an expression with an index, and behind a wrapped name', async () => {
    assert.match(await textOf(1, 30), /`model\.layers\.0\.self_attn\.q_proj\.weight`/);
    assert.match(await textOf(2, 30), /`model\.layers\.0\.self_attn\.q_proj\.bias`/);
  });

  it('says nothing about other names', async () => {
    assert.equal(await textOf(3, 10), '');
  });

  it('shows alpha, a rank and a picture once analysed, at once', async () => {
    const { uri } = link(await textOf(0, 20), 'Inspect');
    await vscode.commands.executeCommand('eigenscope.inspectWeights', vscode.Uri.parse(uri));
    const session = await until('a session', () => api.session(vscode.Uri.parse(uri)));
    await until('results', () => session.results.size === 2);
    await closeEditors();
    await vscode.window.showTextDocument(python);
    const text = await eventually(
      () => textOf(0, 20),
      (shown) => WITH_NUMBERS.test(shown),
    );
    const times: number[] = [];
    const computed: number[] = [];
    for (let turn = 0; turn < 9; turn++) {
      const [clock, own] = [performance.now(), processorTime()];
      await textOf(0, 20);
      times.push(performance.now() - clock);
      computed.push(processorTime() - own);
    }
    // Random entries: no factor pair is smaller than the matrix.
    assert.match(text, /Not worth factoring: 90% of the energy takes \d+% of the size as two factors\./);
    assert.doesNotMatch(text, /rank \d+/);
    assert.match(text, /!\[[^\]]+\]\(data:image\/svg\+xml;base64,/);
    assert.equal(link(text, 'Compress…').compress, true);
    link(text, 'Open');
    const median = (values: number[]): number => values.sort((a, b) => a - b)[4]!;
    note(
      `hover: median of nine ${median(times).toFixed(1)} ms, of which ${median(computed).toFixed(1)} ms computed here`,
    );
    // The machine may be busy with something else: only what this process computes is the product's.
    assert.ok(median(computed) < allowed(LIMIT_MS), `${median(computed)} ms`);
  });

  it('follows a link to the layer, with the compression preview', async () => {
    const target = link(await textOf(0, 20), 'Compress…');
    await vscode.commands.executeCommand('eigenscope.inspectWeights', target);
    const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    assert.ok(input instanceof vscode.TabInputCustom);
    await closeEditors();
  });

  it('learns of new, changed and removed checkpoints', async () => {
    const uri = makeCheckpoint('later.safetensors', { 'decoder.out_proj.weight': [8, 8] });
    const known = (): boolean => api.checkpoints.indexed.index.find('decoder.out_proj').length > 0;
    await until('the new file is indexed', known);
    makeCheckpoint('later.safetensors', { 'decoder.in_proj.weight': [8, 8] });
    await until('its new tensor is indexed', () => api.checkpoints.indexed.index.find('decoder.in_proj').length > 0);
    assert.equal(known(), false);
    await vscode.workspace.fs.delete(uri);
    await until('it is forgotten', () => api.checkpoints.indexed.index.find('decoder.in_proj').length === 0);
  });

  it('knows what it knew of a checkpoint until that is read anew', async () => {
    const uri = makeCheckpoint('again.safetensors', { 'neck.fc.weight': [8, 8] });
    const shape = (): readonly number[] | undefined => api.checkpoints.indexed.index.find('neck.fc')[0]?.tensor.shape;
    await until('the file is indexed', shape);
    makeCheckpoint('again.safetensors', { 'neck.fc.weight': [8, 4] });
    const seen: unknown[] = [];
    await until('the new shape is indexed', () => {
      seen.push(shape());
      return shape()?.[1] === 4;
    });
    assert.ok(!seen.includes(undefined), 'it was forgotten meanwhile');
    await vscode.workspace.fs.delete(uri);
  });

  describe('in a source file that speaks of a checkpoint', () => {
    let source: vscode.TextDocument;
    const lines = [
      'state = load_file("runs/b/model.safetensors")',
      'w = state["ranked.units.1.lin.weight"]',
      'm = [state[f"ranked.units.{i}.lin"] for i in range(3)]',
      'w = state["ranked.units.7.lin.weight"]',
      'x = ranked.units[i].lin(x)',
      'print("nothing.like.that.anywhere")',
    ];
    const hovers = async (line: number, part: string): Promise<string[]> => {
      const at = new vscode.Position(line, lines[line]!.indexOf(part) + 1);
      const found = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', source.uri, at);
      return found
        .flatMap(({ contents }) => contents)
        .map((part) => (part instanceof vscode.MarkdownString ? part.value : ''))
        .map((text) => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))));
    };

    before(async () => {
      const root = vscode.Uri.file(workspaceFolder());
      for (const [run, rows] of [
        ['a', 8],
        ['b', 12],
        ['c', 16],
      ] as const) {
        await vscode.workspace.fs.createDirectory(vscode.Uri.joinPath(root, 'runs', run));
        const shapes = Object.fromEntries([0, 1, 2].map((block) => [`ranked.units.${block}.lin.weight`, [rows, 4]]));
        makeCheckpoint(`runs/${run}/model.safetensors`, shapes);
      }
      const file = vscode.Uri.joinPath(root, 'runs', 'a', 'eval.py');
      await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(lines.join('\n')));
      source = await vscode.workspace.openTextDocument(file);
      await until('all are indexed', () => api.checkpoints.indexed.index.find('ranked.units.1.lin').length === 3);
    });

    it('answers from that one, and names the others in one line each', async () => {
      const [card, others, ...more] = await hovers(1, 'ranked');
      assert.match(card!, /12 × 4 · F32 · 48 parameters[^]*runs\/b\/model\.safetensors/);
      assert.match(others!, /runs\/a · 8 × 4 F32[^]*runs\/c · 16 × 4 F32/);
      assert.deepEqual(more, []);
    });

    it('tells what a name with a variable in it stands for', async () => {
      for (const [line, part] of [
        [2, 'ranked'],
        [4, 'lin'],
      ] as const) {
        const [card, ...others] = await hovers(line, part);
        assert.match(card!, /ranked\.units\.0–2\.lin[^]*3 tensors[^]*3 × `weight` 12 × 4 F32[^]*runs\/b/);
        assert.deepEqual(others, []);
      }
    });

    it('says that a key is not there, with the nearest', async () => {
      const [card] = await hovers(3, 'ranked');
      assert.match(
        card!,
        /`ranked\.units\.7\.lin\.weight` is not in runs\/b[^]*Nearest: `ranked\.units\.0–2\.lin\.weight`/,
      );
      assert.deepEqual(await hovers(5, 'nothing'), []);
    });

    it('tells what a checkpoint is that is loaded', async () => {
      const [card] = await hovers(0, 'runs');
      assert.match(card!, /runs\/b\/model\.safetensors[^]*safetensors[^]*3 tensors · 144 parameters[^]*\[Inspect\]/);
    });
  });

  it('can be turned off', async () => {
    const settings = vscode.workspace.getConfiguration('eigenscope');
    await settings.update('hover.enabled', false, vscode.ConfigurationTarget.Global);
    try {
      assert.equal(await textOf(0, 20), '');
    } finally {
      await settings.update('hover.enabled', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});
