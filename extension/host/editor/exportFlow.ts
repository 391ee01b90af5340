/** Keeping numbers: asks where, shows progress that can be cancelled, offers to open the file. The engine writes it. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { CancellationToken } from 'vscode-jsonrpc';
import type { ViewRequests } from '../../protocol';
import { exportFormat, type ExportFormat, type ExportResult } from '../../shared/exports/exportFormats';
import { l10n } from '../../shared/language/l10n';
import { notificationText } from '../plainText';
import { inspectSettings } from '../settings';
import type { CheckpointSession } from './checkpointSession';
import { modelRunProgress } from './modelRunProgress';
import { checkpointName } from './proposedName';

/**
 * @param source the checkpoint's URI: the dialog starts beside it
 * @param only layers and tensors that a CSV file is limited to
 * @returns null if the person cancelled
 */
export async function exportWithDialog(
  session: CheckpointSession,
  format: ExportFormat,
  source: vscode.Uri,
  only?: readonly string[],
): Promise<{ path: string } | null> {
  const { ending, suffix, files, title } = exportFormat(format);
  const name = `${checkpointName(source)}-${suffix}.${ending}`;
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(source, '..', name),
    filters: { [files]: [ending] },
    title,
  });
  if (!target) return null;
  const saving = l10n.t('Saving {0}', notificationText(path.basename(target.fsPath)));
  const written = await modelRunProgress(session, saving, (token) =>
    session.exports.write(format, target.fsPath, inspectSettings(), token, only),
  );
  if (!written) return null;
  void offerToOpen(format, written);
  return { path: written.path };
}

/** A plot that the page has drawn. @returns null if the person cancelled */
export async function savePicture(
  session: CheckpointSession,
  { name, kind, bytes }: ViewRequests['savePicture']['params'],
  source: vscode.Uri,
  token: CancellationToken,
): Promise<{ path: string } | null> {
  const target = await vscode.window.showSaveDialog({
    // The page's word is no path.
    defaultUri: vscode.Uri.joinPath(source, '..', path.basename(`${name}.${kind}`)),
    filters: { [kind.toUpperCase()]: [kind] },
    title: l10n.t('Save Plot'),
  });
  if (!target) return null;
  const { answer } = await session.inEngine.ask('savePicture', { bytes, target: target.fsPath }, token);
  void offerToOpen('picture', { ...answer, notes: [] });
  return answer;
}

async function offerToOpen(
  format: ExportFormat | 'picture',
  { path: file, notes }: Pick<ExportResult, 'path' | 'notes'>,
): Promise<void> {
  const saved = l10n.t('Saved {0}.', notificationText(path.basename(file)));
  const left = notes.length === 0 ? '' : ` ${notificationText(notes.join(' '))}`;
  const open = l10n.t('Open');
  if ((await vscode.window.showInformationMessage(saved + left, open)) !== open) return;
  const uri = vscode.Uri.file(file);
  if (format === 'report' && isOnThisMachine()) await vscode.env.openExternal(uri);
  else await vscode.commands.executeCommand('vscode.open', uri);
}

/** A browser of the person's machine has no files of a remote one: they are shown in the editor, as text. */
function isOnThisMachine(): boolean {
  return vscode.env.uiKind === vscode.UIKind.Desktop && vscode.env.remoteName === undefined;
}
