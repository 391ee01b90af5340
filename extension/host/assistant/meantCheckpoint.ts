/** The checkpoint that an assistant means by a path, or by none. */
import path from 'node:path';
import * as vscode from 'vscode';
import { EigenscopeError } from '../api/eigenscopeError';
import { activeCheckpoint } from '../commands/chooseCheckpoint';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';
import { dataText } from './boundedAnswer';

/** Checkpoints that an error names. */
const MOST_NAMED = 20;

/** @throws EigenscopeError if none is named and several could be meant */
export async function meantCheckpoint(
  given: string | undefined,
  checkpoints: Pick<WorkspaceCheckpoints, 'find'>,
): Promise<vscode.Uri> {
  if (given !== undefined && given.trim() !== '') return vscode.Uri.file(absolutePath(given.trim()));
  const active = activeCheckpoint();
  if (active) return active;
  const found = await checkpoints.find();
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return vscode.Uri.file(first);
  if (first === undefined) throw new EigenscopeError('not-found', 'The workspace has no checkpoint: name a path.');
  const names = found.slice(0, MOST_NAMED).map((file) => dataText(vscode.workspace.asRelativePath(file)));
  const more = found.length > MOST_NAMED ? `, and ${found.length - MOST_NAMED} more` : '';
  throw new EigenscopeError('several', `Name one of these checkpoints as "path": ${names.join(', ')}${more}.`);
}

/** True for files that the person did not open with the workspace: a person is asked before one is read. */
export function isOutside(uri: vscode.Uri): boolean {
  const isOpen = vscode.window.tabGroups.all.some(({ tabs }) =>
    tabs.some(({ input }) => input instanceof vscode.TabInputCustom && input.uri.toString() === uri.toString()),
  );
  return !isOpen && vscode.workspace.getWorkspaceFolder(uri) === undefined;
}

function absolutePath(given: string): string {
  if (path.isAbsolute(given)) return path.normalize(given);
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  if (folder?.uri.scheme !== 'file') {
    throw new EigenscopeError('invalid', `No folder is open: "${dataText(given)}" must be an absolute path.`);
  }
  return path.join(folder.uri.fsPath, given);
}
