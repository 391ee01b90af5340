/**
 * Hovers over layer names and over paths of checkpoints: what the checkpoints of the workspace say about them. Works from
 * the name index and from results that are there already; nothing is computed while a person waits.
 */
import * as vscode from 'vscode';
import type { PeekResult } from '../../protocol';
import type { EngineClient } from '../engineClient';
import { absentCard, checkpointCard, explanationCard, layerCard, othersCard, rangeCard } from './hoverCards';
import { explainedAt } from '../loadErrors/explainedAt';
import type { Explainer } from '../loadErrors/explainer';
import { hoverEnabled, inspectSettings } from '../settings';
import type { LayerMatch } from '../workspace/layerIndex';
import { namesCheckpoint } from '../sources/loadCalls';
import type { MeantCheckpoints } from '../sources/meantCheckpoints';
import { namesAt, type NameCandidate } from '../sources/nameAtPosition';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';

export const HOVER_LANGUAGES = ['python', 'json', 'jsonc', 'yaml', 'toml', 'markdown', 'log', 'plaintext'];

/** Headers may just be being read, after the first file was opened: a small one is there in this time. */
const HEADERS_MS = 30;

/** The engine may be busy: past this, the hover answers from the header alone. 100 ms is the whole hover's limit. */
const PEEK_MS = 60;

/** Checkpoints that are asked for numbers where nothing else says which one is meant. */
const MAX_PEEKED = 3;

/** Further checkpoints with the same name that are listed. */
const MAX_OTHERS = 4;

export interface HoverSources {
  engine: EngineClient;
  checkpoints: WorkspaceCheckpoints;
  meant: MeantCheckpoints;
  explainer: Explainer;
}

export function registerHover(sources: HoverSources): vscode.Disposable {
  const selector = HOVER_LANGUAGES.map((language) => ({ language }));
  const hovers = new Hovers(sources);
  return vscode.languages.registerHoverProvider([...selector, { scheme: 'output' }], {
    provideHover: (document, position) => hovers.at(document, position),
  });
}

class Hovers {
  constructor(private readonly sources: HoverSources) {}

  async at(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    if (!hoverEnabled()) return undefined;
    const { checkpoints } = this.sources;
    await within(
      HEADERS_MS,
      checkpoints.readHeaders().catch(() => undefined),
    ); // the log tells why
    const message = explainedAt(this.sources.explainer, document, new vscode.Range(position, position));
    if (message) return new vscode.Hover(explanationCard(message.name, message), message.range);
    const line = document.lineAt(position.line).text;
    const candidates = namesAt(line, position.character);
    for (const candidate of candidates) {
      const contents = (await this.layer(document, candidate.text)) ?? this.range(document, candidate.text);
      if (contents) return hoverOf(contents, position.line, candidate);
    }
    const [whole] = candidates;
    // Words that are no string are too many to ask of each what it is not.
    if (!whole || !/["'`]/.test(line[whole.start - 1] ?? '')) return undefined;
    const contents = namesCheckpoint(line, whole.start, whole.text)
      ? this.checkpoint(document, whole.text)
      : this.absent(document, whole.text);
    return contents && hoverOf(contents, position.line, whole);
  }

  private async layer(document: vscode.TextDocument, name: string): Promise<vscode.MarkdownString[] | undefined> {
    const matches = this.sources.meant.ranked(document, this.sources.checkpoints.indexed.index.find(name));
    const [first] = matches;
    if (!first) return undefined;
    // Neither named nor open: one with results is likelier than one without.
    const asked = this.sources.meant.isMeant(document, first.checkpoint)
      ? [first]
      : firstOfEach(matches).slice(0, MAX_PEEKED);
    const peeks = await Promise.all(asked.map(async (match) => ({ match, peeked: await this.peek(match) })));
    const { match, peeked } = peeks.find((each) => each.peeked) ?? peeks[0]!;
    const contents = [layerCard(match, peeked)];
    // What only ends alike is another layer where one has the very name.
    const others = matches.filter((other) => other !== match && other.distance <= match.distance);
    if (others.length > 0) contents.push(othersCard(others.slice(0, MAX_OTHERS), others.length - MAX_OTHERS));
    return contents;
  }

  private range(document: vscode.TextDocument, name: string): vscode.MarkdownString[] | undefined {
    const [first] = this.sources.meant.ranked(document, this.sources.checkpoints.indexed.index.ranges(name));
    return first && [rangeCard(first)];
  }

  /**
   * The card of a name that is missing: from a checkpoint that this source file names, an open one, or the only one
   * there is.
   */
  private absent(document: vscode.TextDocument, name: string): vscode.MarkdownString[] | undefined {
    const { index } = this.sources.checkpoints.indexed;
    const [first] = this.sources.meant.ranked(document, index.nearest(name));
    if (!first) return undefined;
    return this.sources.meant.isMeant(document, first.checkpoint) || index.size === 1
      ? [absentCard(name, first)]
      : undefined;
  }

  private checkpoint(document: vscode.TextDocument, written: string): vscode.MarkdownString[] | undefined {
    const checkpoint = this.sources.meant.named(document, written);
    const head = checkpoint === undefined ? undefined : this.sources.checkpoints.indexed.head(checkpoint);
    return head && [checkpointCard(checkpoint!, head)];
  }

  /** null where nothing is cached or the engine does not answer in time. */
  private async peek({ checkpoint, tensor }: LayerMatch): Promise<PeekResult | null> {
    const layer = tensor.layers[0] ?? tensor.name;
    const asked = this.sources.engine.request('peek', { path: checkpoint, layer, settings: inspectSettings() });
    // An engine that restarts just now is one that does not answer in time: the header still does.
    const reply = await within(
      PEEK_MS,
      asked.catch(() => null),
    );
    return reply?.about.path === checkpoint ? reply.answer : null;
  }
}

function hoverOf(contents: vscode.MarkdownString[], line: number, { start, end }: NameCandidate): vscode.Hover {
  return new vscode.Hover(contents, new vscode.Range(line, start, line, end));
}

/** The best match of each checkpoint. */
function firstOfEach(matches: readonly LayerMatch[]): LayerMatch[] {
  const first = new Map<string, LayerMatch>();
  for (const match of matches) if (!first.has(match.checkpoint)) first.set(match.checkpoint, match);
  return [...first.values()];
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
