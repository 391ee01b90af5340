/** Completion of layers' names in a plan of compression: those of its checkpoint that it does not have yet. */
import * as vscode from 'vscode';
import { PLAN_ENDING } from '../../shared/compression/plans';
import { completionEnabled } from '../settings';
import { keyPlace, keysOf } from '../sources/jsonKeys';
import { namesLike, NameItem, type CompletionSources } from './nameCompletion';

/** Characters of a plan that are read: the plan of 100 000 layers has some 10 MB, which nobody writes by hand. */
const MAX_PLAN = 2 * 1024 * 1024;

/** The checkpoint's name as plans have it. */
const CHECKPOINT = /"checkpoint"\s{0,20}:\s{0,20}\{[^{}]{0,1000}?"name"\s{0,20}:\s{0,20}"([^"\n]{1,300})"/;

export function registerPlanCompletion(sources: CompletionSources): vscode.Disposable {
  const selector = { pattern: `**/*${PLAN_ENDING}` };
  const layers = new PlanCompletion(sources);
  return vscode.languages.registerCompletionItemProvider(selector, layers, '"');
}

class PlanCompletion implements vscode.CompletionItemProvider {
  constructor(private readonly sources: CompletionSources) {}

  async provideCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    token: vscode.CancellationToken,
  ): Promise<vscode.CompletionList | undefined> {
    const { checkpoints, meant } = this.sources;
    const offset = document.offsetAt(position);
    if (!completionEnabled() || checkpoints.indexed.files.length === 0 || offset > MAX_PLAN) return undefined;
    const text = document.getText(new vscode.Range(new vscode.Position(0, 0), document.positionAt(MAX_PLAN)));
    const place = keyPlace(text.slice(0, offset));
    if (place?.path.join() !== 'layers') return undefined;
    const written = CHECKPOINT.exec(text)?.[1];
    const checkpoint = written === undefined ? meant.only(document) : meant.named(document, written);
    const names = checkpoint === undefined ? undefined : checkpoints.indexed.index.namesOf(checkpoint);
    if (checkpoint === undefined || !names) return undefined;
    const had = keysOf(text, place.path);
    // What is being written is one of them by now.
    had.delete(place.typed);
    const { found, more } = await namesLike(without(names.layers(), had), place.typed, token);
    const rest = /^[^"\n]*"/.exec(text.slice(offset, offset + MAX_PLAN))?.[0] ?? '';
    const isClosed = text[place.start] === '"' && /^[^"\n:,{}]*"$/.test(rest);
    const end = isClosed ? document.positionAt(offset + rest.length) : position;
    const isFollowed = /^\s*:/.test(text.slice(document.offsetAt(end), document.offsetAt(end) + 100));
    const items = found.map(({ name, order }) => {
      const item = new NameItem(name, checkpoint);
      const literal = JSON.stringify(name);
      item.filterText = literal;
      item.insertText = isFollowed ? literal : `${literal}: `;
      item.range = new vscode.Range(document.positionAt(place.start), end);
      item.sortText = order;
      return item;
    });
    return new vscode.CompletionList(items, more);
  }
}

function* without(names: Iterable<string>, had: ReadonlySet<string>): Generator<string> {
  for (const name of names) if (!had.has(name)) yield name;
}
