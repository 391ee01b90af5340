/** Own numbers from a file: asks for it with VS Code's dialog, and says what of it did not fit. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { CancellationToken } from 'vscode-jsonrpc';
import { counts } from '../../shared/language/counts';
import { l10n } from '../../shared/language/l10n';
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
    filters: { [l10n.t('Numbers by tensor name')]: ['csv', 'tsv', 'txt', 'json'] },
    title: l10n.t('Add Columns from File'),
    openLabel: l10n.t('Add'),
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
  const names = [...unmatched.names.slice(0, MOST_SAID), ...(unmatched.count > MOST_SAID ? ['…'] : [])].join(', ');
  const columnsFound = counts.columns(columns.length, localNumber(columns.length));
  const left = problems.count - MOST_SAID;
  return [
    l10n.many(
      layers.length,
      '{0}: {1} for 1 layer.',
      '{0}: {1} for {2} layers.',
      path.basename(file),
      columnsFound,
      localNumber(layers.length),
    ),
    ...(unmatched.count > 0
      ? [
          l10n.many(
            unmatched.count,
            'Not in this checkpoint: 1 name ({1}).',
            'Not in this checkpoint: {0} names ({1}).',
            localNumber(unmatched.count),
            names,
          ),
        ]
      : []),
    ...problems.messages.slice(0, MOST_SAID),
    ...(left > 0 ? [l10n.many(left, 'And 1 more problem.', 'And {0} more problems.', localNumber(left))] : []),
  ].join(' ');
}
