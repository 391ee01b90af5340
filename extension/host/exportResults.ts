/** All numbers of a session to a file, in the terminal program's own JSON and CSV. */
import path from 'node:path';
import * as vscode from 'vscode';
import { inspectCsv, inspectJson, inspectReport, reportedLayers } from '../inspectReport';
import type { CheckpointSession } from './checkpointSession';
import { exportedLayers } from './exportedLayers';
import { inspectSettings } from './settings';

const SLICE_MS = 20;

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
    title: vscode.l10n.t('Export Results'),
  });
  if (!target) return null;
  const summary = await session.summary();
  const layers = exportedLayers(summary, session.results);
  const pieces =
    format === 'json'
      ? inspectJson(inspectReport(summary, inspectSettings(), layers, await session.device()))
      : inspectCsv(reportedLayers(summary, layers));
  await vscode.workspace.fs.writeFile(target, await encoded(pieces));
  return { path: target.fsPath };
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
