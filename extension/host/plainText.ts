/**
 * Makes text from files (names of tensors, classes, files and folders; reasons that quote them) safe wherever VS Code
 * reads markup: hovers, lists, notifications and the log. A file's author chose that text: none of it may become a
 * link, a picture, a command or an icon.
 */
import type * as vscode from 'vscode';
import { ends, shownText as shown, MOST_SHOWN } from '../shared/exports/markdownText';
import { visible } from '../shared/visibleText';

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
