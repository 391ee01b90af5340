/** The host's language: the first module that it evaluates. VS Code has read the bundle of its display language. */
import * as vscode from 'vscode';
import { l10n } from '../shared/language/l10n';

if (vscode.l10n.bundle) l10n.useBundle(vscode.l10n.bundle);
