/** The exported API as another extension has it: `test/harness/companion` is one, in the same VS Code. */
import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type {
  EigenscopeApi,
  EigenscopeExports,
  LayerComparison,
  NumbersChange,
} from '../../extension/host/api/eigenscope';
import { writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { closeEditors, eigenscope, makeCheckpoint, until, workspaceFolder } from './workspace';

interface Report {
  title: string;
  knownBefore: number;
  lines: string[];
  heard: { file: string; layers: string[] }[];
}

const SLOW = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`blocks.${index}.fc.weight`, [640, 640]]));

describe('the exported API', () => {
  let api: EigenscopeApi;

  before(async () => {
    await eigenscope();
    api = vscode.extensions.getExtension<EigenscopeExports>('eigenscope.eigenscope')!.exports.getApi(1);
  });
  afterEach(closeEditors);

  const rejection = async (promise: Promise<unknown>): Promise<{ name: string; code: string; message: string }> =>
    promise.then(
      () => assert.fail('nothing was refused'),
      (error: unknown) => error as { name: string; code: string; message: string },
    );

  it('gives another extension layers, numbers and news', async () => {
    const uri = makeCheckpoint('companion.safetensors', { 'fc1.weight': [64, 48], 'fc1.bias': [64] });
    const first = await vscode.commands.executeCommand<Report>('eigenscopeCompanion.report', uri);
    assert.equal(first.knownBefore, 0);
    assert.match(first.title, /, 3136 parameters$/);
    assert.equal(first.lines.length, 1);
    assert.match(first.lines[0]!, /^fc1\.weight: alpha \d+\.\d+, (no rank|rank \d+)$/);
    const again = await until('news', async () => {
      const report = await vscode.commands.executeCommand<Report>('eigenscopeCompanion.report', uri);
      return report.heard.some(({ file }) => file === uri.fsPath) && report;
    });
    assert.equal(again.knownBefore, 1, 'what was computed is known the second time');
    assert.deepEqual(again.lines, first.lines);
    assert.deepEqual(again.heard.find(({ file }) => file === uri.fsPath)?.layers, ['fc1.weight']);
  });

  it('compares layers: twice a matrix is as far from it as its own norm', async () => {
    const values = Float32Array.from({ length: 48 * 32 }, (_, i) => Math.sin(i * i) / (1 + (i % 32)));
    const [a, b] = [1, 2].map((scale) => {
      const file = path.join(workspaceFolder(), `times-${scale}.safetensors`);
      writeSafetensors(file, [{ name: 'w', shape: [48, 32], values: values.map((value) => scale * value) }]);
      return vscode.Uri.file(file);
    });
    const compared = await vscode.commands.executeCommand<{
      alpha: LayerComparison['metrics'][string];
      norm: LayerComparison['metrics'][string];
      least: LayerComparison['spectralDistance'];
    }>('eigenscopeCompanion.compare', a, b, 'w');
    const energy = values.reduce((sum, value) => sum + value ** 2, 0);
    assert.ok(Math.abs(compared.norm.ratio! - 4) < 1e-9, `‖W‖² by ${compared.norm.ratio}`);
    assert.ok(Math.abs(compared.norm.difference / (3 * energy) - 1) < 1e-6);
    assert.ok(Math.abs(compared.least!.relative! - 1) < 1e-6);
    assert.ok(Math.abs(compared.least!.absolute / Math.sqrt(energy) - 1) < 1e-6);
    assert.ok(Math.abs(compared.alpha.difference) < 1e-6, 'alpha knows no scale');
  });

  it('computes nothing unasked, and knows what an open tab knows', async () => {
    const uri = makeCheckpoint('tab.safetensors', { 'fc1.weight': [48, 40], 'fc2.weight': [48, 32] }, 5);
    const checkpoint = await api.openCheckpoint(uri);
    try {
      assert.equal(await checkpoint.numbers('fc1.weight'), undefined);
      assert.equal(await api.compareLayers({ uri, layer: 'fc1.weight' }, { uri, layer: 'fc2.weight' }), undefined);
      await api.showCheckpoint(uri, 'fc2.weight');
      const numbers = await until('the tab has numbers', () => checkpoint.numbers('fc1.weight'));
      assert.equal(numbers.metrics.matrix_rank, 40);
      assert.equal(numbers.verdict?.reason.length === 0, false);
      const compared = await until('both', () =>
        api.compareLayers({ uri, layer: 'fc1.weight' }, { uri, layer: 'fc2.weight' }),
      );
      assert.equal(compared.metrics.matrix_rank!.difference, -8);
      assert.equal(compared.spectralDistance, undefined, 'other shapes have none');
    } finally {
      checkpoint.dispose();
    }
  });

  it('stops computing when it is told to, and when the handle is closed', async () => {
    const uri = makeCheckpoint('cancelled.safetensors', SLOW, 7);
    const source = new vscode.CancellationTokenSource();
    const checkpoint = await api.openCheckpoint(uri);
    let done = 0;
    const asked = checkpoint.compute(undefined, {
      token: source.token,
      onProgress: (count) => {
        done = count;
        if (count > 0) source.cancel();
      },
    });
    assert.ok((await rejection(asked)) instanceof vscode.CancellationError);
    assert.ok(done < 8, 'all was computed before it could be cancelled');
    const closed = checkpoint.compute();
    checkpoint.dispose();
    assert.equal((await rejection(closed)).code, 'closed');
    assert.match((await rejection(checkpoint.summary())).message, /cancelled\.safetensors was closed by/);
  });

  it('says what is wrong in a sentence, with a word for programs', async () => {
    const uri = makeCheckpoint('named.safetensors', { 'model.fc1.weight': [24, 16] });
    const checkpoint = await api.openCheckpoint(uri);
    const unknown = await rejection(checkpoint.numbers('model.fc1.wieght', { compute: true }));
    assert.equal(unknown.code, 'no-such-layer');
    assert.match(unknown.message, /has no layer "model\.fc1\.wieght"; did you mean model\.fc1\.weight\?$/);
    const nowhere = vscode.Uri.joinPath(uri, '..', 'nowhere.safetensors');
    assert.match((await rejection(api.openCheckpoint(nowhere))).message, /nowhere\.safetensors does not exist\.$/);
    const virtual = await rejection(api.openCheckpoint(vscode.Uri.parse('memfs:/model.safetensors')));
    assert.match(virtual.message, /virtual file system/);
    const text = await rejection(api.openCheckpoint('model.safetensors' as unknown as vscode.Uri));
    assert.equal(text.message, 'A checkpoint is named by a vscode.Uri.');
    const exported = vscode.extensions.getExtension<EigenscopeExports>('eigenscope.eigenscope')!.exports;
    assert.throws(() => exported.getApi(2 as 1), /has version 1 of its API, and was asked for version 2\. Update/);
    checkpoint.dispose();
  });

  it('tells that numbers hold no more when files change, and opens them anew', async () => {
    const uri = makeCheckpoint('shrunk.safetensors', { 'fc.weight': [64, 64] });
    const checkpoint = await api.openCheckpoint(uri);
    const news: NumbersChange[] = [];
    const listening = api.onDidChangeNumbers((change) => news.push(change));
    await checkpoint.compute();
    truncateSync(uri.fsPath, 100);
    await until('the news', () => news.some(({ reason }) => reason !== undefined));
    assert.match((await rejection(checkpoint.layers())).message, /shrunk\.safetensors/);
    makeCheckpoint('shrunk.safetensors', { 'fc.weight': [32, 16] });
    await checkpoint.reload();
    assert.deepEqual((await checkpoint.layers())[0]?.shape, [32, 16]);
    listening.dispose();
    checkpoint.dispose();
  });

  it('hands out copies', async () => {
    const uri = makeCheckpoint('copied.safetensors', { 'fc.weight': [32, 24] });
    const checkpoint = await api.openCheckpoint(uri);
    const [numbers] = await checkpoint.compute();
    (numbers!.metrics as Record<string, number>).alpha = -1;
    assert.notEqual((await checkpoint.numbers('fc.weight'))!.metrics.alpha, -1);
    assert.throws(() => Object.assign(api, { version: 2 }), TypeError);
    checkpoint.dispose();
  });
});
