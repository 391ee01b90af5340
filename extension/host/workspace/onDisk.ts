/**
 * Tells the URIs that the engine can open: files on a disk of the machine that the extension runs on, be it here or
 * behind Remote-SSH, WSL, a container or code-server. A virtual file system (a repository on the web, a version in Git,
 * an archive) hands out whole files only, and a checkpoint does not fit into memory.
 */
import * as vscode from 'vscode';
import { l10n } from '../../shared/language/l10n';
import type { Problem } from '../../shared/tensors';

/** What is wrong with the URI; undefined for a file on a disk. */
export function notOnDisk(uri: vscode.Uri): Problem | undefined {
  if (uri.scheme === 'file') return undefined;
  const message = l10n.t(
    '{0} is in a virtual file system ({1}), which gives whole files only: checkpoints are read in parts, where they lie. Save it to a disk, or open its folder on the machine that has it, for instance with Remote-SSH.',
    uri.path,
    uri.scheme,
  );
  return { code: 'unsupported', message, file: uri.toString() };
}
