/**
 * "Find Layer in Code": from the open layer to the lines of the workspace that name it. Reads a bounded part of a bounded
 * number of files, those first that speak of the checkpoint.
 */
import { open } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import { activeCheckpoint } from '../commands/chooseCheckpoint';
import type { CheckpointEditors } from '../editor/checkpointEditor';
import { listText, notificationText } from '../plainText';
import { localNumber } from '../quantityText';
import { MAX_SOURCE } from '../sources/pythonStrings';
import { SourceMentions } from '../sources/sourceMentions';
import { LayerMatcher, type NamedPlace } from './layerMatcher';

/** What people write names of layers into. */
const SOURCES = '**/*.{py,ipynb,json,jsonc,yaml,yml,toml,md,log,txt}';
const LEFT_OUT = '**/{node_modules,.git,.venv,venv,site-packages,__pycache__}/**';

const MAX_FILES = 3000;

/** Files that are read at the same time. */
const AT_ONCE = 8;

/** Places that are listed. */
const MOST_PLACES = 300;

interface FoundPlace extends NamedPlace {
  file: string;
  /** Its file names the checkpoint. */
  speaksOfIt: boolean;
}

/** @throws Error that a person reads, where no layer is open */
export async function findInCode(editors: CheckpointEditors): Promise<void> {
  const uri = activeCheckpoint();
  const session = uri && editors.session(uri);
  const layer = session?.shownLayer;
  if (!session || layer == null) throw new Error(l10n.t('Open a layer of a checkpoint first.'));
  const { tensors, files } = await session.summary();
  // A part of a layer (`…weight[q]`) is named by its tensor.
  const tensor = tensors.find(
    ({ name, layers }) => layers.includes(layer) || name === layer || layer.startsWith(`${name}[`),
  );
  if (!tensor) throw new Error(l10n.t('{0} is in none of the checkpoint’s tensors.', layer));
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: l10n.t('Eigenscope: looking for {0}', notificationText(tensor.name)),
    cancellable: true,
  };
  const matcher = await LayerMatcher.of(tensor);
  const found = await vscode.window.withProgress(options, (_, token) => search(matcher, session.path, files, token));
  if (found) await show(tensor.name, found);
}

/** @returns undefined where the person cancelled it */
async function search(
  matcher: LayerMatcher,
  checkpoint: string,
  own: readonly string[],
  token: vscode.CancellationToken,
): Promise<{ places: FoundPlace[]; files: number; more: boolean } | undefined> {
  const found = await vscode.workspace.findFiles(SOURCES, LEFT_OUT, MAX_FILES, token);
  const files = found
    .filter(({ scheme, fsPath }) => scheme === 'file' && !own.includes(fsPath))
    .map(({ fsPath }) => fsPath);
  const places: FoundPlace[] = [];
  const waiting = files.values();
  const work = async (): Promise<void> => {
    for (const file of waiting) {
      if (token.isCancellationRequested) return;
      const text = await beginning(file);
      const named = text === undefined ? [] : matcher.places(text);
      if (text === undefined || named.length === 0) continue;
      const speaksOfIt = new SourceMentions(text).of(checkpoint) > 0;
      for (const place of named) places.push({ ...place, file, speaksOfIt });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (token.isCancellationRequested) return undefined;
  places.sort(
    (a, b) =>
      Number(b.speaksOfIt) - Number(a.speaksOfIt) ||
      Number(a.kind === 'attribute') - Number(b.kind === 'attribute') ||
      a.file.localeCompare(b.file, 'en') ||
      a.line - b.line,
  );
  return { places, files: files.length, more: found.length >= MAX_FILES };
}

/** undefined for a file that cannot be read: it is gone, or not ours to see. */
async function beginning(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file);
    try {
      if (!(await handle.stat()).isFile()) return undefined;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_SOURCE), 0, MAX_SOURCE, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}

async function show(
  name: string,
  { places, files, more }: { places: FoundPlace[]; files: number; more: boolean },
): Promise<void> {
  const [first] = places;
  if (!first) {
    const message = [
      l10n.many(
        files,
        'No line names {0} in the first 256 kB of 1 file of the workspace.',
        'No line names {0} in the first 256 kB of {1} files of the workspace.',
        name,
        localNumber(files),
      ),
      ...(more ? [l10n.t('More files were not looked through.')] : []),
    ].join(' ');
    await vscode.window.showInformationMessage(`Eigenscope: ${notificationText(message)}`);
    return;
  }
  const place = places.length === 1 ? first : await choose(name, places);
  if (!place) return;
  const at = new vscode.Position(place.line, place.column);
  await vscode.window.showTextDocument(vscode.Uri.file(place.file), { selection: new vscode.Range(at, at) });
}

async function choose(name: string, places: readonly FoundPlace[]): Promise<FoundPlace | undefined> {
  const { Separator } = vscode.QuickPickItemKind;
  const items: (vscode.QuickPickItem & { place?: FoundPlace })[] = [];
  let group = '';
  for (const place of places.slice(0, MOST_PLACES)) {
    const own = groupOf(place);
    if (own !== group) items.push({ label: own, kind: Separator });
    group = own;
    const where = vscode.workspace.asRelativePath(path.dirname(place.file));
    items.push({
      label: listText(`${path.basename(place.file)}:${place.line + 1}`),
      description: where === place.file || where === '' ? '' : listText(where),
      detail: listText(place.text.trim()),
      place,
    });
  }
  const title = l10n.t('Find Layer in Code: {0}', listText(name));
  return (await vscode.window.showQuickPick(items, { title, matchOnDetail: true, matchOnDescription: true }))?.place;
}

function groupOf({ speaksOfIt, kind }: FoundPlace): string {
  if (speaksOfIt)
    return kind === 'name'
      ? l10n.t('Files that name the checkpoint')
      : l10n.t('Attributes in files that name the checkpoint');
  return kind === 'name' ? l10n.t('Other files') : l10n.t('Attributes in other files');
}
