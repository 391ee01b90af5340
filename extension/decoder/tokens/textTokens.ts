/**
 * The tokens of a file: a text (any suffix) by the model's tokenizer, or ids (`.npy`, `.bin`). A `.jsonl` has either: lines
 * `{"text": …}`, joined by an empty line as perplexity scripts join documents, or `{"input_ids": […]}`, `{"tokens": […]}` or `[…]`,
 * one after the other.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../../checkpoint/checkpointError';
import { fileError } from '../../checkpoint/files/fileReader';
import { isObject } from '../../checkpoint/files/jsonFile';
import { own } from '../../checkpoint/quantised/quantisationConfig';
import { checkedId, openBareIds, openNumpyIds, readIds, type IdFile } from './idFile';
import { TextCuts } from './textCuts';
import { textLines, textParts } from './textFile';
import { idsOfParts } from './textIds';
import type { TextTokenizer } from './textTokenizer';

/** Ids that are read at a time. */
const IDS_READ = 64 * 1024;

/** What is looked at, before and behind a place in the middle of a text, to find where it may be begun. */
const SOUGHT_CHARACTERS = 64 * 1024;

const BETWEEN_DOCUMENTS = '\n\n';

export interface TokenSource {
  readonly file: string;
  /** What the tokens are, for people: "text, tokenizer.json", "uint16 ids". */
  readonly description: string;
  /** All tokens from the beginning, a list at a time. */
  ids(signal?: AbortSignal): AsyncIterable<ArrayLike<number>>;
  readonly indexed?: IndexedTokens;
  readonly seekable?: SeekableTokens;
}

/** Tokens that can be read by their numbers. */
export interface IndexedTokens {
  readonly count: number;
  readonly read: (start: number, end: number, signal?: AbortSignal) => Promise<Int32Array>;
}

/** Tokens that can be had from the middle of a text. */
export interface SeekableTokens {
  /** Of the file. */
  readonly bytes: number;
  /** Tokens from about byte `start` on, up to `end`. */
  readonly ids: (start: number, end: number, signal?: AbortSignal) => AsyncIterable<ArrayLike<number>>;
}

export interface TokenOptions {
  /** Ids that the model knows: rows of its embedding. */
  readonly vocabulary: number;
  /** The model's tokenizer; asked for where the file is a text. */
  readonly tokenizer: () => Promise<TextTokenizer>;
  readonly signal?: AbortSignal;
}

/**
 * @throws CheckpointError `malformed` for a tokenizer that has more tokens than the model; what the file's and the tokenizer's
 *   readers throw
 */
export async function openTokens(file: string, { vocabulary, tokenizer, signal }: TokenOptions): Promise<TokenSource> {
  switch (path.extname(file).toLowerCase()) {
    case '.npy':
      return indexedSource(await openNumpyIds(file, signal));
    case '.bin':
      return indexedSource(await openBareIds(file, vocabulary, signal));
    case '.jsonl':
      return await linesSource(file, async () => fitting(await tokenizer(), vocabulary), signal);
    default:
      return await textSource(file, fitting(await tokenizer(), vocabulary));
  }
}

/** @throws CheckpointError `malformed` where it is another model's */
function fitting(tokenizer: TextTokenizer, vocabulary: number): TextTokenizer {
  const { size, file } = tokenizer;
  if (size <= vocabulary) return tokenizer;
  const reason = `is not this model’s tokenizer: its ids go up to ${size - 1}, and the model’s embedding has ${vocabulary} rows`;
  throw new CheckpointError('malformed', reason, { file, remedy: 'put the model’s own there, or give token ids' });
}

function indexedSource(ids: IdFile): TokenSource {
  const { file, count, stored } = ids;
  return {
    file,
    description: `${stored} ids`,
    indexed: { count, read: (start, end, signal) => readIds(ids, start, end, signal) },
    async *ids(signal) {
      for (let at = 0; at < count; at += IDS_READ) yield await readIds(ids, at, Math.min(count, at + IDS_READ), signal);
    },
  };
}

async function textSource(file: string, tokenizer: TextTokenizer): Promise<TokenSource> {
  const identity = await stat(file).catch((error: unknown) => {
    throw fileError(error, file);
  });
  const cuts = new TextCuts(tokenizer);
  return {
    file,
    description: described(tokenizer),
    ids: (signal) =>
      around(tokenizer, idsOfParts(tokenizer, textParts(file, undefined, signal, identity), { file, cuts })),
    seekable: {
      bytes: identity.size,
      async *ids(start, end, signal) {
        const parts = textParts(file, { start, end }, signal, identity);
        try {
          let held = '';
          while (held.length < SOUGHT_CHARACTERS) {
            const part = await parts.next();
            if (part.done) break;
            held += part.value;
          }
          const at = cuts.next(held, held.length >> 2);
          if (at === undefined) return;
          yield* idsOfParts(tokenizer, joined(held.slice(at), parts), { file, cuts, before: held.slice(0, at) });
        } finally {
          await parts.return(undefined);
        }
      },
    },
  };
}

async function* joined(first: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

async function linesSource(
  file: string,
  tokenizer: () => Promise<TextTokenizer>,
  signal?: AbortSignal,
): Promise<TokenSource> {
  for await (const { line, number } of textLines(file, signal)) {
    const first = documentOf(line, number, file);
    if (typeof first !== 'string') return { file, description: 'ids in lines', ids: (stop) => idsOfLines(file, stop) };
    const one = await tokenizer();
    const cuts = new TextCuts(one);
    const ids = (stop?: AbortSignal): AsyncIterable<ArrayLike<number>> =>
      around(one, idsOfParts(one, textsOfLines(file, stop), { file, cuts }));
    return { file, description: described(one), ids };
  }
  throw new CheckpointError('malformed', 'has no line that is not empty', { file, remedy: LINES });
}

const LINES = 'write lines {"text": …} or {"input_ids": […]}';

function described({ file }: TextTokenizer): string {
  return `text, ${path.basename(file)}`;
}

/** What the tokenizer puts around a text, with the ids of the text in between. */
async function* around(
  tokenizer: TextTokenizer,
  ids: AsyncIterable<ArrayLike<number>>,
): AsyncGenerator<ArrayLike<number>> {
  const { start, end } = tokenizer.affixes;
  if (start.length > 0) yield start;
  yield* ids;
  if (end.length > 0) yield end;
}

async function* textsOfLines(file: string, signal?: AbortSignal): AsyncGenerator<string> {
  let between = '';
  for await (const { line, number } of textLines(file, signal)) {
    const text = documentOf(line, number, file);
    if (typeof text !== 'string') throw badLine(file, number, 'has ids, and the first line has a text');
    yield between + text;
    between = BETWEEN_DOCUMENTS;
  }
}

async function* idsOfLines(file: string, signal?: AbortSignal): AsyncGenerator<number[]> {
  let index = 0;
  for await (const { line, number } of textLines(file, signal)) {
    const ids = documentOf(line, number, file);
    if (typeof ids === 'string') throw badLine(file, number, 'has a text, and the first line has ids');
    yield ids.map((id) => checkedId(id, index++, file));
  }
}

/** A line's text, or its ids. @throws CheckpointError `malformed` where it has neither */
function documentOf(line: string, number: number, file: string): string | readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw badLine(file, number, 'is not JSON');
  }
  if (Array.isArray(value)) return value as unknown[];
  const fields = isObject(value) ? value : {};
  const text = own(fields, 'text');
  if (typeof text === 'string') return text;
  const ids = own(fields, 'input_ids') ?? own(fields, 'tokens');
  if (Array.isArray(ids)) return ids as unknown[];
  const keys = Object.keys(fields).slice(0, 10).join(', ') || 'no keys';
  throw badLine(file, number, `has neither "text" nor "input_ids" nor "tokens" (it has ${keys})`);
}

function badLine(file: string, number: number, reason: string): CheckpointError {
  return new CheckpointError('malformed', `line ${number} ${reason}`, { file, remedy: LINES });
}
