/** The page of a checkpoint's view: a frame for the bundled script, with nothing allowed that it does not need. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** What a view may load: our bundles and pictures. */
export function resourceRoots(extension: vscode.Uri): vscode.Uri[] {
  return [vscode.Uri.joinPath(extension, 'dist'), vscode.Uri.joinPath(extension, 'media')];
}

export function viewHtml(webview: vscode.Webview, extension: vscode.Uri, title: string): string {
  const nonce = randomBytes(18).toString('base64');
  const resource = (name: string): string =>
    webview.asWebviewUri(vscode.Uri.joinPath(extension, 'dist', name)).toString();
  // The toolkit probes for :focus-visible with a style element, which takes its nonce from the meta element below.
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource} 'nonce-${nonce}'`,
    `font-src ${webview.cspSource}`,
    `img-src ${webview.cspSource}`,
  ].join('; ');
  return `<!doctype html>
<html lang="${escapeHtml(vscode.env.language)}">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta property="csp-nonce" content="${nonce}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapeHtml(title)}</title>
    <link rel="stylesheet" href="${resource('webview.css')}">
  </head>
  <body>
    <div id="app"></div>
    <script nonce="${nonce}" src="${resource('webview.js')}"></script>
  </body>
</html>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0) ?? 0};`);
}
