/**
 * The page of a checkpoint's view: the bundled script and styles, with nothing allowed that they do not need. Both are
 * in the page itself: fetched from it, they took a third of a second more, which is what the table then waited for.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';

export interface ViewBundle {
  script: string;
  style: string;
}

/** @throws the file system's error where the extension's own files are missing */
export async function readViewBundle(extension: vscode.Uri): Promise<ViewBundle> {
  const read = (name: string): Promise<string> => readFile(path.join(extension.fsPath, 'dist', name), 'utf8');
  const [script, style] = await Promise.all([read('webview.js'), read('webview.css')]);
  return { script, style };
}

/** What a view may load: our bundles and pictures. */
export function resourceRoots(extension: vscode.Uri): vscode.Uri[] {
  return [vscode.Uri.joinPath(extension, 'dist'), vscode.Uri.joinPath(extension, 'media')];
}

export function viewHtml(webview: vscode.Webview, extension: vscode.Uri, bundle: ViewBundle, title: string): string {
  const nonce = randomBytes(18).toString('base64');
  // The toolkit probes for :focus-visible with a style element, which takes its nonce from the meta element below.
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `font-src ${webview.cspSource}`,
    `img-src ${webview.cspSource}`,
  ].join('; ');
  const folder = webview.asWebviewUri(vscode.Uri.joinPath(extension, 'dist')).toString();
  // The bundler writes no "</script>" and no "</style>" into its output, which alone could end them here.
  return `<!doctype html>
<html lang="${escapeHtml(vscode.env.language)}">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta property="csp-nonce" content="${nonce}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapeHtml(title)}</title>
    <style nonce="${nonce}">${bundle.style.replaceAll('url("./', `url("${folder}/`)}</style>
  </head>
  <body>
    <div id="app"></div>
    <script nonce="${nonce}">${bundle.script}</script>
  </body>
</html>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0) ?? 0};`);
}
