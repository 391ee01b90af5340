/** What hovers show, as Markdown in which text of files is text only: see `plainText.ts`. */
import path from 'node:path';
import * as vscode from 'vscode';
import { agreeing } from '../../shared/agreeing';
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
import { counted, sizeText } from '../quantityText';
import { spectrumPicture } from './spectrumPicture';

/** Kinds of tensors, and types of numbers, that are listed. */
const KINDS_SHOWN = 5;

/** The ids of our own that a hover may run. */
const LINKED_COMMANDS = ['eigenscope.inspectWeights'] as const;

/** A layer, with its numbers where they are known. */
export function layerCard({ checkpoint, tensor }: LayerMatch, peeked: PeekResult | null): vscode.MarkdownString {
  const markdown = card();
  const shape = tensor.shape.length > 0 ? tensor.shape.join(' × ') : 'scalar';
  const parameters = counted(tensor.parameters, 'parameter');
  markdown.appendMarkdown(`**${markdownCode(tensor.name)}**  \n`);
  if (tensor.alias !== undefined) markdown.appendMarkdown(`${markdownCode(tensor.alias)}  \n`);
  markdown.appendMarkdown(`${shape} · ${markdownText(tensor.encoding ?? tensor.dtype)} · ${parameters}  \n`);
  markdown.appendMarkdown(`${markdownText(vscode.workspace.asRelativePath(checkpoint))}\n\n`);
  if (peeked) markdown.appendMarkdown(numbers(peeked, tensor));
  const layer = tensor.layers[0] ?? tensor.name;
  const open = peeked ? 'Open' : 'Inspect';
  const links = [inspectLink(open, checkpoint, layer, false)];
  if (tensor.layers.length > 0) links.push(inspectLink('Compress…', checkpoint, layer, true));
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
  if (more > 0) lines.push(`${more} more with this name`);
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
  if (more > 0) kinds.push(`${more} more ${agreeing(more, 'kind')}`);
  const lines = [
    `**${markdownCode(name)}**`,
    counted(tensors, 'tensor'),
    ...kinds,
    markdownText(vscode.workspace.asRelativePath(checkpoint)),
  ];
  return card(lines.join('  \n'));
}

/** A name that a checkpoint has not, and the one that may be meant. */
export function absentCard(written: string, { checkpoint, name }: NearMatch): vscode.MarkdownString {
  const file = markdownText(vscode.workspace.asRelativePath(checkpoint));
  const absent = `${markdownCode(written)} is not in ${file}`;
  return card(`${absent}  \nNearest: ${markdownCode(name)}`);
}

/** What a checkpoint is, for a path or a call that loads it. */
export function checkpointCard(checkpoint: string, about: CheckpointHead): vscode.MarkdownString {
  const { format, architecture, tensorCount, parameters, bytes, dtypes, problems } = about;
  const types = dtypes.slice(0, KINDS_SHOWN).map(({ dtype }) => dtype);
  const lines = [
    `**${markdownText(vscode.workspace.asRelativePath(checkpoint))}**`,
    markdownText([format, architecture].filter((part) => part !== '').join(' · ')),
    markdownText(
      [counted(tensorCount, 'tensor'), counted(parameters, 'parameter'), sizeText(bytes), types.join(', ')].join(' · '),
    ),
    ...(problems > 0 ? [`${counted(problems, 'problem')}; open it to read ${agreeing(problems, 'it', 'them')}`] : []),
    '',
    inspectLink('Inspect', checkpoint),
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
    inspectLink(tensor ? `Open ${tensor.name}` : 'Inspect', checkpoint, layer),
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
  const lines = [fitLine(layer, tensor), rankLine(layer), layer.problems[0] && markdownText(layer.problems[0].message)];
  const [first, last] = [curve[0], curve.at(-1)];
  const finding =
    first !== undefined && last !== undefined
      ? `Singular values from 10^${first.toFixed(1)} down to 10^${last.toFixed(1)}`
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
  if (!suggested || suggested.reason !== undefined) return suggested?.reason ?? '';
  const { rank, energy, error, ratio } = suggested;
  const of = M === undefined ? '' : ` of ${M}`;
  return `rank ${rank}${of} keeps ${percentText(energy)} of the energy (error ${percentText(error)}, ${percentText(ratio)} of the parameters)`;
}
