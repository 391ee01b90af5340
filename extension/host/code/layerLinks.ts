/** Names of layers in code and in configurations as links that open the layer. */
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import { inspectUri, linkTo } from '../commands/inspectCommand';
import { linksEnabled } from '../settings';
import { beginningOf, type MeantCheckpoints } from '../sources/meantCheckpoints';
import { namesIn } from '../sources/namesIn';
import { sliced } from '../sources/sliced';
import type { LayerMatch } from '../workspace/layerIndex';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';

const LANGUAGES = ['python', 'json', 'jsonc', 'yaml', 'toml'];

/** Links of one source file. */
const MOST_LINKS = 2000;

export interface LayerLinkSources {
  checkpoints: WorkspaceCheckpoints;
  meant: MeantCheckpoints;
}

export function registerLayerLinks({ checkpoints, meant }: LayerLinkSources): vscode.Disposable {
  const selector = LANGUAGES.map((language) => ({ language }));
  return vscode.languages.registerDocumentLinkProvider(selector, {
    provideDocumentLinks: (document, token) => layerLinks(checkpoints, meant, document, token),
  });
}

async function layerLinks(
  checkpoints: WorkspaceCheckpoints,
  meant: MeantCheckpoints,
  document: vscode.TextDocument,
  token: vscode.CancellationToken,
): Promise<vscode.DocumentLink[]> {
  if (!linksEnabled()) return [];
  // Links are asked for once: what is not known by now is never asked for again.
  await checkpoints.readHeaders().catch(() => undefined); // the log tells why
  const { indexed } = checkpoints;
  if (indexed.files.length === 0) return [];
  const links: vscode.DocumentLink[] = [];
  for await (const { text, start, end } of sliced(namesIn(beginningOf(document), document.languageId))) {
    if (token.isCancellationRequested || links.length >= MOST_LINKS) break;
    const [match] = meant.ranked(
      document,
      indexed.index.find(text).filter((each) => isNameOf(text, each)),
    );
    if (!match) continue;
    const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
    const link = new vscode.DocumentLink(range, inspectUri(linkTo(match.checkpoint, match.tensor)));
    // No text of files: VS Code reads it as Markdown.
    link.tooltip = l10n.t('Open the layer in Eigenscope');
    links.push(link);
  }
  return links;
}

/** The whole name, not the end of a longer one: a file's words are not underlined for what they might mean. */
function isNameOf(text: string, { tensor: { name, alias }, distance }: LayerMatch): boolean {
  if (distance > 0) return false;
  return [name, alias].some(
    (own) => own !== undefined && (own === text || own.endsWith(`.${text}`) || text.endsWith(`.${own}`)),
  );
}
