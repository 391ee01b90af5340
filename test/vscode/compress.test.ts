import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { SaveResult } from '../../extension/shared/compressions';
import { problemOf } from '../../extension/shared/rpc';
import { closeEditors, eigenscope, makeCheckpoint, readHeader, tensorOf, until, workspaceFolder } from './workspace';

describe('compress layer', () => {
  before(eigenscope);
  afterEach(closeEditors);

  const compress = (given: object): Thenable<SaveResult> =>
    vscode.commands.executeCommand<SaveResult>('eigenscope.compressLayer', given);

  it('saves a factor pair and every other tensor byte for byte, from arguments alone', async () => {
    const uri = makeCheckpoint('whole.safetensors', {
      'fc1.weight': [64, 48],
      'fc1.bias': [64],
      'fc2.weight': [32, 64],
    });
    const target = path.join(workspaceFolder(), 'factors.safetensors');
    const result = await compress({ uri, layer: 'fc1.weight', rank: 8, output: 'factors', target });
    assert.equal(result.rank, 8);
    assert.ok(Math.abs(result.measured_error - result.relative_error) < 1e-5);
    // The bias goes with the second factor, under the name that the modules load it by.
    assert.deepEqual(tensorOf(target, 'fc1.1.bias'), tensorOf(uri.fsPath, 'fc1.bias'));
    assert.deepEqual(tensorOf(target, 'fc2.weight'), tensorOf(uri.fsPath, 'fc2.weight'));
    const shapes = Object.entries(readHeader(target).header)
      .filter(([name]) => name.startsWith('fc1') && name !== 'fc1.1.bias')
      .map(([, { shape }]) => shape.join('×'));
    assert.deepEqual(shapes.sort(), ['64×8', '8×48']);
  });

  it('takes an energy, and a matrix in its original shape', async () => {
    const uri = makeCheckpoint('energy.safetensors', { 'fc1.weight': [64, 48] });
    const target = path.join(workspaceFolder(), 'reconstructed.safetensors');
    const rank = { kind: 'energy', energy: 0.9 };
    const result = await compress({ uri: uri.toString(), layer: 'fc1.weight', rank, output: 'reconstructed', target });
    // Keeping a share τ of the energy leaves the error at or below √(1−τ).
    assert.ok(result.relative_error <= Math.sqrt(0.1) + 1e-12, String(result.relative_error));
    assert.deepEqual(readHeader(target).header['fc1.weight']?.shape, [64, 48]);
  });

  it('works in an editor that is open, and leaves it open', async () => {
    const api = await eigenscope();
    const uri = makeCheckpoint('edited.safetensors', { 'fc1.weight': [64, 48] });
    await vscode.commands.executeCommand('eigenscope.inspectWeights', uri);
    const open = await until('a session', () => api.session(uri));
    const target = path.join(workspaceFolder(), 'from-editor.safetensors');
    await compress({ uri, layer: 'fc1.weight', rank: { kind: 'budget', budget: 0.5 }, output: 'factors', target });
    assert.ok(existsSync(target));
    assert.equal(api.session(uri), open);
  });

  it('never writes over the checkpoint itself', async () => {
    const uri = makeCheckpoint('source.safetensors', { 'fc1.weight': [64, 48] });
    const before = readFileSync(uri.fsPath);
    await assert.rejects(
      async () => compress({ uri, layer: 'fc1.weight', rank: 8, output: 'factors', target: uri.fsPath }),
      (error) => /never written to|part of the checkpoint/.test(problemOf(error).message),
    );
    assert.deepEqual(readFileSync(uri.fsPath), before);
  });

  it('does not replace an existing file unasked', async () => {
    const uri = makeCheckpoint('again.safetensors', { 'fc1.weight': [64, 48] });
    const other = makeCheckpoint('precious.safetensors', { 'fc1.weight': [8, 8] });
    const before = readFileSync(other.fsPath);
    await assert.rejects(
      async () => compress({ uri, layer: 'fc1.weight', rank: 8, output: 'factors', target: other.fsPath }),
      (error) => /exists/.test(problemOf(error).message),
    );
    assert.deepEqual(readFileSync(other.fsPath), before);
  });

  it('names a layer that is not there', async () => {
    const uri = makeCheckpoint('named.safetensors', { 'fc1.weight': [64, 48] });
    const target = path.join(workspaceFolder(), 'nothing.safetensors');
    await assert.rejects(
      async () => compress({ uri, layer: 'fc9.weight', rank: 8, output: 'factors', target }),
      (error) => problemOf(error).message.includes('fc9.weight'),
    );
    assert.equal(existsSync(target), false);
  });
});
