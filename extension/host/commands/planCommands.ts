/** Commands on plans: a checkpoint's plan view, with a plan's file or to be run at once; statistics for it. */
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { PLAN_ENDING } from '../../shared/compression/plans';
import { l10n } from '../../shared/language/l10n';
import { problemOf } from '../../shared/rpc';
import type { CheckpointEditors } from '../editor/checkpointEditor';
import { checkpointsIn } from '../workspace/clickedCheckpoint';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';
import { activeCheckpoint, chooseCheckpoint } from './chooseCheckpoint';

/** "Use Statistics…": in the plan view of the active checkpoint, or of one that the person chooses. */
export async function useStatistics(editors: CheckpointEditors, checkpoints: WorkspaceCheckpoints): Promise<void> {
  const uri = activeCheckpoint() ?? (await chooseCheckpoint(checkpoints));
  if (uri) await editors.open(uri, { plan: { path: null, then: 'statistics' } });
}

/**
 * Opens the checkpoint that a plan's file names, with that plan. Whether it is for that model is the engine's to say.
 *
 * @param given file in the explorer or the editor; the active editor's without it
 */
export async function openPlan(
  editors: CheckpointEditors,
  checkpoints: WorkspaceCheckpoints,
  given: vscode.Uri | undefined,
  then?: 'save',
): Promise<void> {
  const plan = given ?? vscode.window.activeTextEditor?.document.uri;
  if (!plan?.fsPath.endsWith(PLAN_ENDING))
    throw new Error(l10n.t('Open a plan first: a file that ends with {0}.', PLAN_ENDING));
  const document = vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === plan.toString());
  if (document?.isDirty === true && !(await document.save())) return;
  const file = (await namedCheckpoint(plan.fsPath, checkpoints)) ?? (await chooseCheckpoint(checkpoints))?.fsPath;
  if (file === undefined) return;
  const selection = { plan: { path: plan.fsPath, ...(then && { then }) } };
  await editors.open(vscode.Uri.file(file), selection);
}

/**
 * The checkpoint of the plan's name: the one beside it, or the only one in the workspace.
 *
 * @throws Error for what is no JSON: no checkpoint would make it a plan
 */
async function namedCheckpoint(plan: string, checkpoints: WorkspaceCheckpoints): Promise<string | undefined> {
  const name = checkpointName(await readFile(plan, 'utf8'), plan);
  if (name === undefined) return undefined;
  const beside = path.join(path.dirname(plan), name);
  const isBeside = await access(beside).then(
    () => true,
    () => false,
  );
  if (isBeside) return (await checkpointsIn(beside))[0];
  const found = (await checkpoints.find()).filter((file) => path.basename(file) === name);
  return found.length === 1 ? found[0] : undefined;
}

/** What else is wrong with the plan is said where it is shown. */
function checkpointName(text: string, file: string): string | undefined {
  const name = parsed(text, file)?.checkpoint?.name;
  return typeof name === 'string' && name !== '' && path.basename(name) === name ? name : undefined;
}

function parsed(text: string, file: string): { checkpoint?: { name?: unknown } } | null {
  try {
    return JSON.parse(text) as { checkpoint?: { name?: unknown } } | null;
  } catch (error) {
    throw new Error(l10n.t('{0} is no JSON: {1}', path.basename(file), problemOf(error).message), { cause: error });
  }
}
