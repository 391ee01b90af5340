/** Runs an ONNX model and its compressed copy on the same inputs: asks for them, shows progress and what came out. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { EvaluationReport } from '../../shared/modelRuns';
import { notificationText } from '../plainText';
import type { CheckpointSession } from './checkpointSession';
import { evaluationMarkdown } from './evaluationMarkdown';
import { modelRunProgress } from './modelRunProgress';

const TITLE = 'Evaluate';

/** A dialog takes files or folders: not every system has one for both. */
const KINDS = [
  { label: 'A File…', detail: '.npz with an array for each input, or .npy for a model of one input', folder: false },
  { label: 'A Folder…', detail: 'of .npz and .npy files', folder: true },
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
    throw new Error(`${compressed.path} has no ONNX model: save in the layout ONNX to evaluate it.`);
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
    placeHolder: 'Which inputs?',
    ignoreFocusOut: true,
  });
  if (!kind) return undefined;
  const chosen = await vscode.window.showOpenDialog({
    ...{ canSelectMany: false, canSelectFiles: !kind.folder, canSelectFolders: kind.folder },
    defaultUri: vscode.Uri.joinPath(source, '..'),
    ...(!kind.folder && { filters: { 'NumPy arrays': ['npz', 'npy'] } }),
    title: 'Evaluate: Inputs of Both Models',
    openLabel: 'Evaluate',
  });
  return chosen?.[0]?.fsPath;
}

/** @returns undefined where the person cancelled */
function evaluated(
  session: CheckpointSession,
  compressed: string,
  inputs: string,
): Promise<EvaluationReport | undefined> {
  return modelRunProgress(session, `Evaluating ${notificationText(path.basename(compressed))}`, (token) => {
    const request = { inputs: { kind: 'files', path: inputs }, logits: [] } as const;
    return session.inEngine.askNumbers('evaluate', { compressed, request }, token);
  });
}
