/**
 * What stands in place of weights where a download or a checkout went wrong: the page of a login, an error in JSON, a
 * pointer of Git LFS, a few words, or zeros where nothing arrived.
 *
 * @see https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
 */
import { CheckpointError } from '../checkpointError';
import { l10n } from '../../shared/language/l10n';

const GIT_LFS_POINTER = 'version https://git-lfs.github.com/spec/';
const LFS_SIZE = /^size (\d+)$/m;

/** At the start of a page, behind a mark of its encoding, spaces or a comment. */
const HTML = /^\s*(<!--[^>]*-->\s*)?<(!doctype html|html|head|body)\b/i;
const TITLE = /<title[^>]*>([^<]*)/i;

/** Marks, lists, dictionaries and classes of pickles before protocol 2, which are text. */
const TEXT_PICKLE = /^([([{}\]]?[dlt]p\d|\([dlit]|c[\w.]+\n\w+\n|[}\]]q)/;

/** The first few bytes of a file that was cut there may look like text. "Not found" is text. */
const LEAST_TEXT = 9;

/** Characters of the text that a message quotes. */
const QUOTED = 80;

/** @returns what is wrong with a file that a checkout or a broken download left; undefined for another */
export function leftByTransfer(file: string, head: Uint8Array): CheckpointError | undefined {
  const text = Buffer.from(head).toString('latin1');
  if (text.startsWith(GIT_LFS_POINTER)) {
    const size = LFS_SIZE.exec(text)?.[1];
    const message =
      size === undefined
        ? l10n.english('is a Git LFS pointer, not the weights themselves')
        : l10n.english(
            'is a Git LFS pointer to a file of {0} bytes, not the weights themselves',
            Number(size).toLocaleString('en'),
          );
    return new CheckpointError('text-file', message, { file, remedy: l10n.english('run "git lfs pull"') });
  }
  if (HTML.test(text)) {
    const title = oneLine(TITLE.exec(Buffer.from(head).toString('utf8'))?.[1] ?? '');
    const message =
      title === ''
        ? l10n.english('is a web page, not weights: a server sent it in place of the file')
        : l10n.english('is a web page ("{0}"), not weights: a server sent it in place of the file', title);
    const remedy = l10n.english(
      'open it as text to see what the server says, and fetch the file again, signed in where it must be',
    );
    return new CheckpointError('text-file', message, { file, remedy });
  }
  if (head.every((byte) => byte === 0)) {
    const message = l10n.english(
      'begins with {0} zero bytes: nothing was written there yet, as in a download that stopped',
      head.length.toLocaleString('en'),
    );
    return new CheckpointError('truncated', message, { file, offset: 0 });
  }
  return undefined;
}

/** @returns what text there is in place of weights; undefined where it is none */
export function textInPlace(file: string, head: Uint8Array): CheckpointError | undefined {
  const text = textOf(head);
  if (text === undefined || text.length < LEAST_TEXT || TEXT_PICKLE.test(text)) return undefined;
  const message = /^\s*[{[]/.test(text)
    ? l10n.english('is JSON text, not weights: it begins with "{0}"', oneLine(text))
    : l10n.english('is text, not weights: it begins with "{0}"', oneLine(text));
  return new CheckpointError('text-file', message, { file });
}

/** Undefined where there are bytes that no text has. */
function textOf(head: Uint8Array): string | undefined {
  const text = Buffer.from(head).toString('utf8');
  // The last character may be cut.
  return /[\p{Cc}\ufffd]/u.test(text.replace(/[\t\n\r]/g, '').replace(/\ufffd$/, '')) ? undefined : text;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > QUOTED ? `${line.slice(0, QUOTED)}…` : line;
}
