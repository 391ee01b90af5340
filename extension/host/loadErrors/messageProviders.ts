/**
 * Messages about keys that do not fit, in logs, texts and terminals: their keys are links to the layer, a light bulb
 * offers the same, and the hover explains them.
 */
import path from 'node:path';
import * as vscode from 'vscode';
import { inspectUri, linkTo } from '../commands/inspectCommand';
import { listText, notificationText } from '../plainText';
import { linksEnabled } from '../settings';
import { visible } from '../../shared/visibleText';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';
import type { Explained, Explainer } from './explainer';
import { explainedAt, rangeOf } from './explainedAt';
import { keyProblems, type KeyProblem } from './keyProblems';
import { filled } from './sentences';

/** Logs and what else messages are pasted into; program output, too. */
const SELECTOR: vscode.DocumentSelector = [
  ...['log', 'plaintext', 'markdown'].map((language) => ({ language })),
  { scheme: 'output' },
];

/** Characters of a log's beginning and of its end that are looked through for links: errors stand at the end. */
const MAX_LOOKED = 128 * 1024;

/** Keys of one text that become links. A message about a large model lists thousands. */
const MOST_LINKS = 2000;

export interface MessageSources {
  checkpoints: WorkspaceCheckpoints;
  explainer: Explainer;
}

export function registerMessages(messages: Messages): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerDocumentLinkProvider(SELECTOR, messages),
    vscode.languages.registerCodeActionsProvider(SELECTOR, messages),
    vscode.window.registerTerminalLinkProvider(messages),
  );
}

class ProblemLink extends vscode.DocumentLink {
  constructor(
    range: vscode.Range,
    readonly problem: KeyProblem,
    readonly message: readonly KeyProblem[],
    readonly checkpoint: string,
  ) {
    super(range);
    this.tooltip = 'Open the layer in Eigenscope';
  }
}

class ProblemInTerminal extends vscode.TerminalLink {
  constructor(
    { start, end }: KeyProblem,
    readonly explained: Explained,
  ) {
    super(start, end - start, plainExplanation(explained));
  }
}

export class Messages
  implements vscode.DocumentLinkProvider, vscode.CodeActionProvider, vscode.TerminalLinkProvider<ProblemInTerminal>
{
  constructor(private readonly sources: MessageSources) {}

  async provideDocumentLinks(document: vscode.TextDocument): Promise<vscode.DocumentLink[]> {
    const links: vscode.DocumentLink[] = [];
    for (const { problems, start } of linksEnabled() ? messagesOf(document) : []) {
      if (problems.length > 0) await this.headers();
      const checkpoint = this.sources.explainer.checkpointOf(problems, document);
      if (checkpoint === undefined) continue;
      for (const problem of problems.slice(0, MOST_LINKS)) {
        links.push(new ProblemLink(rangeOf(document, problem, start), problem, problems, checkpoint));
      }
    }
    return links;
  }

  /** Only the link that is about to be followed is explained. */
  resolveDocumentLink(link: vscode.DocumentLink): vscode.DocumentLink {
    if (!(link instanceof ProblemLink)) return link;
    const explained = this.sources.explainer.explain(link.problem, link.message, link.checkpoint);
    // The checkpoint may be gone by now: VS Code tells that the link leads nowhere.
    if (explained) link.target = inspectUri(linkTo(explained.checkpoint, explained.tensor));
    return link;
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    const explained = linksEnabled() ? explainedAt(this.sources.explainer, document, range) : undefined;
    if (!explained?.tensor) return [];
    const title = `Open ${listText(explained.tensor.name)} in Eigenscope`;
    const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
    action.command = {
      title,
      command: 'eigenscope.inspectWeights',
      arguments: [linkTo(explained.checkpoint, explained.tensor)],
    };
    return [action];
  }

  async provideTerminalLinks({ line }: Pick<vscode.TerminalLinkContext, 'line'>): Promise<ProblemInTerminal[]> {
    const problems = linksEnabled() ? keyProblems(line) : [];
    if (problems.length > 0) await this.headers();
    const checkpoint = this.sources.explainer.checkpointOf(problems, undefined);
    if (checkpoint === undefined) return [];
    return problems.slice(0, MOST_LINKS).flatMap((problem) => {
      const explained = this.sources.explainer.explain(problem, problems, checkpoint);
      return explained ? [new ProblemInTerminal(problem, explained)] : [];
    });
  }

  /** Opens the layer, and says what the tooltip, which is gone by then, has said. */
  async handleTerminalLink({ explained }: ProblemInTerminal): Promise<void> {
    void vscode.window.showInformationMessage(`Eigenscope: ${notificationText(plainExplanation(explained))}`);
    if (explained.tensor)
      await vscode.commands.executeCommand('eigenscope.inspectWeights', linkTo(explained.checkpoint, explained.tensor));
  }

  /** Nobody may have opened a file whose language asks for the checkpoints' names: a terminal has none. */
  private async headers(): Promise<void> {
    await this.sources.checkpoints.readHeaders().catch(() => undefined); // the log tells why
  }
}

/** The beginning of a text and its end, or all of it. */
function messagesOf(document: vscode.TextDocument): { problems: KeyProblem[]; start: number }[] {
  const end = document.offsetAt(new vscode.Position(document.lineCount, 0));
  const parts =
    end <= 2 * MAX_LOOKED ? [[0, end] as const] : [[0, MAX_LOOKED] as const, [end - MAX_LOOKED, end] as const];
  return parts.map(([from, to]) => {
    const text = document.getText(new vscode.Range(document.positionAt(from), document.positionAt(to)));
    return { problems: keyProblems(text), start: from };
  });
}

/** For tooltips and notifications: one text, the checkpoint's path last. */
function plainExplanation({ sentences, checkpoint }: Explained): string {
  const folder = path.dirname(vscode.workspace.asRelativePath(checkpoint));
  const words = sentences.map((each) => filled(each, visible)).join(' ');
  return folder === '.' ? words : `${words} (${visible(folder)})`;
}
