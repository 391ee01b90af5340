/**
 * Lines above calls in Python that load a checkpoint of the workspace: its format, size and verdict, where one is known,
 * and a link that opens it. Says what the index of headers and former results say; computes nothing, asks no disk.
 */
import path from 'node:path';
import * as vscode from 'vscode';
import { counts } from '../../shared/language/counts';
import { l10n } from '../../shared/language/l10n';
import { linkTo } from '../commands/inspectCommand';
import { listText } from '../plainText';
import { compactNumber, localNumber, sizeText } from '../quantityText';
import { codeLensEnabled } from '../settings';
import { loadedPaths } from '../sources/loadCalls';
import { beginningOf, type MeantCheckpoints } from '../sources/meantCheckpoints';
import type { CheckpointHead } from '../workspace/indexedFiles';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';
import type { KnownVerdicts, ModelVerdict } from './knownVerdicts';

/** Calls of one source file that get a lens. */
const MOST_LENSES = 100;

/** News comes by the dozen while headers are read: lenses are asked for anew at most this often. */
const NEWS_MS = 300;

export interface LensSources {
  checkpoints: WorkspaceCheckpoints;
  meant: MeantCheckpoints;
  verdicts: KnownVerdicts;
}

export function registerCheckpointLens(sources: LensSources): vscode.Disposable {
  const lenses = new CheckpointLenses(sources);
  return vscode.Disposable.from(
    lenses,
    vscode.languages.registerCodeLensProvider({ language: 'python' }, lenses),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('eigenscope')) lenses.news();
    }),
  );
}

class CheckpointLenses implements vscode.CodeLensProvider {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;
  private timer: NodeJS.Timeout | undefined;
  private readonly subscriptions: { dispose(): void }[];

  constructor(private readonly sources: LensSources) {
    const { checkpoints, verdicts } = sources;
    const news = (): void => this.news();
    this.subscriptions = [checkpoints.indexed.onChange(news), verdicts.onChange(news)];
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const { indexed } = this.sources.checkpoints;
    if (!codeLensEnabled() || indexed.files.length === 0) return [];
    const lenses: vscode.CodeLens[] = [];
    for (const { written, at } of loadedPaths(beginningOf(document))) {
      if (lenses.length >= 2 * MOST_LENSES) break;
      const checkpoint = this.sources.meant.named(document, written);
      const head = checkpoint === undefined ? undefined : indexed.head(checkpoint);
      if (checkpoint === undefined || !head) continue;
      const { line } = document.positionAt(at);
      const range = document.lineAt(line).range;
      const title = lensText(head, this.sources.verdicts.of(checkpoint, head.version));
      // The same name may stand for another file than the one that is meant: it is said which.
      const which = path.basename(checkpoint) === written ? '' : `${vscode.workspace.asRelativePath(checkpoint)} · `;
      lenses.push(
        new vscode.CodeLens(range, openCommand(`${which}${title}`, checkpoint)),
        new vscode.CodeLens(range, openCommand(l10n.t('Open'), checkpoint)),
      );
    }
    return lenses;
  }

  /** Something may be other than it was shown. */
  news(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changed.fire();
    }, NEWS_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }
}

function openCommand(title: string, checkpoint: string): vscode.Command {
  const tooltip = l10n.t('Open {0} in Eigenscope', listText(vscode.workspace.asRelativePath(checkpoint)));
  return { title: listText(title), tooltip, command: 'eigenscope.inspectWeights', arguments: [linkTo(checkpoint)] };
}

function lensText(head: CheckpointHead, verdict: ModelVerdict | undefined): string {
  const { format, bytes, parameters, problems } = head;
  const parts = [format, sizeText(bytes), counts.parameters(parameters, compactNumber(parameters))];
  if (problems > 0) parts.push(counts.problems(problems, localNumber(problems)));
  if (verdict) parts.push(verdictText(verdict));
  return parts.join(' · ');
}

/** `of 48 layers, 31 typical of well-trained, 3 typical of under-trained`. */
function verdictText({ layers, wellTrained, underTrained, overTrained, broken }: ModelVerdict): string {
  const said = [
    broken > 0 && l10n.t('{0} with NaN or Inf', localNumber(broken)),
    wellTrained > 0 && l10n.t('{0} typical of well-trained', localNumber(wellTrained)),
    underTrained > 0 && l10n.t('{0} typical of under-trained', localNumber(underTrained)),
    overTrained > 0 && l10n.t('{0} typical of over-trained', localNumber(overTrained)),
    wellTrained + underTrained + overTrained === 0 && l10n.t('no verdict'),
  ].filter((each) => each !== false);
  const text = said.join(', ');
  return l10n.many(layers, 'of 1 layer, {1}', 'of {0} layers, {1}', localNumber(layers), text);
}
