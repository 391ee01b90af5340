/** What hovers show, as Markdown in which text of files is text only: see `plainText.ts`. */
import path from 'node:path';
import * as vscode from 'vscode';
import { layerVerdict } from '../../shared/layerFindings';
import type { PeekResult } from '../../protocol';
import type { LayerResult } from '../../shared/layers';
import type { TensorSummary } from '../../shared/tensors';
import { suggestedRank } from '../../shared/ranks/worthFactoring';
import type { Explained } from '../loadErrors/explainer';
import { filled } from '../loadErrors/sentences';
import type { CheckpointHead } from '../workspace/indexedFiles';
import type { LayerMatch, NearMatch, RangeMatch } from '../workspace/layerIndex';
import { percentText } from '../percentText';
import { markdownCode, markdownText } from '../../shared/exports/markdownText';
import { counts } from '../../shared/language/counts';
import { l10n } from '../../shared/language/l10n';
import { localNumber, sizeText } from '../quantityText';
import { spectrumPicture } from './spectrumPicture';

/** Kinds of tensors, and types of numbers, that are listed. */
const KINDS_SHOWN = 5;

/** The ids of our own that a hover may run. */
const LINKED_COMMANDS = ['eigenscope.inspectWeights'] as const;

/** A layer, with its numbers where they are known. */
export function layerCard({ checkpoint, tensor }: LayerMatch, peeked: PeekResult | null): vscode.MarkdownString {
  const markdown = card();
  const shape = tensor.shape.length > 0 ? tensor.shape.join(' × ') : l10n.t('scalar');
  const parameters = counts.parameters(tensor.parameters, localNumber(tensor.parameters));
  markdown.appendMarkdown(`**${markdownCode(tensor.name)}**  \n`);
  if (tensor.alias !== undefined) markdown.appendMarkdown(`${markdownCode(tensor.alias)}  \n`);
  markdown.appendMarkdown(`${shape} · ${markdownText(tensor.encoding ?? tensor.dtype)} · ${parameters}  \n`);
  markdown.appendMarkdown(`${markdownText(vscode.workspace.asRelativePath(checkpoint))}\n\n`);
  if (peeked) markdown.appendMarkdown(numbers(peeked, tensor));
  const layer = tensor.layers[0] ?? tensor.name;
  const open = peeked ? l10n.t('Open') : l10n.t('Inspect');
  const links = [inspectLink(open, checkpoint, layer, false)];
  if (tensor.layers.length > 0) links.push(inspectLink(l10n.t('Compress…'), checkpoint, layer, true));
  markdown.appendMarkdown(links.join(' · '));
  return markdown;
}

/**
 * The other checkpoints with this name, one line each.
 *
 * @param more how many there are beyond those
 */
export function othersCard(others: readonly LayerMatch[], more: number): vscode.MarkdownString {
  const lines = others.map(({ checkpoint, tensor }) => {
    const link = inspectLink(path.basename(checkpoint), checkpoint, tensor.layers[0] ?? tensor.name, false);
    const where = markdownText(vscode.workspace.asRelativePath(path.dirname(checkpoint)));
    return `${link} · ${markdownCode(tensor.name)} · ${where} · ${tensor.shape.join(' × ')} ${markdownText(tensor.encoding ?? tensor.dtype)}`;
  });
  if (more > 0) lines.push(l10n.t('{0} more with this name', more));
  return card(lines.join('  \n'));
}

/** What a name with a variable in it stands for. */
export function rangeCard({ checkpoint, name, below }: RangeMatch): vscode.MarkdownString {
  const tensors = below.reduce((sum, { count }) => sum + count, 0);
  const kinds = below.slice(0, KINDS_SHOWN).map(({ name: part, count, tensor }) => {
    const what = part === '' ? '' : `${markdownCode(part)} `;
    return `${count} × ${what}${tensor.shape.join(' × ')} ${markdownText(tensor.encoding ?? tensor.dtype)}`;
  });
  const more = below.length - kinds.length;
  if (more > 0) kinds.push(l10n.many(more, '1 more kind', '{0} more kinds', more));
  const lines = [
    `**${markdownCode(name)}**`,
    counts.tensors(tensors, localNumber(tensors)),
    ...kinds,
    markdownText(vscode.workspace.asRelativePath(checkpoint)),
  ];
  return card(lines.join('  \n'));
}

/** A name that a checkpoint has not, and the one that may be meant. */
export function absentCard(written: string, { checkpoint, name }: NearMatch): vscode.MarkdownString {
  const file = markdownText(vscode.workspace.asRelativePath(checkpoint));
  const lines = [l10n.t('{0} is not in {1}', markdownCode(written), file), l10n.t('Nearest: {0}', markdownCode(name))];
  return card(lines.join('  \n'));
}

/** What a checkpoint is, for a path or a call that loads it. */
export function checkpointCard(checkpoint: string, about: CheckpointHead): vscode.MarkdownString {
  const { format, architecture, tensorCount, parameters, bytes, dtypes, problems } = about;
  const types = dtypes.slice(0, KINDS_SHOWN).map(({ dtype }) => dtype);
  const lines = [
    `**${markdownText(vscode.workspace.asRelativePath(checkpoint))}**`,
    markdownText([format, architecture].filter((part) => part !== '').join(' · ')),
    markdownText(
      [
        counts.tensors(tensorCount, localNumber(tensorCount)),
        counts.parameters(parameters, localNumber(parameters)),
        sizeText(bytes),
        types.join(', '),
      ].join(' · '),
    ),
    ...(problems > 0
      ? [
          l10n.many(
            problems,
            '1 problem; open it to read it',
            '{0} problems; open it to read them',
            localNumber(problems),
          ),
        ]
      : []),
    '',
    inspectLink(l10n.t('Inspect'), checkpoint),
  ];
  return card(lines.join('  \n'));
}

/** What a program's message about a key means, sentence by sentence. */
export function explanationCard(name: string, { sentences, checkpoint, tensor }: Explained): vscode.MarkdownString {
  const layer = tensor && (tensor.layers[0] ?? tensor.name);
  const lines = [
    `**${markdownCode(name)}**`,
    ...sentences.map((each) => filled(each, markdownCode)),
    markdownText(vscode.workspace.asRelativePath(checkpoint)),
    '',
    inspectLink(tensor ? l10n.t('Open {0}', tensor.name) : l10n.t('Inspect'), checkpoint, layer),
  ];
  return card(lines.join('  \n'));
}

/** Only our own command may run, no picture comes from elsewhere, and no HTML is read. */
function card(markdownOfOurs = ''): vscode.MarkdownString {
  const markdown = new vscode.MarkdownString(markdownOfOurs);
  markdown.isTrusted = { enabledCommands: LINKED_COMMANDS };
  markdown.supportHtml = false;
  markdown.supportThemeIcons = false;
  return markdown;
}

function inspectLink(label: string, checkpoint: string, layer?: string, compress = false): string {
  const target = { uri: vscode.Uri.file(checkpoint).toString(), ...(layer !== undefined && { layer, compress }) };
  // encodeURIComponent leaves a few characters that Markdown reads: a parenthesis ends the link.
  const encoded = encodeURIComponent(JSON.stringify([target])).replace(
    /[!'()*~_.-]/g,
    (character) => `%${hex(character)}`,
  );
  const title = markdownText(path.basename(checkpoint));
  return `[${markdownText(label)}](command:${LINKED_COMMANDS[0]}?${encoded} "${title}")`;
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}

function numbers({ layer, curve }: PeekResult, tensor: TensorSummary): string {
  const lines = [
    fitLine(layer, tensor),
    rankLine(layer),
    layer.problems[0] && markdownText(l10n.known(layer.problems[0].message)),
  ];
  const [first, last] = [curve[0], curve.at(-1)];
  const finding =
    first !== undefined && last !== undefined
      ? l10n.t('Singular values from 10^{0} down to 10^{1}', first.toFixed(1), last.toFixed(1))
      : '';
  const { ColorThemeKind } = vscode;
  const { kind } = vscode.window.activeColorTheme;
  const light = kind === ColorThemeKind.Light || kind === ColorThemeKind.HighContrastLight;
  // A convolution's ranks are about another matrix than its spectrum.
  const suggested = layer.matrices === 1 ? suggestedRank(layer.ranks) : undefined;
  const rank = suggested && 'rank' in suggested ? suggested.rank : 0;
  const kept = rank > 0 ? Math.min(1, rank / (layer.metrics.matrix_rank ?? rank)) : 0;
  const picture = spectrumPicture(curve, light ? 'light' : 'dark', finding, kept);
  return [...lines.filter((line) => line !== undefined && line !== ''), picture].join('  \n') + '\n\n';
}

function fitLine(layer: LayerResult, tensor: TensorSummary): string {
  return markdownText(layerVerdict(layer, tensor)?.verdict_reason ?? '');
}

function rankLine({ ranks, M }: LayerResult): string {
  const suggested = suggestedRank(ranks);
  if (!suggested || suggested.reason !== undefined) return l10n.known(suggested?.reason ?? '');
  const { rank, energy, error, ratio } = suggested;
  const shares = [percentText(energy), percentText(error), percentText(ratio)] as const;
  return M === undefined
    ? l10n.t('rank {0} keeps {1} of the energy (error {2}, {3} of the parameters)', rank, ...shares)
    : l10n.t('rank {0} of {4} keeps {1} of the energy (error {2}, {3} of the parameters)', rank, ...shares, M);
}
