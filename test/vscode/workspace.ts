/** What the tests inside VS Code share: checkpoints made in the open folder, and waiting for what will happen. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Inside } from '../../extension/host/main';
import { safetensorsHeader } from '../harness/checkpoints/madeCheckpoints';
import { patience } from '../harness/machineSpeed';

export async function eigenscope(): Promise<Inside> {
  const extension = vscode.extensions.getExtension<{ inside?: Inside }>('eigenscope.eigenscope');
  assert.ok(extension, 'the extension is not installed');
  const { inside } = await extension.activate();
  assert.ok(inside, 'VS Code does not know that it runs tests');
  return inside;
}

export function workspaceFolder(): string {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder, 'no folder is open');
  return folder.uri.fsPath;
}

/** Writes a safetensors file of float32 matrices of seeded random numbers into the open folder. */
export function makeCheckpoint(name: string, shapes: Record<string, number[]>, seed = 1): vscode.Uri {
  const tensors = Object.entries(shapes).map(([tensor, shape]) => ({ name: tensor, shape }));
  const { header, dataBytes } = safetensorsHeader(tensors, 'F32', 4);
  const values = new Float32Array(dataBytes / 4);
  let state = seed;
  for (let index = 0; index < values.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[index] = (state / 2 ** 32 - 0.5) / 8;
  }
  const file = path.join(workspaceFolder(), name);
  writeFileSync(file, Buffer.concat([header, Buffer.from(values.buffer)]));
  return vscode.Uri.file(file);
}

interface Header {
  [name: string]: { shape: number[]; data_offsets: [number, number] };
}

/** Header and data of a safetensors file, read without the extension's own code. */
export function readHeader(file: string): { header: Header; data: Buffer } {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE());
  return { header: JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Header, data: bytes.subarray(8 + length) };
}

/** A tensor's bytes as the file has them. */
export function tensorOf(file: string, name: string): Buffer {
  const { header, data } = readHeader(file);
  const [start, end] = header[name]!.data_offsets;
  return data.subarray(start, end);
}

/** Waits until `look` finds something. @throws AssertionError that says what did not happen */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = patience(),
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < end, `did not happen within ${limitMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export async function closeEditors(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
}

/** A measured number for the person who reads the test's output: an extension host has no screen of its own. */
export function note(text: string): void {
  const { EIGENSCOPE_TEST_LOG: log } = process.env;
  if (log) appendFileSync(log, `    ${text}\n`);
  else console.log(`    ${text}`);
}
