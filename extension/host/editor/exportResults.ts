/** All numbers of a session to a file, in the terminal program's own JSON and CSV. */
import { open, realpath } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { inspectCsv, inspectJson, inspectReport, reportedLayers, type InspectReport } from '../../shared/inspectReport';
import type { CheckpointSession } from './checkpointSession';
import { exportedLayers } from './exportedLayers';
import { inspectSettings } from '../settings';

const SLICE_MS = 20;

/** What every export begins with. */
const BEGINNINGS = { json: '{\n  "checkpoint": {', csv: 'name,tensor,shape' } as const;

/** @returns null where the person cancelled the dialog */
export async function exportResults(
  session: CheckpointSession,
  format: 'json' | 'csv',
  source: vscode.Uri,
): Promise<{ path: string } | null> {
  const name = `${path.basename(source.fsPath, path.extname(source.fsPath))}-weights.${format}`;
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(source, '..', name),
    filters: { [format.toUpperCase()]: [format] },
    title: 'Export Results',
  });
  if (!target) return null;
  const summary = await session.summary();
  if (!(await mayReplace(target.fsPath, BEGINNINGS[format], summary.files))) {
    throw new Error(`${target.fsPath} may belong to the model, which is never written to. Choose another name.`);
  }
  const layers = exportedLayers(summary, session.results);
  const report = async (): Promise<InspectReport> => {
    const device = await session.engine.request('device', null);
    const { quick } = await session.contentsNow();
    return inspectReport(summary, inspectSettings(), layers, device, quick);
  };
  const pieces = format === 'json' ? inspectJson(await report()) : inspectCsv(reportedLayers(summary, layers));
  await vscode.workspace.fs.writeFile(target, await encoded(pieces));
  return { path: target.fsPath };
}

/**
 * False for a file of the model: one of the checkpoint's own, or one beside it (a configuration, say) that does not begin as an
 * earlier export does.
 */
async function mayReplace(target: string, beginning: string, originals: readonly string[]): Promise<boolean> {
  const real = await realpath(target).catch(() => undefined);
  if (real === undefined) return true;
  const files = await Promise.all(originals.map((file) => realpath(file).catch(() => path.resolve(file))));
  if (files.includes(real)) return false;
  if (!files.some((file) => path.dirname(file) === path.dirname(real))) return true;
  const file = await open(real, 'r');
  try {
    const start = Buffer.alloc(beginning.length);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    return start.toString('latin1', 0, bytesRead) === beginning;
  } finally {
    await file.close();
  }
}

/** Lets the host do other things every now and then: 100 000 layers take seconds. */
async function encoded(pieces: Iterable<string>): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let last = performance.now();
  for (const piece of pieces) {
    chunks.push(Buffer.from(piece));
    if (performance.now() - last < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    last = performance.now();
  }
  return Buffer.concat(chunks);
}
