/** All numbers of a session to a file, in the terminal program's own JSON and CSV. */
import path from 'node:path';
import * as vscode from 'vscode';
import { inspectCsv, inspectReport } from '../inspectReport';
import type { CheckpointSession } from './checkpointSession';
import { inspectSettings } from './settings';

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
  const layers = summary.tensors
    .flatMap(({ name: tensor, layers: names }) => (names.length > 0 ? names : [tensor]))
    .flatMap((layer) => session.results.get(layer) ?? []);
  const text =
    format === 'json'
      ? `${JSON.stringify(inspectReport(summary, inspectSettings(), layers, await session.device()), null, 2)}\n`
      : inspectCsv(layers);
  await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(text));
  return { path: target.fsPath };
}
