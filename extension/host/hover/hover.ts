/**
 * Hovers over layer names and over paths of checkpoints: what the checkpoints of the workspace say about them. Works from
 * the name index and from results that are there already; nothing is computed while a person waits.
 */
import * as vscode from 'vscode';
import type { PeekResult } from '../../protocol';
import type { EngineClient } from '../engineClient';
import { absentCard, checkpointCard, layerCard, othersCard, rangeCard } from './hoverCards';
import { hoverEnabled, inspectSettings } from '../settings';
import type { LayerMatch } from '../workspace/layerIndex';
import { namesCheckpoint } from './loadCalls';
import { namesAt, type NameCandidate } from './nameAtPosition';
import { folderDistance, pathAgreement, SourceMentions } from './sourceMentions';
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

/** Characters of a source file's beginning that say which checkpoints it speaks of. */
const SOURCE_START = 256 * 1024;

export interface HoverSources {
  engine: EngineClient;
  checkpoints: WorkspaceCheckpoints;
  /** True if an editor shows the checkpoint. */
  isOpen: (checkpoint: string) => boolean;
}

/**
 * The rank of a checkpoint among those that may be meant. Smaller is likelier; the first number that differs decides.
 */
type Rank = readonly [unnamed: number, notOpen: number, distance: number];

export function registerHover(sources: HoverSources): vscode.Disposable {
  const selector = HOVER_LANGUAGES.map((language) => ({ language }));
  const hovers = new Hovers(sources);
  return vscode.languages.registerHoverProvider(selector, {
    provideHover: (document, position) => hovers.at(document, position),
  });
}

class Hovers {
  /** Mentions in the source file that was hovered last. */
  private mentioned: { key: string; mentions: SourceMentions } | undefined;

  constructor(private readonly sources: HoverSources) {}

  async at(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    if (!hoverEnabled()) return undefined;
    const { checkpoints } = this.sources;
    await within(
      HEADERS_MS,
      checkpoints.readHeaders().catch(() => undefined),
    ); // the log tells why
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
    const matches = this.ranked(document, this.sources.checkpoints.indexed.index.find(name));
    const [first] = matches;
    if (!first) return undefined;
    // Neither named nor open: one with results is likelier than one without.
    const asked = this.isMeant(document, first.checkpoint) ? [first] : firstOfEach(matches).slice(0, MAX_PEEKED);
    const peeks = await Promise.all(asked.map(async (match) => ({ match, peeked: await this.peek(match) })));
    const { match, peeked } = peeks.find((each) => each.peeked) ?? peeks[0]!;
    const contents = [layerCard(match, peeked)];
    // What only ends alike is another layer where one has the very name.
    const others = matches.filter((other) => other !== match && other.distance <= match.distance);
    if (others.length > 0) contents.push(othersCard(others.slice(0, MAX_OTHERS), others.length - MAX_OTHERS));
    return contents;
  }

  private range(document: vscode.TextDocument, name: string): vscode.MarkdownString[] | undefined {
    const [first] = this.ranked(document, this.sources.checkpoints.indexed.index.ranges(name));
    return first && [rangeCard(first)];
  }

  /**
   * The card of a name that is missing: from a checkpoint that this source file names, an open one, or the only one
   * there is.
   */
  private absent(document: vscode.TextDocument, name: string): vscode.MarkdownString[] | undefined {
    const { index } = this.sources.checkpoints.indexed;
    const [first] = this.ranked(document, index.nearest(name));
    if (!first) return undefined;
    return this.isMeant(document, first.checkpoint) || index.size === 1 ? [absentCard(name, first)] : undefined;
  }

  private checkpoint(document: vscode.TextDocument, written: string): vscode.MarkdownString[] | undefined {
    const { indexed } = this.sources.checkpoints;
    const named = indexed.files.filter((checkpoint) => pathAgreement(written, checkpoint) > 0);
    const [first] = this.ranked(
      document,
      named.map((checkpoint) => ({ checkpoint })),
    );
    const head = first && indexed.head(first.checkpoint);
    return head && [checkpointCard(first.checkpoint, head)];
  }

  /** The likeliest checkpoint first; the order of what is in one stays. */
  private ranked<T extends { checkpoint: string; distance?: number }>(
    document: vscode.TextDocument,
    found: readonly T[],
  ): T[] {
    const ranks = new Map<string, Rank>();
    for (const { checkpoint } of found) {
      if (!ranks.has(checkpoint)) ranks.set(checkpoint, this.rank(document, checkpoint));
    }
    return [...found].sort((a, b) => {
      const [first, second] = [ranks.get(a.checkpoint)!, ranks.get(b.checkpoint)!];
      const byName = (a.distance ?? 0) - (b.distance ?? 0);
      return first[0] - second[0] || first[1] - second[1] || byName || first[2] - second[2];
    });
  }

  private rank(document: vscode.TextDocument, checkpoint: string): Rank {
    const distance = document.uri.scheme === 'file' ? folderDistance(document.uri.fsPath, checkpoint) : 0;
    return [-this.mentionsIn(document).of(checkpoint), this.sources.isOpen(checkpoint) ? 0 : 1, distance];
  }

  /** The source file names it, or an editor shows it. */
  private isMeant(document: vscode.TextDocument, checkpoint: string): boolean {
    const [unnamed, notOpen] = this.rank(document, checkpoint);
    return unnamed < 0 || notOpen === 0;
  }

  private mentionsIn(document: vscode.TextDocument): SourceMentions {
    const key = `${document.version} ${document.uri.toString()}`;
    if (this.mentioned?.key !== key) {
      const start = new vscode.Range(document.positionAt(0), document.positionAt(SOURCE_START));
      this.mentioned = { key, mentions: new SourceMentions(document.getText(start)) };
    }
    return this.mentioned.mentions;
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
