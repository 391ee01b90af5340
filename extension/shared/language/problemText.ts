/** What went wrong, in the reader's language as far as it is known there. */
import { problemOf } from '../rpc';
import { l10n } from './l10n';

/** @param error what a request was refused with, or any other error */
export function problemText(error: unknown): string {
  return l10n.known(problemOf(error).message);
}
