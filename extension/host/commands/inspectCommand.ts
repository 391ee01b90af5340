/** "Inspect Weights": on a file or folder of the explorer, the active editor's file, or one the person chooses. */
import path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import { isCheckpointName } from '../../shared/names/checkpointNames';
import type { TensorSummary } from '../../shared/tensors';
import type { CheckpointEditors } from '../editor/checkpointEditor';
import { activeCheckpoint, chooseCheckpoint } from './chooseCheckpoint';
import { checkpointsIn } from '../workspace/clickedCheckpoint';
import { notOnDisk } from '../workspace/onDisk';
import { listText } from '../plainText';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';

/** A link's argument: JSON, so the URI is text. */
export interface InspectLink {
  uri: string;
  /** What its editor shows first; its table without one. */
  layer?: string;
  compress?: boolean;
}

/** What opens a tensor's layer, or the checkpoint without one. */
export function linkTo(checkpoint: string, tensor?: Pick<TensorSummary, 'name' | 'layers'>): InspectLink {
  const uri = vscode.Uri.file(checkpoint).toString();
  return tensor ? { uri, layer: tensor.layers[0] ?? tensor.name } : { uri };
}

/** A link that opens a checkpoint when it is followed, for places that take an address. */
export function inspectUri(link: InspectLink): vscode.Uri {
  // The query is decoded once more when the command is run: what looks like an escape in a name stays as it is.
  const query = encodeURIComponent(JSON.stringify([link]));
  return vscode.Uri.from({ scheme: 'command', path: 'eigenscope.inspectWeights', query });
}

export async function inspectWeights(
  editors: CheckpointEditors,
  checkpoints: WorkspaceCheckpoints,
  given?: vscode.Uri | InspectLink,
): Promise<void> {
  if (given && !(given instanceof vscode.Uri)) {
    const { uri, layer, compress = false } = given;
    await editors.open(vscode.Uri.parse(uri, true), layer === undefined ? undefined : { layer, compress });
    return;
  }
  const uri = await checkpointFor(checkpoints, given, l10n.t('Inspect Weights: which one?'));
  if (uri) await editors.open(uri);
}

/** "Compress Model…": the same choice of a checkpoint, whose editor then shows its plan. */
export async function compressModel(
  editors: CheckpointEditors,
  checkpoints: WorkspaceCheckpoints,
  given?: vscode.Uri,
): Promise<void> {
  const active = given ? undefined : activeCheckpoint();
  const uri = active ?? (await checkpointFor(checkpoints, given, l10n.t('Compress Model: which one?')));
  if (uri) await editors.open(uri, { plan: { path: null } });
}

/** "Evaluate on a Text…": likewise. */
export async function evaluateOnText(
  editors: CheckpointEditors,
  checkpoints: WorkspaceCheckpoints,
  given?: vscode.Uri,
): Promise<void> {
  await openText(editors, checkpoints, given, l10n.t('Evaluate on a Text: which model?'));
}

/** "Calibrate on a Text…": the same view. */
export async function calibrateOnText(
  editors: CheckpointEditors,
  checkpoints: WorkspaceCheckpoints,
  given?: vscode.Uri,
): Promise<void> {
  await openText(editors, checkpoints, given, l10n.t('Calibrate on a Text: which model?'));
}

async function openText(
  editors: CheckpointEditors,
  checkpoints: WorkspaceCheckpoints,
  given: vscode.Uri | undefined,
  title: string,
): Promise<void> {
  const active = given ? undefined : activeCheckpoint();
  const uri = active ?? (await checkpointFor(checkpoints, given, title));
  if (uri) await editors.open(uri, { text: 'run' });
}

/**
 * The checkpoint that is meant: a file or folder of the explorer, the active editor's file, or one that the person chooses.
 *
 * @returns undefined where the person gave up
 */
async function checkpointFor(
  checkpoints: WorkspaceCheckpoints,
  given: vscode.Uri | undefined,
  title: string,
): Promise<vscode.Uri | undefined> {
  const uri = given ?? activeFile() ?? (await chooseCheckpoint(checkpoints));
  if (!uri) return undefined;
  const problem = notOnDisk(uri);
  if (problem) throw new Error(problem.message);
  const file = await chooseFrom(await checkpointsIn(uri.fsPath), title);
  return file === undefined ? undefined : vscode.Uri.file(file);
}

/** Asks where there are several; undefined where the person gave up. */
async function chooseFrom(files: readonly string[], title: string): Promise<string | undefined> {
  if (files.length <= 1) return files[0];
  const items = files.map((file) => ({ label: listText(path.basename(file)), file }));
  return (await vscode.window.showQuickPick(items, { title }))?.file;
}

/** The file of the active tab, where it looks like a checkpoint. */
function activeFile(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const shown = input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom ? input.uri : undefined;
  return shown && isCheckpointName(shown.fsPath) ? shown : undefined;
}
