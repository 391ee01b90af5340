/** Saving a compressed checkpoint: asks where, never offers the original, shows progress that can be cancelled. */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import type { SaveRequest, SaveResult } from '../protocol';
import type { CheckpointSession } from './checkpointSession';
import { notificationText } from './plainText';

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
  const { files, version } = await session.summary();
  const target = await askTarget(files, suggestedName(source, request));
  if (!target) return null;
  // The dialog has asked whether an existing file may be replaced.
  return saveWithProgress(session, { ...request, target: target.fsPath, overwrite: true }, version);
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
    title: vscode.l10n.t('Saving {0}', notificationText(name)),
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
  const open = vscode.l10n.t('Inspect It');
  const error = (100 * result.measured_error).toLocaleString(vscode.env.language, { maximumSignificantDigits: 3 });
  const message = vscode.l10n.t(
    'Saved {0} at rank {1}, relative error {2} %.',
    notificationText(path.basename(result.path)),
    result.rank,
    error,
  );
  const chosen = await vscode.window.showInformationMessage(message, open);
  if (chosen) await vscode.commands.executeCommand('eigenscope.inspectWeights', vscode.Uri.file(result.path));
}

async function askTarget(originals: readonly string[], suggested: vscode.Uri): Promise<vscode.Uri | undefined> {
  for (;;) {
    const target = await vscode.window.showSaveDialog({
      defaultUri: suggested,
      filters: { safetensors: ['safetensors'] },
      title: vscode.l10n.t('Save Compressed Checkpoint'),
    });
    if (!target || !(await isOneOf(target.fsPath, originals))) return target;
    const again = vscode.l10n.t('Choose Another Name');
    const message = vscode.l10n.t(
      '{0} is part of the checkpoint that is open, which is never written to.',
      notificationText(target.fsPath),
    );
    if ((await vscode.window.showWarningMessage(message, { modal: true }, again)) !== again) return undefined;
  }
}

/** The same file under any spelling or link; the engine checks again, hard links too. */
async function isOneOf(target: string, originals: readonly string[]): Promise<boolean> {
  const real = async (file: string): Promise<string> => realpath(file).catch(() => path.resolve(file));
  const wanted = await real(target);
  return (await Promise.all(originals.map(real))).includes(wanted);
}

/** Longest part of a layer's name in a file name: 255 bytes is what file systems take for the whole. */
const MAX_LAYER_PART = 80;

function suggestedName(source: vscode.Uri, { layer, method }: UnplacedSave): vscode.Uri {
  const base = path.basename(source.fsPath).replace(/(\.safetensors)?\.index\.json$|\.[^.]*$/i, '');
  const part = layer.replace(/[^\w.-]+/g, '_').slice(-MAX_LAYER_PART);
  return vscode.Uri.joinPath(source, '..', `${base}-${part}-${method}.safetensors`);
}
