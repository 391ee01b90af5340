/** Strings of a source file that may be layers' names: string literals in Python, also bare words in data files. */
import { MAX_SOURCE, pythonStrings } from './pythonStrings';

export interface WrittenName {
  text: string;
  /** Offsets in the source. */
  start: number;
  end: number;
}

/** Names that are looked up in one source file. */
const MAX_NAMES = 5000;

/** Content of a string in one line, or a run of what names consist of. */
const QUOTED_OR_PLAIN = /["']([^"'\n]{3,400})["']|([\w./-]{5,400})/g;

/** A name of a tensor has a dot or a slash in it. */
const HAS_PARTS = /[./]/;

/** @param language VS Code's id of it */
export function namesIn(source: string, language: string): WrittenName[] {
  const all = language === 'python' ? pythonStrings(source) : quotedOrPlain(source);
  return all.filter(({ text }) => HAS_PARTS.test(text) && !text.includes('\n')).slice(0, MAX_NAMES);
}

function quotedOrPlain(source: string): WrittenName[] {
  return [...source.slice(0, MAX_SOURCE).matchAll(QUOTED_OR_PLAIN)].map((match) => {
    const text = match[1] ?? match[2]!;
    const start = match.index + (match[1] === undefined ? 0 : 1);
    return { text, start, end: start + text.length };
  });
}
