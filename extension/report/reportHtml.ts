/**
 * A report as one HTML file: the page's script and styles, and the numbers as JSON. It fetches nothing, and its policy
 * runs nothing but that one script. Names from files are in the JSON only: the script makes text of them.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { escapedHtml } from '../shared/escapedHtml';
import { visible } from '../shared/visibleText';
import type { ReportData } from './reportRecords';

export interface ReportBundle {
  readonly script: string;
  readonly style: string;
}

/** What every report begins with. */
export const REPORT_BEGINNING = '<!doctype html>\n<!-- Report by Eigenscope -->';

/** @param folder of the bundles @throws the file system's error where the program's own files are missing */
export async function readReportBundle(folder: string): Promise<ReportBundle> {
  const read = (name: string): Promise<string> => readFile(path.join(folder, name), 'utf8');
  const [script, style] = await Promise.all([read('report.js'), read('report.css')]);
  // A report has no files beside it.
  return { script: script.replace(/\n\/\/# sourceMappingURL=[^\s]+\n?$/, '\n'), style: withoutMap(style) };
}

function withoutMap(style: string): string {
  return style.replace(/\n\/\*# sourceMappingURL=[^\s*]+ \*\/\n?$/, '\n');
}

export function reportPolicy({ script, style }: ReportBundle): string {
  // The toolkit probes for :focus-visible with an empty style element.
  const styles = [style, ''].map(hashSource).join(' ');
  const own = [`default-src 'none'`, `script-src ${hashSource(script)}`, `style-src ${styles}`];
  // Plots that are saved as PNG are drawn from a picture of the page's own.
  return [...own, 'img-src blob:', `base-uri 'none'`, `form-action 'none'`].join('; ');
}

function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

export function* reportHtml(data: ReportData, bundle: ReportBundle): Generator<string> {
  yield `${REPORT_BEGINNING}
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${reportPolicy(bundle)}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${escapedHtml(`${visible(data.summary.path)}: weights`)}</title>
    <style>${bundle.style}</style>
  </head>
  <body>
    <div id="app"></div>
    <noscript>This report draws its tables and plots with a script of its own, which is turned off here.</noscript>
    <script type="application/json" id="report-data">`;
  const { results, ...head } = data;
  yield `${json(head).slice(0, -1)},"results":[`;
  for (const [index, result] of results.entries()) yield `${index === 0 ? '' : ','}${json(result)}`;
  // The bundler writes no "</script>" and no "</style>" into its output, which alone could end them here.
  yield `]}</script>
    <script>${bundle.script}</script>
  </body>
</html>
`;
}

/** No character of it can end the element that it stands in, or begin a comment there. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
