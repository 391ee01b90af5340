/** Files of plans and statistics: asks where with VS Code's own dialogs. Reading, checking and writing is the engine's. */
import * as vscode from 'vscode';
import { PLAN_ENDING } from '../../shared/compression/plans';
import { l10n } from '../../shared/language/l10n';
import { checkpointName } from './proposedName';

const FILTERS = { 'Compression plan': ['json'] };

/** @returns undefined where the person cancelled the dialog */
export async function askPlanTarget(source: vscode.Uri): Promise<string | undefined> {
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(source, '..', `${checkpointName(source)}${PLAN_ENDING}`),
    filters: FILTERS,
    title: l10n.t('Save Plan'),
  });
  return target?.fsPath;
}

/** @returns undefined where the person cancelled the dialog */
export async function choosePlanFile(source: vscode.Uri): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectMany: false,
    defaultUri: vscode.Uri.joinPath(source, '..'),
    filters: FILTERS,
    title: l10n.t('Load Plan'),
  });
  return chosen?.[0]?.fsPath;
}

/** @returns undefined where the person cancelled the dialog */
export async function chooseStatisticsFile(source: vscode.Uri): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectMany: false,
    defaultUri: vscode.Uri.joinPath(source, '..'),
    filters: { [l10n.t('Statistics')]: ['safetensors', 'gguf', 'dat', 'imatrix'], [l10n.t('All files')]: ['*'] },
    title: l10n.t('Use Statistics'),
  });
  return chosen?.[0]?.fsPath;
}

/** @returns undefined where the person cancelled the dialog; a folder is no choice, its index or its only file is */
export async function chooseQuantisedCheckpoint(source: vscode.Uri): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectMany: false,
    defaultUri: vscode.Uri.joinPath(source, '..'),
    filters: { [l10n.t('Checkpoints')]: ['safetensors', 'json', 'gguf', 'bin', 'pt'], [l10n.t('All files')]: ['*'] },
    title: l10n.t('A Quantised Checkpoint of This Model'),
    openLabel: l10n.t('Use'),
  });
  return chosen?.[0]?.fsPath;
}
