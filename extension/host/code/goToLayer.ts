/** "Go to Layer": from a name in code, or from a message about a key, to the layer's view. */
import path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import { linkTo, type InspectLink } from '../commands/inspectCommand';
import { explainedAt } from '../loadErrors/explainedAt';
import type { Explainer } from '../loadErrors/explainer';
import { listText } from '../plainText';
import type { MeantCheckpoints } from '../sources/meantCheckpoints';
import { namesAt } from '../sources/nameAtPosition';
import type { LayerMatch } from '../workspace/layerIndex';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';

/** Checkpoints with the same name that are offered. */
const MOST_OFFERED = 50;

export interface GoToSources {
  checkpoints: WorkspaceCheckpoints;
  meant: MeantCheckpoints;
  explainer: Explainer;
}

/** @throws Error that a person reads, where no layer's name is at the cursor */
export async function goToLayer(sources: GoToSources): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) throw new Error(l10n.t('Put the cursor on a layer’s name in an editor first.'));
  const { document, selection } = editor;
  await sources.checkpoints.readHeaders();
  const target = await layerAt(sources, document, selection.active);
  if (target) await vscode.commands.executeCommand('eigenscope.inspectWeights', target);
}

/** @returns undefined where the person gave up */
async function layerAt(
  { checkpoints, meant, explainer }: GoToSources,
  document: vscode.TextDocument,
  position: vscode.Position,
): Promise<InspectLink | undefined> {
  const explained = explainedAt(explainer, document, new vscode.Range(position, position));
  if (explained?.tensor) return linkTo(explained.checkpoint, explained.tensor);
  const { index } = checkpoints.indexed;
  const candidates = namesAt(document.lineAt(position.line).text, position.character);
  for (const { text } of candidates) {
    const matches = firstOfEach(meant.ranked(document, index.find(text)));
    const [first] = matches;
    if (!first) continue;
    const isClear = matches.length === 1 || meant.isMeant(document, first.checkpoint);
    return isClear ? linkTo(first.checkpoint, first.tensor) : chooseLayer(text, matches);
  }
  const [whole] = candidates;
  if (!whole) throw new Error(l10n.t('There is no name at the cursor.'));
  const [near] = meant.ranked(document, index.nearest(whole.text));
  throw new Error(
    near
      ? l10n.t('No checkpoint of the workspace has a tensor named {0}. The nearest is {1}.', whole.text, near.name)
      : l10n.t('No checkpoint of the workspace has a tensor named {0}.', whole.text),
  );
}

async function chooseLayer(name: string, matches: readonly LayerMatch[]): Promise<InspectLink | undefined> {
  const items = matches.slice(0, MOST_OFFERED).map((match) => ({
    label: listText(path.basename(match.checkpoint)),
    description: listText(vscode.workspace.asRelativePath(path.dirname(match.checkpoint))),
    detail: listText(
      `${match.tensor.name} · ${match.tensor.shape.join(' × ')} ${match.tensor.encoding ?? match.tensor.dtype}`,
    ),
    match,
  }));
  const title = l10n.t('Go to Layer: several checkpoints have {0}', listText(name));
  const chosen = await vscode.window.showQuickPick(items, { title, matchOnDescription: true });
  return chosen && linkTo(chosen.match.checkpoint, chosen.match.tensor);
}

/** The best match of each checkpoint. */
function firstOfEach(matches: readonly LayerMatch[]): LayerMatch[] {
  const first = new Map<string, LayerMatch>();
  for (const match of matches) if (!first.has(match.checkpoint)) first.set(match.checkpoint, match);
  return [...first.values()];
}
