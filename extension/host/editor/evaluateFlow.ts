/** Runs an ONNX model and its compressed copy on the same inputs: asks for them, shows progress and what came out. */
import path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import type { EvaluationReport } from '../../shared/modelRuns';
import { notificationText } from '../plainText';
import type { CheckpointSession } from './checkpointSession';
import { evaluationMarkdown } from './evaluationMarkdown';
import { modelRunProgress } from './modelRunProgress';

const TITLE = l10n.t('Evaluate');

/** A dialog takes files or folders: not every system has one for both. */
const KINDS = [
  {
    label: l10n.t('A File…'),
    detail: l10n.t('.npz with an array for each input, or .npy for a model of one input'),
    folder: false,
  },
  { label: l10n.t('A Folder…'), detail: l10n.t('of .npz and .npy files'), folder: true },
] as const;

/**
 * Opens the report in an editor.
 *
 * @param source the checkpoint's URI: the dialog starts beside it
 * @param compressed the saved model's folder, and its files below it
 * @throws what the engine throws, but for a person who cancels
 */
export async function evaluateSaved(
  session: CheckpointSession,
  source: vscode.Uri,
  compressed: { readonly path: string; readonly files: readonly string[] },
): Promise<void> {
  const model = compressed.files.find((file) => file.endsWith('.onnx'));
  if (model === undefined)
    throw new Error(l10n.t('{0} has no ONNX model: save in the layout ONNX to evaluate it.', compressed.path));
  const inputs = await askInputs(source);
  if (inputs === undefined) return;
  const report = await evaluated(session, path.join(compressed.path, model), inputs);
  if (!report) return;
  const document = await vscode.workspace.openTextDocument({
    language: 'markdown',
    content: evaluationMarkdown(report),
  });
  await vscode.window.showTextDocument(document, { preview: false });
}

/** @returns a path; undefined where the person cancelled */
async function askInputs(source: vscode.Uri): Promise<string | undefined> {
  const kind = await vscode.window.showQuickPick(KINDS, {
    title: TITLE,
    placeHolder: l10n.t('Which inputs?'),
    ignoreFocusOut: true,
  });
  if (!kind) return undefined;
  const chosen = await vscode.window.showOpenDialog({
    ...{ canSelectMany: false, canSelectFiles: !kind.folder, canSelectFolders: kind.folder },
    defaultUri: vscode.Uri.joinPath(source, '..'),
    ...(!kind.folder && { filters: { [l10n.t('NumPy arrays')]: ['npz', 'npy'] } }),
    title: l10n.t('Evaluate: Inputs of Both Models'),
    openLabel: l10n.t('Evaluate'),
  });
  return chosen?.[0]?.fsPath;
}

/** @returns undefined where the person cancelled */
function evaluated(
  session: CheckpointSession,
  compressed: string,
  inputs: string,
): Promise<EvaluationReport | undefined> {
  return modelRunProgress(session, l10n.t('Evaluating {0}', notificationText(path.basename(compressed))), (token) => {
    const request = { inputs: { kind: 'files', path: inputs }, logits: [] } as const;
    return session.inEngine.askNumbers('evaluate', { compressed, request }, token);
  });
}
