/** "Compress Layer…": layer, method, rank with a live preview, output, Save As. Or all of it as arguments, for scripts. */
import * as vscode from 'vscode';
import { spectrumMethods } from '../../shared/compression/methodTable';
import type { RankRequest, SaveRequest, SaveResult } from '../../shared/compressions';
import { l10n } from '../../shared/language/l10n';
import type { LayerResult } from '../../shared/layers';
import { suggestedRank } from '../../shared/ranks/worthFactoring';
import type { CheckpointEditors } from '../editor/checkpointEditor';
import { CheckpointSession } from '../editor/checkpointSession';
import { activeCheckpoint, chooseCheckpoint } from './chooseCheckpoint';
import type { EngineClient } from '../engineClient';
import { percentText } from '../percentText';
import { listText, notificationText } from '../plainText';
import { pickOne } from './pickOne';
import { chooseRank } from './rankPicker';
import { saveWithDialog, saveWithProgress, type UnplacedSave } from '../editor/saveFlow';
import { inspectSettings } from '../settings';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';

/** Arguments of `eigenscope.compressLayer`; what is missing is asked for. */
export interface CompressArguments {
  uri?: vscode.Uri | string;
  layer?: string;
  method?: string;
  rank?: RankRequest | number;
  output?: SaveRequest['output'];
  /** Path of the new file: given, no dialog asks, and it must not exist. */
  target?: string;
}

interface Surroundings {
  engine: EngineClient;
  editors: CheckpointEditors;
  checkpoints: WorkspaceCheckpoints;
}

/** @returns what was saved; undefined where the person gave up on the way */
export async function runCompressCommand(
  surroundings: Surroundings,
  given: CompressArguments = {},
): Promise<SaveResult | undefined> {
  const named = typeof given.uri === 'string' ? vscode.Uri.parse(given.uri, true) : given.uri;
  const uri = named ?? activeCheckpoint() ?? (await chooseCheckpoint(surroundings.checkpoints));
  if (!uri) return undefined;
  const open = surroundings.editors.session(uri);
  const session = open ?? new CheckpointSession(surroundings.engine, uri.fsPath, inspectSettings);
  try {
    return await compressIn(session, uri, given);
  } finally {
    if (!open) await session.dispose();
  }
}

async function compressIn(
  session: CheckpointSession,
  uri: vscode.Uri,
  given: CompressArguments,
): Promise<SaveResult | undefined> {
  const layer = given.layer ?? (await chooseLayer(session));
  if (layer === undefined) return undefined;
  const method = given.method ?? (given.rank === undefined ? await chooseMethod() : spectrumMethods[0]?.name);
  if (method === undefined) return undefined;
  const rank = given.rank ?? (await chooseRank(session, layer, method));
  if (rank === undefined) return undefined;
  const output = given.output ?? (await chooseOutput());
  if (output === undefined) return undefined;
  const request = { layer, method, output, rank: typeof rank === 'number' ? { kind: 'rank' as const, rank } : rank };
  if (given.target !== undefined) return saveWithProgress(session, { ...request, target: given.target });
  if (!(await mindsNothing(session, request))) return undefined;
  return (await saveWithDialog(session, request, uri)) ?? undefined;
}

/** Shows what should be known before the layer is saved, such as a matrix that is tied to it. @returns false to stop */
async function mindsNothing(session: CheckpointSession, { layer, method, rank }: UnplacedSave): Promise<boolean> {
  const { notes } = await session.preview(layer, method, rank);
  if (notes.length === 0) return true;
  const go = l10n.t('Save As…');
  const detail = notes.map(notificationText).join('\n\n');
  const title = l10n.t('Compress {0}?', notificationText(layer));
  return (await vscode.window.showWarningMessage(title, { modal: true, detail }, go)) === go;
}

async function chooseLayer(session: CheckpointSession): Promise<string | undefined> {
  const { tensors } = await session.summary();
  const items = tensors.flatMap(({ layers, shape, dtype }) =>
    layers.map((layer) => ({
      layer,
      label: listText(layer),
      description: [
        `${shape.join(' × ')} ${dtype}`,
        ...(layer === session.shownLayer ? [l10n.t('open in the editor')] : []),
      ].join(' · '),
      detail: knownNumbers(session.results.get(layer)),
    })),
  );
  if (items.length === 0) throw new Error(l10n.t('{0} has no layer that could be compressed.', session.path));
  const title = l10n.t('Compress Layer: which one?');
  const active = items.find(({ layer }) => layer === session.shownLayer);
  return (await pickOne(items, { title, active }))?.layer;
}

function knownNumbers(result: LayerResult | undefined): string | undefined {
  const suggested = result && suggestedRank(result.ranks);
  if (!suggested || suggested.reason !== undefined) return suggested && l10n.known(suggested.reason);
  return l10n.t('rank {0} keeps {1} of the energy', suggested.rank, percentText(suggested.energy));
}

async function chooseMethod(): Promise<string | undefined> {
  const items = spectrumMethods.map(({ name, label, description }) => ({ label, detail: description, name }));
  // A list of one is no choice.
  if (items.length === 1) return items[0]!.name;
  const title = l10n.t('Compress Layer: how?');
  return (await vscode.window.showQuickPick(items, { title }))?.name;
}

async function chooseOutput(): Promise<SaveRequest['output'] | undefined> {
  const items: { label: string; detail: string; output: SaveRequest['output'] }[] = [
    {
      label: l10n.t('Factor pair'),
      detail: l10n.t('Two small tensors in place of the weight: smaller, but the model must multiply both.'),
      output: 'factors',
    },
    {
      label: l10n.t('Reconstructed matrix'),
      detail: l10n.t('Same name and shape as before: loads anywhere, to try the approximation.'),
      output: 'reconstructed',
    },
  ];
  const title = l10n.t('Compress Layer: save what?');
  return (await vscode.window.showQuickPick(items, { title }))?.output;
}
