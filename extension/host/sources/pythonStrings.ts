/** The string literals of Python source in one pass over its text, comments left out. */

/** Characters of a source file that are looked through, and literals in it: what is beyond is left alone. */
export const MAX_SOURCE = 256 * 1024;
const MAX_STRINGS = 5000;

/** Characters before a literal that say what it is for. */
const BEFORE = 160;

export interface PythonString {
  /** As it is written: escapes are not resolved. */
  text: string;
  /** Offsets of the first character behind the opening quote, and of the closing quote. */
  start: number;
  end: number;
  /** The code before the quote, some of it, a prefix such as `f` included. */
  before: string;
}

/** In the order of the source. A literal that is not closed ends with its line; one in three quotes, with the source. */
export function pythonStrings(source: string): PythonString[] {
  const strings: PythonString[] = [];
  const text = source.slice(0, MAX_SOURCE);
  for (let at = 0; at < text.length && strings.length < MAX_STRINGS;) {
    const character = text[at];
    if (character === '#') at = endOfLine(text, at);
    else if (character === '"' || character === "'") {
      const fence = text.startsWith(character.repeat(3), at) ? character.repeat(3) : character;
      const start = at + fence.length;
      const end = closing(text, start, fence);
      strings.push({ text: text.slice(start, end), start, end, before: text.slice(Math.max(0, at - BEFORE), at) });
      at = text.startsWith(fence, end) ? end + fence.length : end + 1;
    } else at += 1;
  }
  return strings;
}

function closing(text: string, start: number, fence: string): number {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text.startsWith(fence, at)) return at;
    else if (text[at] === '\n' && fence.length === 1) return at;
  }
  return text.length;
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end < 0 ? text.length : end;
}
