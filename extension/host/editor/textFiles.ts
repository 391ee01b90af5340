/** Asks on which text a model is to run, and beside which saved models: VS Code's own dialogs. */
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import { checkpointName } from './proposedName';

/** @returns undefined where the person cancelled the dialog */
export async function chooseText(source: vscode.Uri): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectMany: false,
    defaultUri: vscode.Uri.joinPath(source, '..'),
    filters: {
      [l10n.t('Texts and token ids')]: ['txt', 'md', 'text', 'jsonl', 'npy', 'bin'],
      [l10n.t('All files')]: ['*'],
    },
    title: l10n.t('A Text for the Model'),
    openLabel: l10n.t('Use'),
  });
  return chosen?.[0]?.fsPath;
}

/** @returns undefined where the person cancelled the dialog */
export async function askStatisticsTarget(source: vscode.Uri): Promise<string | undefined> {
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(source, '..', `${checkpointName(source)}.statistics.safetensors`),
    filters: { [l10n.t('Statistics')]: ['safetensors'] },
    title: l10n.t('Calibrate: Save Statistics As'),
    saveLabel: l10n.t('Calibrate'),
  });
  return target?.fsPath;
}

/**
 * @param savedLast what was saved last in this tab, if anything was
 * @returns paths of folders or files; undefined where the person gave up
 */
export async function chooseSavedModels(
  source: vscode.Uri,
  savedLast: string | undefined,
): Promise<string[] | undefined> {
  const title = l10n.t('Models to Compare With');
  const kinds = [
    ...(savedLast === undefined ? [] : [{ label: l10n.t('What Was Saved Last'), detail: savedLast, folder: null }]),
    { label: l10n.t('A Folder…'), detail: l10n.t('as transformers loads it'), folder: true },
    { label: l10n.t('A File…'), detail: l10n.t('.gguf, .safetensors, or an index of shards'), folder: false },
  ];
  const kind = await vscode.window.showQuickPick(kinds, {
    title,
    placeHolder: l10n.t('Which model?'),
    ignoreFocusOut: true,
  });
  if (!kind) return undefined;
  if (kind.folder === null) return [savedLast!];
  const chosen = await vscode.window.showOpenDialog({
    ...{ canSelectMany: true, canSelectFiles: !kind.folder, canSelectFolders: kind.folder },
    defaultUri: vscode.Uri.joinPath(source, '..'),
    ...(!kind.folder && {
      filters: {
        [l10n.t('Checkpoints')]: ['safetensors', 'json', 'gguf', 'bin', 'pt'],
        [l10n.t('All files')]: ['*'],
      },
    }),
    title,
    openLabel: l10n.t('Compare'),
  });
  return chosen?.map(({ fsPath }) => fsPath);
}
