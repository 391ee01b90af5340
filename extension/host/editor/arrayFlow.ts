/** Saving a tensor, a part of it, or its singular values: asks where, shows progress that can be cancelled. */
import path from 'node:path';
import * as vscode from 'vscode';
import { arrayFileName } from '../../shared/names/arrayFileName';
import type { ArrayContents, SavedArray } from '../../shared/elements';
import { l10n } from '../../shared/language/l10n';
import { notificationText } from '../plainText';
import { inspectSettings } from '../settings';
import type { CheckpointSession } from './checkpointSession';
import { modelRunProgress } from './modelRunProgress';
import { choosesAnotherName } from './refusedTarget';

/** Codes of refusals that another name answers. */
const REFUSED_NAMES = ['target-is-source', 'target-exists'];

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
      title: l10n.t('Save as NumPy Array'),
    });
    if (!target) return null;
    const saving = l10n.t('Saving {0}', notificationText(path.basename(target.fsPath)));
    try {
      const params = { ...request, target: target.fsPath, settings: inspectSettings() };
      const saved = await modelRunProgress(
        session,
        saving,
        async (token) => (await session.inEngine.ask('saveArray', params, token)).answer,
      );
      return saved ?? null;
    } catch (error) {
      if (!(await choosesAnotherName(error, REFUSED_NAMES))) return null;
    }
  }
}
