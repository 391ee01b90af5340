/** Saving a tensor, a part of it, or its singular values: asks where, shows progress that can be cancelled. */
import path from 'node:path';
import * as vscode from 'vscode';
import { arrayFileName } from '../../shared/names/arrayFileName';
import type { ArrayContents, SavedArray } from '../../shared/elements';
import { problemOf } from '../../shared/rpc';
import { notificationText } from '../plainText';
import { inspectSettings } from '../settings';
import type { CheckpointSession } from './checkpointSession';
import { modelRunProgress } from './modelRunProgress';

/** Codes of refusals that another name answers: only the engine knows all files of a model. */
const REFUSED_NAMES = new Set(['target-is-source', 'target-exists']);

/**
 * @param source the checkpoint's URI: the dialog starts beside it
 * @returns null where the person cancelled
 */
export async function saveArrayWithDialog(
  session: CheckpointSession,
  request: { layer: string; contents: ArrayContents },
  source: vscode.Uri,
): Promise<SavedArray | null> {
  for (;;) {
    const target = await vscode.window.showSaveDialog({
      defaultUri: vscode.Uri.joinPath(source, '..', arrayFileName(request.layer, request.contents)),
      filters: { NumPy: ['npy'] },
      title: 'Save as NumPy Array',
    });
    if (!target) return null;
    const saving = `Saving ${notificationText(path.basename(target.fsPath))}`;
    try {
      const params = { ...request, target: target.fsPath, settings: inspectSettings() };
      const saved = await modelRunProgress(
        session,
        saving,
        async (token) => (await session.inEngine.ask('saveArray', params, token)).answer,
      );
      return saved ?? null;
    } catch (error) {
      const { code, message } = problemOf(error);
      if (!REFUSED_NAMES.has(code)) throw error;
      const again = 'Choose Another Name';
      if ((await vscode.window.showWarningMessage(message, { modal: true }, again)) !== again) return null;
    }
  }
}
