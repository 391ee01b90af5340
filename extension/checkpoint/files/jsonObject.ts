/**
 * The entries of one JSON object, found in its bytes without building it. Unlike `JSON.parse` this keeps the order
 * and duplicates of keys, knows the byte where something is wrong, and lets a reader take what it needs out of a large
 * header (values are parsed one by one, or skipped).
 *
 * @see https://www.rfc-editor.org/rfc/rfc8259
 */
import { isUtf8 } from 'node:buffer';
import { MAX_NAME } from '../elements/names';

/** Deeper nesting than any header needs; a value nested deeper is refused before anything is built from it. */
const MAX_DEPTH = 64;

/** Longest key; each character can be an escape of 6 bytes. */
const LONGEST_KEY_BYTES = 6 * MAX_NAME + 2;

export interface JsonEntry {
  /** Only its beginning, which is longer than `MAX_NAME`, where it is much longer than that. */
  readonly key: string;
  /** Byte of the key's opening quote. */
  readonly keyOffset: number;
  /** The value's bytes: [start, end). */
  readonly start: number;
  readonly end: number;
}

/** Not JSON, at this byte of the buffer. */
export class JsonSyntaxError extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}

const BYTE = {
  tab: 0x09,
  lineFeed: 0x0a,
  return: 0x0d,
  space: 0x20,
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

/**
 * Entries of the object that begins at `from` (white space before it is skipped), in file order. Generator's return
 * value: the byte after the closing brace.
 *
 * @throws JsonSyntaxError
 */
export function* objectEntries(json: Buffer, from = 0): Generator<JsonEntry, number> {
  let at = skipSpace(json, from);
  expect(json, at, BYTE.openBrace, 'an object');
  at = skipSpace(json, at + 1);
  if (json[at] === BYTE.closeBrace) return at + 1;
  for (;;) {
    const keyOffset = at;
    const keyEnd = skipString(json, keyOffset);
    const key = parseKey(json, keyOffset, keyEnd);
    at = skipSpace(json, keyEnd);
    expect(json, at, BYTE.colon, '":" after a key');
    const start = skipSpace(json, at + 1);
    const end = skipValue(json, start);
    yield { key, keyOffset, start, end };
    at = skipSpace(json, end);
    if (json[at] === BYTE.closeBrace) return at + 1;
    expect(json, at, BYTE.comma, '"," or "}"');
    at = skipSpace(json, at + 1);
  }
}

/**
 * The value in [start, end), parsed.
 *
 * @throws JsonSyntaxError
 */
export function parseValue(json: Buffer, start: number, end: number): unknown {
  return json[start] === BYTE.quote ? parseString(json, start, end) : parseJson(json, start, end);
}

function parseJson(json: Buffer, start: number, end: number): unknown {
  const text = decode(json, start, end);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new JsonSyntaxError(`is not JSON (${error instanceof Error ? error.message : String(error)})`, start);
  }
}

/** Nearly everything in a header is ASCII, which is decoded several times faster and with less garbage. */
function decode(json: Buffer, start: number, end: number): string {
  for (let i = start; i < end; i++) {
    if (json[i]! < 0x80) continue;
    if (!isUtf8(json.subarray(start, end))) throw new JsonSyntaxError('is not UTF-8 text', start);
    return json.toString('utf8', start, end);
  }
  return json.toString('latin1', start, end);
}

/** First byte at or after `at` that is not white space. */
export function skipSpace(json: Buffer, at: number): number {
  for (;;) {
    const byte = json[at];
    if (byte !== BYTE.space && byte !== BYTE.lineFeed && byte !== BYTE.return && byte !== BYTE.tab) return at;
    at++;
  }
}

function expect(json: Buffer, at: number, byte: number, what: string): void {
  if (json[at] !== byte) throw unexpected(json, at, what);
}

function unexpected(json: Buffer, at: number, what: string): JsonSyntaxError {
  const found = at >= json.length ? 'the end' : JSON.stringify(String.fromCharCode(json[at]!));
  return new JsonSyntaxError(`expected ${what}, found ${found}`, at);
}

/** Byte after the string that begins at `at`. */
function skipString(json: Buffer, at: number): number {
  expect(json, at, BYTE.quote, 'a string');
  for (let i = at + 1; i < json.length; i++) {
    const byte = json[i];
    if (byte === BYTE.quote) return i + 1;
    if (byte === BYTE.backslash) i++;
  }
  throw new JsonSyntaxError('a string without an end', at);
}

/** A key that is too long is not made a text of: it is its beginning, one character longer than any name may be. */
function parseKey(json: Buffer, start: number, end: number): string {
  if (end - start <= LONGEST_KEY_BYTES) return parseString(json, start, end);
  return json.toString('latin1', start + 1, start + 1 + MAX_NAME + 1);
}

function parseString(json: Buffer, start: number, end: number): string {
  for (let i = start + 1; i < end - 1; i++) {
    const byte = json[i]!;
    if (byte >= 0x80 || byte === BYTE.backslash || byte < BYTE.space) return parseJson(json, start, end) as string;
  }
  // Plain ASCII, as almost every name is: nothing to unescape.
  return json.toString('latin1', start + 1, end - 1);
}

/** Byte after the value that begins at `at`. Finds its end only; `parseValue` checks what is inside. */
function skipValue(json: Buffer, at: number): number {
  const first = json[at];
  if (first === BYTE.quote) return skipString(json, at);
  if (first === BYTE.openBrace || first === BYTE.openBracket) return skipNested(json, at);
  let end = at;
  while (end < json.length && !isDelimiter(json[end]!)) end++;
  if (end === at) throw unexpected(json, at, 'a value');
  return end;
}

function skipNested(json: Buffer, at: number): number {
  let depth = 0;
  for (let i = at; i < json.length; i++) {
    switch (json[i]) {
      case BYTE.quote:
        i = skipString(json, i) - 1;
        break;
      case BYTE.openBrace:
      case BYTE.openBracket:
        if (++depth > MAX_DEPTH) throw new JsonSyntaxError(`nested deeper than ${MAX_DEPTH} levels`, i);
        break;
      case BYTE.closeBrace:
      case BYTE.closeBracket:
        if (--depth === 0) return i + 1;
        break;
    }
  }
  throw new JsonSyntaxError('an object or array without an end', at);
}

function isDelimiter(byte: number): boolean {
  return byte === BYTE.comma || byte === BYTE.closeBrace || byte === BYTE.closeBracket || byte <= BYTE.space;
}
