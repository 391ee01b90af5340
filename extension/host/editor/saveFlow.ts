/** Saving a compressed checkpoint: asks where, never offers the original, shows progress that can be cancelled. */
import path from 'node:path';
import * as vscode from 'vscode';
import { methodAtRank, suggestedName } from '../../shared/names/suggestedName';
import type { SaveRequest, SaveResult } from '../../shared/compressions';
import { l10n } from '../../shared/language/l10n';
import type { CheckpointSession } from './checkpointSession';
import { percentText } from '../percentText';
import { notificationText } from '../plainText';
import { choosesAnotherName } from './refusedTarget';

export type UnplacedSave = Omit<SaveRequest, 'target' | 'overwrite'>;

/**
 * Asks for the target with the native dialog and saves there.
 *
 * @param source the checkpoint's URI: the dialog starts beside it
 * @returns null where the person cancelled
 */
export async function saveWithDialog(
  session: CheckpointSession,
  request: UnplacedSave,
  source: vscode.Uri,
): Promise<SaveResult | null> {
  const { version } = await session.summary();
  for (;;) {
    const target = await askTarget(source, request);
    if (!target) return null;
    try {
      // The dialog has asked whether an existing file may be replaced.
      return await saveWithProgress(session, { ...request, target: target.fsPath, overwrite: true }, version);
    } catch (error) {
      if (!(await choosesAnotherName(error, ['target-is-source']))) return null;
    }
  }
}

/**
 * Saves to `request.target` under a notification with a cancel button.
 *
 * @param version see `CheckpointSession.save`
 */
export async function saveWithProgress(
  session: CheckpointSession,
  request: SaveRequest,
  version?: string,
): Promise<SaveResult> {
  const name = path.basename(request.target);
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: l10n.t('Saving {0}', notificationText(name)),
    cancellable: true,
  };
  const result = await vscode.window.withProgress(options, async (progress, token) => {
    let shown = 0;
    const stop = session.on('saving', ({ fraction, message }) => {
      progress.report({ message: notificationText(message), increment: 100 * Math.max(0, fraction - shown) });
      shown = Math.max(shown, fraction);
    });
    try {
      return await session.save(request, token, version);
    } finally {
      stop();
    }
  });
  void offerToOpen(result);
  return result;
}

async function offerToOpen(result: SaveResult): Promise<void> {
  const open = l10n.t('Inspect It');
  const error = percentText(result.measured_error, { maximumSignificantDigits: 3 });
  const message = l10n.t(
    'Saved {0} at rank {1}, relative error {2}.',
    notificationText(path.basename(result.path)),
    result.rank,
    error,
  );
  const chosen = await vscode.window.showInformationMessage(message, open);
  if (chosen) await vscode.commands.executeCommand('eigenscope.inspectWeights', vscode.Uri.file(result.path));
}

function askTarget(source: vscode.Uri, { layer, method, rank }: UnplacedSave): Thenable<vscode.Uri | undefined> {
  const name = suggestedName(source.fsPath, [layer], methodAtRank(method, rank));
  return vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(source, '..', name),
    filters: { safetensors: ['safetensors'] },
    title: l10n.t('Save Compressed Checkpoint'),
  });
}
