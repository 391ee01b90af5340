/**
 * The page of a checkpoint's view: the bundled script and styles, with nothing allowed that they do not need. Both are
 * in the page itself: fetched, they took a third of a second more, and VS Code can lose a page's request after a reload
 * (see `loadWatch.ts`).
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { escapedHtml } from '../../shared/escapedHtml';
import type { Bundle } from '../../shared/language/l10n';
import { translationsElement } from '../../shared/language/translationsElement';

export interface ViewBundle {
  script: string;
  style: string;
}

/** @throws the file system's error where the extension's own files are missing */
export async function readViewBundle(extensionFolder: string): Promise<ViewBundle> {
  const read = (name: string): Promise<string> => readFile(path.join(extensionFolder, 'dist', name), 'utf8');
  const [script, style] = await Promise.all([read('webview.js'), read('webview.css')]);
  return { script, style };
}

/** The page fetches nothing: no script, style, font or picture but what is written in it, or made by it. */
export function viewPolicy(nonce: string): string {
  // The toolkit probes for :focus-visible with a style element, which takes its nonce from the meta element below.
  const own = [`script-src 'nonce-${nonce}'`, `style-src 'nonce-${nonce}'`];
  // Plots that are saved as PNG are drawn from a picture of the page's own.
  return [`default-src 'none'`, ...own, 'img-src blob:'].join('; ');
}

/**
 * @param language of the editor, as `lang` has it
 * @param translations into that language; none for English, or if there are none
 */
export function viewHtml(bundle: ViewBundle, title: string, language: string, translations?: Bundle): string {
  const nonce = randomBytes(18).toString('base64');
  // The bundler writes no "</script>" and no "</style>" into its output, which alone could end them here.
  return `<!doctype html>
<html lang="${escapedHtml(language)}">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${viewPolicy(nonce)}">
    <meta property="csp-nonce" content="${nonce}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapedHtml(title)}</title>
    <style nonce="${nonce}">${bundle.style}</style>
  </head>
  <body>
    <div id="app"></div>
    ${translationsElement(translations)}
    <script nonce="${nonce}">${bundle.script}</script>
  </body>
</html>`;
}
