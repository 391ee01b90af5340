/** Windows of tokens that do not overlap: what a model is calibrated and evaluated on. */
import { CheckpointError } from '../../checkpoint/checkpointError';
import { mulberry32 } from '../../spectral/seededRandom';
import type { IndexedTokens, SeekableTokens, TokenSource } from './textTokens';

/** The length at which perplexities are usually given, where the model reads that far. */
const USUAL_LENGTH = 2048;

/** Texts up to this size are tokenised whole to choose among all their windows: some minutes. */
const READ_WHOLE_BYTES = 64 * 1024 * 1024;

/** Of a stretch of a large text: where a window may begin, so that it ends before the next one. */
const BEGINNINGS = 0.75;

export interface WindowRequest {
  /** Tokens in a window. */
  readonly length: number;
  /** Windows wanted; there are fewer where the text is short. */
  readonly count: number;
  /** The first ones, or ones by chance: the same for the same seed. */
  readonly choice: 'first' | { readonly seed: number };
  /** Ids that the model knows. */
  readonly vocabulary: number;
}

/**
 * Tokens in a window: what is asked for, else 2048 or what the model reads at most.
 *
 * @param most tokens that the model reads at most, where it says so
 * @throws CheckpointError `limit` where more is asked for than that
 */
export function windowLength(asked: number | undefined, most: number | undefined, file: string): number {
  if (asked === undefined) return Math.min(USUAL_LENGTH, most ?? USUAL_LENGTH);
  if (most === undefined || asked <= most) return asked;
  const reason = `reads ${most} tokens at most, and windows of ${asked} are asked for`;
  throw new CheckpointError('limit', reason, { file, remedy: `ask for windows of up to ${most}` });
}

/**
 * Windows of equal length, in the order of the text. Of a text, no more is read than they need; windows by chance out of a large
 * text begin at places of its own stretches, and a part of it is read for each.
 *
 * @throws CheckpointError `truncated` where there are too few tokens for one window; `malformed` for an id that the model does
 *   not know; what the source throws
 */
export async function tokenWindows(
  source: TokenSource,
  request: WindowRequest,
  signal?: AbortSignal,
): Promise<readonly Int32Array[]> {
  const { choice } = request;
  if (choice === 'first') return firstWindows(source, request, signal);
  const random = mulberry32(choice.seed);
  if (source.indexed) return indexedWindows(source, source.indexed, request, random, signal);
  if (source.seekable && source.seekable.bytes > READ_WHOLE_BYTES) {
    const windows = await scatteredWindows(source, source.seekable, request, random, signal);
    if (windows) return windows;
  }
  return sampledWindows(source, request, random, signal);
}

async function firstWindows(source: TokenSource, request: WindowRequest, signal?: AbortSignal): Promise<Int32Array[]> {
  const windows: Int32Array[] = [];
  for await (const window of allWindows(source, source.ids(signal), request)) {
    windows.push(window);
    if (windows.length >= request.count) break;
  }
  return windows;
}

/** Every window of a text has the same chance, and no more are held than are wanted (Vitter's algorithm R). */
async function sampledWindows(
  source: TokenSource,
  request: WindowRequest,
  random: () => number,
  signal?: AbortSignal,
): Promise<Int32Array[]> {
  const kept: { index: number; window: Int32Array }[] = [];
  let index = 0;
  for await (const window of allWindows(source, source.ids(signal), request)) {
    const place = index < request.count ? index : Math.floor(random() * (index + 1));
    if (place < request.count) kept[place] = { index, window };
    index++;
  }
  return kept.sort((a, b) => a.index - b.index).map(({ window }) => window);
}

async function indexedWindows(
  source: TokenSource,
  { count, read }: IndexedTokens,
  { length, count: wanted, vocabulary }: WindowRequest,
  random: () => number,
  signal?: AbortSignal,
): Promise<Int32Array[]> {
  const all = Math.floor(count / length);
  if (all === 0) throw tooShort(source.file, count, length);
  const windows: Int32Array[] = [];
  for (const index of chosen(all, wanted, random)) {
    const window = await read(index * length, (index + 1) * length, signal);
    window.forEach((id, i) => assertKnown(id, index * length + i, vocabulary, source));
    windows.push(window);
  }
  return windows;
}

/** `wanted` different numbers below `all`, in order. @see Robert Floyd's sampling (CACM 1987) */
function chosen(all: number, wanted: number, random: () => number): number[] {
  const found = new Set<number>();
  for (let last = all - Math.min(all, wanted); last < all; last++) {
    const candidate = Math.floor(random() * (last + 1));
    found.add(found.has(candidate) ? last : candidate);
  }
  return [...found].sort((a, b) => a - b);
}

/** One window out of each of as many equal stretches of the file; undefined where one does not fit into its stretch. */
async function scatteredWindows(
  source: TokenSource,
  { bytes, ids }: SeekableTokens,
  request: WindowRequest,
  random: () => number,
  signal?: AbortSignal,
): Promise<Int32Array[] | undefined> {
  const stretch = bytes / request.count;
  const windows: Int32Array[] = [];
  for (let i = 0; i < request.count; i++) {
    const start = Math.floor((i + random() * BEGINNINGS) * stretch);
    const window = await firstOf(source, ids(start, Math.floor((i + 1) * stretch), signal), request);
    if (!window) return undefined;
    windows.push(window);
  }
  return windows;
}

async function firstOf(
  source: TokenSource,
  ids: AsyncIterable<ArrayLike<number>>,
  request: WindowRequest,
): Promise<Int32Array | undefined> {
  try {
    for await (const window of allWindows(source, ids, request)) return window;
  } catch (error) {
    if (!(error instanceof TooFewTokens)) throw error;
  }
  return undefined;
}

async function* allWindows(
  { file, description }: TokenSource,
  ids: AsyncIterable<ArrayLike<number>>,
  { length, vocabulary }: WindowRequest,
): AsyncGenerator<Int32Array> {
  let window = new Int32Array(length);
  let filled = 0;
  let index = 0;
  let found = false;
  for await (const list of ids) {
    for (let i = 0; i < list.length; i++) {
      assertKnown(list[i]!, index++, vocabulary, { file, description });
      window[filled++] = list[i]!;
      if (filled < length) continue;
      found = true;
      yield window;
      window = new Int32Array(length);
      filled = 0;
    }
  }
  if (!found) throw tooShort(file, index, length);
}

/** A text with less than one window. */
class TooFewTokens extends CheckpointError {}

function tooShort(file: string, count: number, length: number): TooFewTokens {
  const reason = `has ${count} ${count === 1 ? 'token' : 'tokens'}, fewer than one window of ${length}`;
  const remedy = count > 1 ? `give a longer text, or windows of up to ${count}` : 'give a longer text';
  return new TooFewTokens('truncated', reason, { file, remedy });
}

/** @throws CheckpointError `malformed` where the model has no such token */
function assertKnown(
  id: number,
  index: number,
  vocabulary: number,
  { file, description }: Pick<TokenSource, 'file' | 'description'>,
): void {
  if (id < vocabulary) return;
  const reason = `token ${index + 1} is ${id}, and the model knows ids up to ${vocabulary - 1} (${description})`;
  throw new CheckpointError('malformed', reason, { file, remedy: 'use the tokenizer and the ids of this model' });
}
