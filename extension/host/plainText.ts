/**
 * Makes text from files (names of tensors, classes, files and folders; reasons that quote them) safe wherever VS Code
 * reads markup: hovers, lists, notifications and the log. A file's author chose that text: none of it may become a
 * link, a picture, a command or an icon.
 */
import type * as vscode from 'vscode';
import { visible } from '../shared/visibleText';

/** Characters shown of one text. Names of real checkpoints have some 90; reasons are a sentence or two. */
const MOST_SHOWN = 400;

/** In Markdown every one of these may begin or end something; so may spaces at either end, and several of them. */
const MARKDOWN_SYNTAX = /[!-/:-@[-`{-~]| {2,}|^ | $/g;

/**
 * Plain text in Markdown. Syntax characters are written as numeric character references, which CommonMark never takes
 * for syntax.
 *
 * @see https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references
 */
export function markdownText(text: string): string {
  return shown(text).replace(MARKDOWN_SYNTAX, (characters) =>
    Array.from(characters, (character) => `&#${character.charCodeAt(0)};`).join(''),
  );
}

/**
 * A code span in Markdown, one line. Text with a backtick in it is plain text instead: a longer fence would hold it by
 * CommonMark's rules, but VS Code's parser (marked) looks for the end of emphasis without regard to such fences.
 */
export function markdownCode(text: string): string {
  const line = shown(text);
  return line.includes('`') || line.trim() === '' ? markdownText(text) : `\`${line}\``;
}

/** Entries of lists, where `$(name)` is an icon. @returns one line */
export function listText(text: string): string {
  return shown(text).replaceAll('$(', '\\$(');
}

/** Notifications and their progress, where `[label](command:…)` is a link that runs a command. @returns one line */
export function notificationText(text: string): string {
  return visible(ends(text, 2 * MOST_SHOWN)).replaceAll('](', '] (');
}

/** Characters of a line of the log: what the engine says when it dies is some hundreds. */
const MOST_LOGGED = 4000;

const LEVELS: ReadonlySet<string | symbol> = new Set(['trace', 'debug', 'info', 'warn', 'error']);

/** The same log, in which a message cannot look like several. */
export function plainLog(log: vscode.LogOutputChannel): vscode.LogOutputChannel {
  return new Proxy(log, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (!LEVELS.has(key)) return value.bind(target) as unknown;
      return (message: unknown, ...rest: unknown[]): unknown =>
        value.call(
          target,
          logText(message instanceof Error ? (message.stack ?? message.message) : String(message)),
          ...rest,
        );
    },
  });
}

/** Further lines of one message are indented. */
function logText(text: string): string {
  return text
    .split('\n')
    .map((line) => visible(ends(line, MOST_LOGGED)))
    .join('\n    ');
}

function shown(text: string): string {
  return visible(ends(text, MOST_SHOWN));
}

/** A text that is too long, without its middle. */
function ends(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most / 2)}…${text.slice(-most / 2)}`;
}
