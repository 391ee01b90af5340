/**
 * Places where a text may be cut in two so that the ids of the halves, one after the other, are the ids of the whole.
 *
 * Such a place lies between a line's end and a letter, with no white space before that end; else before a single space between two
 * letters. It must hold two things. (1) No token has the two neighbouring characters in it: then no merge, and no token of the best
 * segmentation, goes across, whatever stands around. (2) The ids of what is before, alone, are the first ids of the same with
 * what follows: then no step that cuts texts into words looks across. Steps look at the run of characters they are in, so that a few
 * hundred characters on both sides tell.
 */
import type { TextTokenizer } from './textTokenizer';

/** Characters before a cut that are looked at: lines of prose have some hundred. */
export const CONTEXT = 256;

/** And after it. */
export const LOOKAHEAD = 256;

/** Places of a kind that are tried, from one end of a text. */
const MOST_TRIED = 16;

const LETTER = /^\p{L}/u;
const SPACE = /\s/;

/** A line's end and a space as they are, and as ByteLevel and SentencePiece write them. */
const LINE_ENDS: readonly string[] = ['\n', 'Ċ'];
const SPACES: readonly string[] = [' ', 'Ġ', '▁'];

export class TextCuts {
  /** Characters that come behind a line's end, and before a space, in some token. */
  private readonly afterLineEnd = new Set<string>();
  private readonly beforeSpace = new Set<string>();

  constructor(private readonly tokenizer: TextTokenizer) {
    for (const token of tokenizer.tokens) {
      const characters = Array.from(token);
      for (let i = 1; i < characters.length; i++) {
        if (LINE_ENDS.includes(characters[i - 1]!)) this.afterLineEnd.add(characters[i]!);
        if (SPACES.includes(characters[i]!)) this.beforeSpace.add(characters[i - 1]!);
      }
    }
  }

  /** The last place up to `most` characters from the start, or undefined; `before` is what stands before the text. */
  last(before: string, text: string, most: number): number | undefined {
    return this.first(before, text, function* () {
      for (let at = Math.min(most, text.length - 1); at > 0; at--) yield at;
    });
  }

  /** The first place from `least` characters on, or undefined. */
  next(text: string, least: number): number | undefined {
    return this.first('', text, function* () {
      for (let at = least; at < text.length; at++) yield at;
    });
  }

  private first(before: string, text: string, places: () => Iterable<number>): number | undefined {
    for (const kind of ['line', 'word'] as const) {
      let tried = 0;
      for (const at of places()) {
        if (!(kind === 'line' ? this.startsLine(text, at) : this.startsWord(text, at))) continue;
        if (this.holds(before, text, at)) return at;
        if (++tried >= MOST_TRIED) break;
      }
    }
    return undefined;
  }

  private startsLine(text: string, at: number): boolean {
    if (text[at - 1] !== '\n' || at < 2 || SPACE.test(text[at - 2]!)) return false;
    const letter = letterAt(text, at);
    return letter !== undefined && !shapes(letter, 'first').some((shape) => this.afterLineEnd.has(shape));
  }

  private startsWord(text: string, at: number): boolean {
    if (text[at] !== ' ' || letterAt(text, at + 1) === undefined) return false;
    // The second half of a pair of surrogates is no letter.
    const letter = letterAt(text, at - 1);
    return letter !== undefined && !shapes(letter, 'last').some((shape) => this.beforeSpace.has(shape));
  }

  private holds(before: string, text: string, at: number): boolean {
    const left = contextOf(before + text.slice(Math.max(0, at - 2 * CONTEXT), at));
    const right = text.slice(at, at + LOOKAHEAD);
    return continued(this.tokenizer, left, right) !== undefined;
  }
}

/** What is looked at of a text before a cut at its end: it never begins with half a character. */
export function contextOf(text: string): string {
  const context = text.slice(-CONTEXT);
  return /^[\udc00-\udfff]/.test(context) ? context.slice(1) : context;
}

/** Ids of `text` after `context`, or undefined where the ids of both do not begin with those of the context. */
export function continued(tokenizer: TextTokenizer, context: string, text: string): number[] | undefined {
  const known = tokenizer.encode(context);
  const both = tokenizer.encode(context + text);
  return known.every((id, i) => both[i] === id) ? both.slice(known.length) : undefined;
}

function letterAt(text: string, at: number): string | undefined {
  const code = text.codePointAt(at);
  const character = code === undefined ? '' : String.fromCodePoint(code);
  return LETTER.test(character) ? character : undefined;
}

/** How a letter may stand in a token: itself, normalised, its first or last byte as ByteLevel writes it. */
function shapes(letter: string, which: 'first' | 'last'): string[] {
  const forms = [letter, letter.normalize('NFKD'), letter.normalize('NFKC')].flatMap((form) => [
    form,
    form.toLowerCase(),
  ]);
  const end = which === 'first' ? 0 : -1;
  return forms.flatMap((form) => [Array.from(form).at(end)!, byteCharacter(Buffer.from(form).at(end)!)]);
}

/** The letter that ByteLevel writes for a byte. @see https://github.com/openai/gpt-2/blob/master/src/encoder.py */
function byteCharacter(byte: number): string {
  const shown = (value: number): boolean => (value >= 33 && value <= 126) || (value >= 161 && value !== 173);
  if (shown(byte)) return String.fromCharCode(byte);
  let hidden = 0;
  for (let value = 0; value < byte; value++) if (!shown(value)) hidden++;
  return String.fromCharCode(256 + hidden);
}
