/** Runs what other programs asked for, so that they get our errors and no internal ones. */
import * as vscode from 'vscode';
import { problemOf } from '../../shared/rpc';
import { EigenscopeError } from './eigenscopeError';

/** What `work` gives. @throws EigenscopeError; vscode.CancellationError if the token ended it */
export async function told<T>(work: () => Promise<T>, token?: vscode.CancellationToken): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (token?.isCancellationRequested) throw new vscode.CancellationError();
    if (error instanceof EigenscopeError) throw error;
    const { code, message } = problemOf(error);
    throw new EigenscopeError(code, /[.!?]$/.test(message) ? message : `${message}.`);
  }
}
