/** Names that save dialogs propose begin with the checkpoint's. */
import path from 'node:path';
import type * as vscode from 'vscode';

/** Its file name without the ending, and without `.index`. */
export function checkpointName(source: vscode.Uri): string {
  return path.basename(source.fsPath).replace(/(\.index)?\.[^.]+$/, '');
}
