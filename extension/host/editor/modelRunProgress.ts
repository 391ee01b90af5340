/** The notification of a run of an ONNX model: how it stands, and its Cancel button. */
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import { notificationText } from '../plainText';
import type { CheckpointSession } from './checkpointSession';

/**
 * @param title in words that are safe to show
 * @returns undefined where the person cancelled
 * @throws what the run throws
 */
export async function modelRunProgress<T>(
  session: Pick<CheckpointSession, 'on'>,
  title: string,
  run: (token: vscode.CancellationToken) => Promise<T>,
): Promise<T | undefined> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, async (progress, token) => {
    let shown = 0;
    const stop = session.on('saving', ({ fraction, message }) => {
      progress.report({
        message: notificationText(l10n.known(message)),
        increment: 100 * Math.max(0, fraction - shown),
      });
      shown = Math.max(shown, fraction);
    });
    try {
      return await run(token);
    } catch (error) {
      if (token.isCancellationRequested) return undefined;
      throw error;
    } finally {
      stop();
    }
  });
}
