/** Targets of a save that the engine refuses before any work is done: only it knows all files of a model. */
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import { problemOf } from '../../shared/rpc';

/**
 * Tells a person why a target was refused.
 *
 * @param codes of refusals that another name answers
 * @returns true if they want to choose another name
 * @throws the error, if it is no such refusal
 */
export async function choosesAnotherName(error: unknown, codes: readonly string[]): Promise<boolean> {
  const { code, message } = problemOf(error);
  if (!codes.includes(code)) throw error;
  const again = l10n.t('Choose Another Name');
  return (await vscode.window.showWarningMessage(message, { modal: true }, again)) === again;
}
