/** Chooses the checkpoint for a command that names none: the active editor's, an open one, one of the workspace. */
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import { DIALOG_EXTENSIONS } from '../../shared/names/checkpointNames';
import { VIEW_TYPES } from '../editor/checkpointEditor';
import { listText } from '../plainText';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';

export function activeCheckpoint(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputCustom && VIEW_TYPES.includes(input.viewType) ? input.uri : undefined;
}

/** Asks; undefined where the person gave up. */
export async function chooseCheckpoint(checkpoints: WorkspaceCheckpoints): Promise<vscode.Uri | undefined> {
  const files = await checkpoints.find();
  if (files.length === 0) return browse();
  const other = { label: l10n.t('Browse…'), file: undefined };
  const items = files.map((file) => ({ label: listText(vscode.workspace.asRelativePath(file)), file }));
  const chosen = await vscode.window.showQuickPick([...items, other], {
    title: l10n.t('Eigenscope: Choose a Checkpoint'),
    matchOnDescription: true,
  });
  if (!chosen) return undefined;
  return chosen.file === undefined ? browse() : vscode.Uri.file(chosen.file);
}

async function browse(): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectMany: false,
    filters: { [l10n.t('Checkpoints')]: DIALOG_EXTENSIONS },
    title: l10n.t('Inspect Weights'),
  });
  return chosen?.[0];
}
