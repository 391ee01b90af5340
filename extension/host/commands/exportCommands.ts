/** Commands on the numbers of the checkpoint in the active editor: a report, other exports, own columns. */
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import type { CheckpointEditors } from '../editor/checkpointEditor';
import type { CheckpointSession } from '../editor/checkpointSession';
import { exportWithDialog } from '../editor/exportFlow';
import { addColumns } from '../editor/ownNumbersFlow';
import { inspectSettings } from '../settings';
import { activeCheckpoint } from './chooseCheckpoint';

/** @throws Error that a person reads, if no checkpoint is open */
export async function saveReport(editors: CheckpointEditors): Promise<void> {
  const { session, uri } = active(editors);
  await exportWithDialog(session, 'report', uri);
}

/** @throws as `saveReport`, and what is wrong with the file */
export async function addOwnColumns(editors: CheckpointEditors): Promise<void> {
  const { session, uri } = active(editors);
  const source = new vscode.CancellationTokenSource();
  try {
    await addColumns(session, uri, source.token);
  } finally {
    source.dispose();
  }
}

const CHOICES = [
  { label: l10n.t('Report as HTML…'), format: 'report' },
  { label: l10n.t('Overview as Markdown…'), format: 'markdown' },
  { label: l10n.t('All Numbers as CSV…'), format: 'csv' },
  { label: l10n.t('All Numbers as JSON…'), format: 'json' },
  { label: l10n.t('Copy Overview as Markdown'), format: undefined },
] as const;

/** @throws as `saveReport` */
export async function exportNumbers(editors: CheckpointEditors): Promise<void> {
  const { session, uri } = active(editors);
  const chosen = await vscode.window.showQuickPick(CHOICES, { title: l10n.t('Export'), placeHolder: l10n.t('What?') });
  if (!chosen) return;
  if (chosen.format !== undefined) await exportWithDialog(session, chosen.format, uri);
  else await copyOverview(session);
}

async function copyOverview(session: CheckpointSession): Promise<void> {
  const source = new vscode.CancellationTokenSource();
  try {
    await vscode.env.clipboard.writeText(await session.exports.overview(inspectSettings(), source.token));
  } finally {
    source.dispose();
  }
  vscode.window.setStatusBarMessage(l10n.t('Eigenscope: copied the overview in Markdown'), SAID_MS);
}

/** A person reads it in this time. */
const SAID_MS = 5000;

function active(editors: CheckpointEditors): { session: CheckpointSession; uri: vscode.Uri } {
  const uri = activeCheckpoint();
  const session = uri && editors.session(uri);
  if (!session) throw new Error(l10n.t('Open a checkpoint first.'));
  return { session, uri };
}
