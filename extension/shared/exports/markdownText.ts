/**
 * Text from files in Markdown: none of it may become a link, a picture, markup, or the end of a cell. A file's author chose
 * that text.
 */
import { visible } from '../visibleText';

/** Characters shown of one text. Names of real checkpoints have some 90; reasons are a sentence or two. */
export const MOST_SHOWN = 400;

/** In Markdown every one of these may begin or end something; so may spaces at either end, and several of them. */
const MARKDOWN_SYNTAX = /[!-/:-@[-`{-~]| {2,}|^ | $/g;

/**
 * Plain text in Markdown. Syntax characters are written as numeric character references, which CommonMark never takes
 * for syntax.
 *
 * @see https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references
 */
export function markdownText(text: string): string {
  return shownText(text).replace(MARKDOWN_SYNTAX, (characters) =>
    Array.from(characters, (character) => `&#${character.charCodeAt(0)};`).join(''),
  );
}

/**
 * A code span in Markdown, one line. Text with a backtick in it is plain text instead: a longer fence would hold it by
 * CommonMark's rules, but VS Code's parser (marked) looks for the end of emphasis without regard to such fences.
 */
export function markdownCode(text: string): string {
  const line = shownText(text);
  return line.includes('`') || line.trim() === '' ? markdownText(text) : `\`${line}\``;
}

/** A name in a cell of a table: code, in which nobody is mentioned and nothing is linked. */
export function markdownCell(name: string): string {
  // A bar ends a cell, in a code span, too.
  const isPlain = !/[`|]/.test(name) && name.trim() !== '';
  return isPlain ? markdownCode(name) : `<code>${markdownText(name)}</code>`;
}

/** Sentences of ours that may quote a name. Their punctuation stays as it is if it can be read as text only. */
export function markdownSentence(text: string): string {
  const isPlain =
    /^[\p{L}\p{N}_ ,.;:'’()–·×±≤%-]*$/u.test(text) &&
    !/\b_|_\b|www\.|:\w+:|^\s|\s$| {2}|^[-_:]|^\d+[.)](\s|$)/.test(text) &&
    text.length <= MOST_SHOWN;
  return isPlain ? text : markdownText(text);
}

export function shownText(text: string): string {
  return visible(ends(text, MOST_SHOWN));
}

/** A text that is too long, without its middle. */
export function ends(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most / 2)}…${text.slice(-most / 2)}`;
}
