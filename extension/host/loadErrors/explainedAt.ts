/** The explanation of the key at a place of a document, from the message around it. */
import * as vscode from 'vscode';
import type { Explained, Explainer } from './explainer';
import { keyProblems, type KeyProblem } from './keyProblems';

/** Lines before and after one that may be the same message, and their characters. */
const AROUND = 400;
const MOST_AROUND = 512 * 1024;

/** @returns undefined where no message about a key stands, or no checkpoint can be told to be meant */
export function explainedAt(
  explainer: Explainer,
  document: vscode.TextDocument,
  range: vscode.Range,
): (Explained & { name: string; range: vscode.Range }) | undefined {
  // Most lines are none: the others are not looked at for them.
  const offset = document.offsetAt(new vscode.Position(range.start.line, 0));
  const here = keyProblems(document.lineAt(range.start.line).text);
  const own = here.find((each) => rangeOf(document, each, offset).intersection(range));
  if (!own) return undefined;
  const message = messageAround(document, range.start.line);
  const checkpoint = explainer.checkpointOf(message, document);
  const explained = checkpoint === undefined ? undefined : explainer.explain(own, message, checkpoint);
  return explained && { ...explained, name: own.name, range: rangeOf(document, own, offset) };
}

function messageAround(document: vscode.TextDocument, line: number): KeyProblem[] {
  const first = new vscode.Position(Math.max(0, line - AROUND), 0);
  const start = document.offsetAt(first);
  const last = document.offsetAt(new vscode.Position(line + AROUND, 0));
  const end = document.positionAt(Math.min(last, start + MOST_AROUND));
  return keyProblems(document.getText(new vscode.Range(first, end)));
}

/** @param offset in the document of the text that the problem was found in */
export function rangeOf(document: vscode.TextDocument, { start, end }: KeyProblem, offset: number): vscode.Range {
  return new vscode.Range(document.positionAt(offset + start), document.positionAt(offset + end));
}
