/** Own numbers from a file: asks for it with VS Code's dialog, and says what of it did not fit. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { CancellationToken } from 'vscode-jsonrpc';
import { agreeing } from '../../shared/agreeing';
import type { OwnNumbers } from '../../shared/ownNumbers';
import { notificationText } from '../plainText';
import { localNumber } from '../quantityText';
import type { CheckpointSession } from './checkpointSession';

/** Names and problems in a notification; the overview has more of them. */
const MOST_SAID = 3;

/**
 * @param source the checkpoint's URI: the dialog starts beside it
 * @returns null if the person cancelled
 * @throws what is wrong with the file as a whole
 */
export async function addColumns(
  session: CheckpointSession,
  source: vscode.Uri,
  token: CancellationToken,
): Promise<OwnNumbers | null> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectMany: false,
    defaultUri: vscode.Uri.joinPath(source, '..'),
    filters: { 'Numbers by tensor name': ['csv', 'tsv', 'txt', 'json'] },
    title: 'Add Columns from File',
    openLabel: 'Add',
  });
  const file = chosen?.[0]?.fsPath;
  if (file === undefined) return null;
  const found = await session.own.add(file, token);
  const message = notificationText(addedText(found));
  const show = found.unmatched.count + found.problems.count > 0 ? 'showWarningMessage' : 'showInformationMessage';
  void vscode.window[show](message);
  return found;
}

function addedText({ path: file, layers, columns, unmatched, problems }: OwnNumbers): string {
  const count = (many: number, noun: string): string => `${localNumber(many)} ${agreeing(many, noun)}`;
  const names = unmatched.names.slice(0, MOST_SAID).join(', ');
  const rest = unmatched.count > MOST_SAID ? ', …' : '';
  return [
    `${path.basename(file)}: ${count(columns.length, 'column')} for ${count(layers.length, 'layer')}.`,
    ...(unmatched.count > 0 ? [`Not in this checkpoint: ${count(unmatched.count, 'name')} (${names}${rest}).`] : []),
    ...problems.messages.slice(0, MOST_SAID),
    ...(problems.count > MOST_SAID ? [`And ${count(problems.count - MOST_SAID, 'problem')} more.`] : []),
  ].join(' ');
}
