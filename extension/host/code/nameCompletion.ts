/** Completion of tensors' names in Python: in keys of state_dicts, and in `get_tensor("…")`. */
import * as vscode from 'vscode';
import { layerCard } from '../hover/hoverCards';
import { listText } from '../plainText';
import { completionEnabled } from '../settings';
import type { MeantCheckpoints } from '../sources/meantCheckpoints';
import { MAX_SOURCE } from '../sources/pythonStrings';
import { sliced } from '../sources/sliced';
import { expectedName } from '../sources/stateDicts';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';

/** Names in one list: more come as one types on. */
export const MOST_NAMES = 1000;

export interface CompletionSources {
  checkpoints: WorkspaceCheckpoints;
  meant: MeantCheckpoints;
}

export function registerNameCompletion(sources: CompletionSources): vscode.Disposable {
  const names = new NameCompletion(sources);
  return vscode.languages.registerCompletionItemProvider({ language: 'python' }, names, '"', "'", '.', '/');
}

export class NameItem extends vscode.CompletionItem {
  constructor(
    readonly name: string,
    readonly checkpoint: string,
  ) {
    super(listText(name), vscode.CompletionItemKind.Field);
    this.filterText = name;
  }
}

class NameCompletion implements vscode.CompletionItemProvider<NameItem> {
  constructor(private readonly sources: CompletionSources) {}

  async provideCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    token: vscode.CancellationToken,
  ): Promise<vscode.CompletionList<NameItem> | undefined> {
    const { indexed } = this.sources.checkpoints;
    if (!completionEnabled() || indexed.files.length === 0) return undefined;
    const line = document.lineAt(position.line).text;
    const start = new vscode.Position(position.line, 0);
    const first = document.positionAt(Math.max(0, document.offsetAt(start) - MAX_SOURCE));
    const above = document.getText(new vscode.Range(first, start)).split('\n');
    const expected = expectedName(line.slice(0, position.character), above);
    if (!expected) return undefined;
    const { typed, quote, loadedFrom } = expected;
    const named = loadedFrom === undefined ? undefined : this.sources.meant.named(document, loadedFrom);
    // A dictionary of a file that is not known is not completed from another one.
    const checkpoint = named ?? (loadedFrom === undefined ? this.sources.meant.only(document) : undefined);
    const names = checkpoint === undefined ? undefined : indexed.index.namesOf(checkpoint);
    if (checkpoint === undefined || !names) return undefined;
    const rest = /^[^"'\\\n]*/.exec(line.slice(position.character))![0];
    const closed = line[position.character + rest.length] === quote;
    // What is typed is replaced, and what follows up to the closing quote if there is one.
    const from = position.translate(0, -typed.length);
    const range = new vscode.Range(from, closed ? position.translate(0, rest.length) : position);
    const { found, more } = await namesLike(names.all, typed, token);
    const items = found.map(({ name, order }) => {
      const item = new NameItem(name, checkpoint);
      item.range = { inserting: new vscode.Range(from, position), replacing: range };
      item.insertText = pythonText(name, quote);
      item.sortText = order;
      return item;
    });
    return new vscode.CompletionList(items, more);
  }

  /** Shape and type, for the one that is looked at. */
  resolveCompletionItem(item: NameItem): NameItem {
    const tensor = this.sources.checkpoints.indexed.index.namesOf(item.checkpoint)?.exact(item.name);
    if (!tensor) return item;
    item.detail = `${tensor.shape.join(' × ')} ${listText(tensor.encoding ?? tensor.dtype)}`;
    item.documentation = layerCard({ checkpoint: item.checkpoint, tensor, distance: 0 }, null);
    return item;
  }
}

/**
 * Names that hold what is typed, those that begin with it first, in the checkpoint's order.
 *
 * @returns `more` where not all of them are there
 */
export async function namesLike(
  names: Iterable<string>,
  typed: string,
  token: vscode.CancellationToken,
): Promise<{ found: { name: string; order: string }[]; more: boolean }> {
  const wanted = typed.toLowerCase();
  const beginning: string[] = [];
  const within: string[] = [];
  for await (const name of sliced(names)) {
    if (token.isCancellationRequested || beginning.length > MOST_NAMES) break;
    const at = wanted === '' ? 0 : name.toLowerCase().indexOf(wanted);
    if (at === 0) beginning.push(name);
    else if (at > 0 && within.length <= MOST_NAMES) within.push(name);
  }
  const all = [...beginning, ...within];
  const found = all.slice(0, MOST_NAMES).map((name, place) => ({ name, order: String(place).padStart(5, '0') }));
  return { found, more: all.length > MOST_NAMES };
}

/** The content of a Python string in these quotes. */
function pythonText(name: string, quote: string): string {
  return name.replace(/[\\"'\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === '\\' || character === quote) return `\\${character}`;
    if (character === '"' || character === "'") return character;
    const code = character.codePointAt(0)!;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
