/**
 * Hovers over layer names: what the checkpoints of the workspace say about them. Works from the name index and from
 * results that are there already; nothing is computed or read while a person waits.
 */
import path from 'node:path';
import * as vscode from 'vscode';
import { layerVerdict } from '../layerFindings';
import type { LayerResult, PeekResult, TensorSummary } from '../protocol';
import type { EngineClient } from './engineClient';
import type { LayerMatch } from './layerIndex';
import { namesAt } from './nameAtPosition';
import { markdownCode, markdownText } from './plainText';
import { hoverEnabled, inspectSettings } from './settings';
import { spectrumPicture } from './spectrumPicture';
import type { WorkspaceCheckpoints } from './workspaceCheckpoints';

export const HOVER_LANGUAGES = ['python', 'json', 'jsonc', 'yaml', 'toml', 'markdown', 'log', 'plaintext'];

/** Headers may just be being read, after the first file was opened: a small one is there in this time. */
const HEADERS_MS = 30;

/** The engine may be busy: past this, the hover answers from the header alone. 100 ms is the whole hover's limit. */
const PEEK_MS = 60;

/** Matches shown in full; the rest is counted. */
const MAX_SHOWN = 3;

/** The share of the energy that a one-line rank suggestion speaks of. */
const SUGGESTION = 'energy_0.95';

export function registerHover(engine: EngineClient, checkpoints: WorkspaceCheckpoints): vscode.Disposable {
  const selector = HOVER_LANGUAGES.map((language) => ({ language }));
  return vscode.languages.registerHoverProvider(selector, {
    async provideHover(document, position) {
      if (!hoverEnabled()) return undefined;
      await within(
        HEADERS_MS,
        checkpoints.readHeaders().catch(() => undefined),
      ); // the log tells why
      const line = document.lineAt(position.line).text;
      for (const { text, start, end } of namesAt(line, position.character)) {
        const matches = checkpoints.index.find(text);
        if (matches.length === 0) continue;
        const contents = await describe(engine, matches);
        return new vscode.Hover(contents, new vscode.Range(position.line, start, position.line, end));
      }
      return undefined;
    },
  });
}

async function describe(engine: EngineClient, matches: readonly LayerMatch[]): Promise<vscode.MarkdownString[]> {
  const shown = matches.slice(0, MAX_SHOWN);
  const peeks = await Promise.all(shown.map(async (match) => ({ match, peeked: await peek(engine, match) })));
  // Those with numbers say more; the order of the others stays.
  const byNews = peeks.sort((a, b) => Number(a.peeked === null) - Number(b.peeked === null));
  const contents = byNews.map(({ match, peeked }) => layerMarkdown(match, peeked));
  const more = matches.length - shown.length;
  if (more > 0) contents.push(new vscode.MarkdownString(vscode.l10n.t('{0} more with this name', more)));
  return contents;
}

/** null where nothing is cached or the engine does not answer in time. */
async function peek(engine: EngineClient, { checkpoint, tensor }: LayerMatch): Promise<PeekResult | null> {
  const layer = tensor.layers[0] ?? tensor.name;
  const asked = engine.request('peek', { path: checkpoint, layer, settings: inspectSettings() });
  // An engine that restarts just now is one that does not answer in time: the header still does.
  const reply = await within(
    PEEK_MS,
    asked.catch(() => null),
  );
  return reply?.about.path === checkpoint ? reply.answer : null;
}

/** null where it takes longer. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), milliseconds)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The ids of our own that a hover may run. */
const LINKED_COMMANDS = ['eigenscope.inspectWeights'] as const;

/** Text of the file goes in as text only: see `plainText.ts`. */
function layerMarkdown({ checkpoint, tensor }: LayerMatch, peeked: PeekResult | null): vscode.MarkdownString {
  const markdown = new vscode.MarkdownString();
  markdown.isTrusted = { enabledCommands: LINKED_COMMANDS };
  markdown.supportHtml = false;
  markdown.supportThemeIcons = false;
  const shape = tensor.shape.length > 0 ? tensor.shape.join(' × ') : vscode.l10n.t('scalar');
  const parameters = vscode.l10n.t('{0} parameters', tensor.parameters.toLocaleString(vscode.env.language));
  markdown.appendMarkdown(`**${markdownCode(tensor.name)}**  \n`);
  if (tensor.alias !== undefined) markdown.appendMarkdown(`${markdownCode(tensor.alias)}  \n`);
  markdown.appendMarkdown(`${shape} · ${markdownText(tensor.encoding ?? tensor.dtype)} · ${parameters}  \n`);
  markdown.appendMarkdown(`${markdownText(vscode.workspace.asRelativePath(checkpoint))}\n\n`);
  if (peeked) markdown.appendMarkdown(numbers(peeked, tensor));
  const layer = tensor.layers[0] ?? tensor.name;
  const open = peeked ? vscode.l10n.t('Open') : vscode.l10n.t('Inspect');
  const links = [inspectLink(open, checkpoint, layer, false)];
  if (tensor.layers.length > 0) links.push(inspectLink(vscode.l10n.t('Compress…'), checkpoint, layer, true));
  markdown.appendMarkdown(links.join(' · '));
  return markdown;
}

function inspectLink(label: string, checkpoint: string, layer: string, compress: boolean): string {
  const argument = JSON.stringify([{ uri: vscode.Uri.file(checkpoint).toString(), layer, compress }]);
  // encodeURIComponent leaves a few characters that Markdown reads: a parenthesis ends the link.
  const encoded = encodeURIComponent(argument).replace(/[!'()*~_.-]/g, (character) => `%${hex(character)}`);
  return `[${label}](command:${LINKED_COMMANDS[0]}?${encoded} "${markdownText(path.basename(checkpoint))}")`;
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}

function numbers({ layer, curve }: PeekResult, tensor: TensorSummary): string {
  const lines = [fitLine(layer, tensor), rankLine(layer), layer.problems[0] && markdownText(layer.problems[0].message)];
  const [first, last] = [curve[0], curve.at(-1)];
  const finding =
    first !== undefined && last !== undefined
      ? vscode.l10n.t('Singular values from 10^{0} down to 10^{1}', first.toFixed(1), last.toFixed(1))
      : '';
  const { ColorThemeKind } = vscode;
  const { kind } = vscode.window.activeColorTheme;
  const light = kind === ColorThemeKind.Light || kind === ColorThemeKind.HighContrastLight;
  // A convolution's ranks are about another matrix than its spectrum.
  const suggestion = layer.matrices === 1 ? layer.ranks[SUGGESTION] : undefined;
  const kept = suggestion ? Math.min(1, suggestion.rank / (layer.metrics.matrix_rank ?? suggestion.rank)) : 0;
  const picture = spectrumPicture(curve, light ? 'light' : 'dark', finding, kept);
  return [...lines.filter((line) => line !== undefined && line !== ''), picture].join('  \n') + '\n\n';
}

function fitLine(layer: LayerResult, tensor: TensorSummary): string {
  return markdownText(layerVerdict(layer, tensor)?.verdict_reason ?? '');
}

function rankLine({ ranks, M }: LayerResult): string {
  const suggestion = ranks[SUGGESTION];
  if (!suggestion) return '';
  const percent = (share: number): string =>
    share.toLocaleString(vscode.env.language, { style: 'percent', maximumFractionDigits: 1 });
  const of = M === undefined ? '' : vscode.l10n.t(' of {0}', M);
  return vscode.l10n.t(
    'rank {0}{1} keeps 95 % of the energy (error {2}, {3} of the parameters)',
    suggestion.rank,
    of,
    percent(suggestion.error),
    percent(suggestion.ratio),
  );
}
