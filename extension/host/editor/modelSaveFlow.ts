/** Asks what saving a compressed model needs: layout, type, size of files, folder. VS Code's own dialogs, none of ours. */
import * as vscode from 'vscode';
import { layoutOffers, type LayoutOffer } from '../../shared/compression/layoutMethods';
import type { LayoutName } from '../../shared/compression/layouts';
import { layerMethod } from '../../shared/compression/methodTable';
import type { CompressionPlan } from '../../shared/compression/plans';
import { l10n } from '../../shared/language/l10n';
import { checkpointName } from './proposedName';

/** Bytes of a shard, as Hugging Face counts them. */
const SHARDS: readonly { label: string; bytes: number; description?: string }[] = [
  { label: l10n.t('5 GB a file'), bytes: 5e9, description: l10n.t('what transformers writes') },
  { label: l10n.t('2 GB a file'), bytes: 2e9 },
  { label: l10n.t('10 GB a file'), bytes: 10e9 },
  { label: l10n.t('One file'), bytes: Number.MAX_SAFE_INTEGER },
];

const DTYPES = [
  { label: l10n.t('As stored'), dtype: undefined, description: l10n.t('each layer keeps its type') },
  { label: 'BF16', dtype: 'BF16', description: l10n.t('2 bytes a number: range of float32, 8 bits of precision') },
  { label: 'F16', dtype: 'F16', description: l10n.t('2 bytes a number: up to 65 504, 11 bits of precision') },
  { label: 'F32', dtype: 'F32', description: l10n.t('4 bytes a number: 24 bits of precision') },
] as const;

export interface SavingChoices {
  layout: LayoutName;
  /** Path of a folder that does not exist yet. */
  target: string;
  shardBytes: number;
  dtype?: 'BF16' | 'F16' | 'F32';
}

/**
 * @param format of the checkpoint: a graph is written from a graph only
 * @param plan layouts that cannot hold what its methods make stand apart
 * @returns undefined where the person gave up on the way
 * @throws Error for a layout that cannot hold the plan: what it has no place for
 */
export async function askSavingChoices(
  source: vscode.Uri,
  format: string,
  plan: CompressionPlan,
): Promise<SavingChoices | undefined> {
  const title = l10n.t('Save Compressed Model');
  const ask = <T extends vscode.QuickPickItem>(items: readonly T[], placeHolder: string): Thenable<T | undefined> =>
    vscode.window.showQuickPick(items, { title, placeHolder, ignoreFocusOut: true });
  const chosen = await ask(layoutItems(layoutOffers(format, plan)), l10n.t('For which program?'));
  const layout = chosen?.offer;
  if (!layout) return undefined;
  if (layout.layer !== undefined) {
    throw new Error(
      l10n.t(
        '{0} has no place for {1}, as of {2}: choose another method for such layers, or another program.',
        layout.label,
        methodLabels(layout),
        layout.layer,
      ),
    );
  }
  // The tensors of a graph keep their types, and its nodes stay in one file.
  const isGraph = layout.name === 'onnx';
  const dtype = isGraph ? DTYPES[0] : await ask(DTYPES, l10n.t('Type of the new tensors'));
  if (!dtype) return undefined;
  const shard = isGraph ? SHARDS[0] : await ask(SHARDS, l10n.t('Size of the files'));
  if (!shard) return undefined;
  const target = await askFolder(source, layout.name);
  if (!target) return undefined;
  return {
    ...{ layout: layout.name, target: target.fsPath, shardBytes: shard.bytes },
    ...(dtype.dtype && { dtype: dtype.dtype }),
  };
}

/** What holds the plan, and below it what does not: a person who looks for a program learns why it is not offered. */
function layoutItems(offers: readonly LayoutOffer[]): (vscode.QuickPickItem & { offer?: LayoutOffer })[] {
  const items = offers.map((offer) => ({
    label: offer.label,
    detail: offer.lacks.length === 0 ? offer.description : l10n.t('Has no place for {0}.', methodLabels(offer)),
    offer,
  }));
  const [fit, not] = [items.filter(({ offer }) => !offer.layer), items.filter(({ offer }) => offer.layer)];
  if (not.length === 0) return fit;
  return [...fit, { label: l10n.t('Not for this plan'), kind: vscode.QuickPickItemKind.Separator }, ...not];
}

function methodLabels({ lacks }: LayoutOffer): string {
  return lacks.map((method) => layerMethod(method).label).join(', ');
}

/** A save dialog names a folder that does not exist yet; a folder dialog would need one that does. */
function askFolder(source: vscode.Uri, layout: LayoutName): Thenable<vscode.Uri | undefined> {
  const name = `${checkpointName(source)}-${layout}`;
  return vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(source, '..', name),
    title: l10n.t('Save Compressed Model: Name a New Folder'),
    saveLabel: l10n.t('Save Here'),
  });
}
