/**
 * The view in a real browser: the webview's bundle and a made host, served with the content security policy that VS
 * Code's editor gives it, opened in headless Chromium. One browser and one page serve all tests: a page in a renderer
 * that has compiled the view before opens in a quarter of the time of a new one.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { viewPolicy } from '../../extension/host/editor/viewHtml';
import type { ViewNotifications, ViewRequests } from '../../extension/protocol';
import { parseBundle, type Bundle } from '../../extension/shared/language/l10n';
import { translationsElement } from '../../extension/shared/language/translationsElement';
import { launchChromium, patientContext } from '../harness/chromium';
import { repositoryRoot } from '../harness/shared';
import { llamaResults } from './page/mockModel';
import { themes, type Theme } from './themes';

const NONCE = 'dGVzdC1ub25jZQ';

const TYPES: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css' };

export type Language = 'en' | 'de' | 'brackets';

export interface ViewOptions {
  width?: number;
  height?: number;
  theme?: Theme['name'];
  /** `brackets` has every sentence in «…»: a language that shows what is no sentence of the bundle. */
  language?: Language;
  /** Query of the page: `model`, `count`, `inspected`, `problems`, `fail`, `slow`, `full`, `farms`, `tight` (see `page/mockHost.ts`). */
  query?: Record<string, string>;
}

const distFolder = path.join(repositoryRoot, 'dist');

/** Folder of screenshots, for people to look at. */
export const screenshotFolder = path.join(repositoryRoot, 'test-results', 'webview');

export class ViewServer {
  private context?: BrowserContext;
  private page?: Page;
  private openings = 0;

  private constructor(
    private readonly server: Server,
    private readonly browser: Browser,
    private readonly folder: string,
  ) {}

  static async start(): Promise<ViewServer> {
    const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-view-'));
    await build({
      ...{ bundle: true, platform: 'browser', format: 'iife', target: 'es2022', logLevel: 'silent' },
      ...{ outdir: folder, absWorkingDir: repositoryRoot },
      // Made once, not by every page: it takes longer than all else that a page does at its start.
      define: { LLAMA_RESULTS: JSON.stringify(llamaResults()) },
      entryPoints: { mockHost: 'test/browser/page/mockHost.ts' },
    });
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (url.pathname === '/') {
        response.setHeader('content-type', 'text/html');
        const theme = themes.find(({ name }) => name === url.searchParams.get('theme')) ?? themes[0]!;
        response.end(html(theme, (url.searchParams.get('language') ?? 'en') as Language));
        return;
      }
      // The view itself is the bundle that the editor loads.
      const file = path.join(url.pathname === '/mockHost.js' ? folder : distFolder, path.basename(url.pathname));
      try {
        response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
        response.setHeader('cache-control', 'max-age=3600, immutable');
        response.end(readFileSync(file));
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    mkdirSync(screenshotFolder, { recursive: true });
    return new ViewServer(server, await launchChromium(), folder);
  }

  /** The page, loaded anew: of what was opened before, nothing is left but caches. */
  async open(options: ViewOptions = {}): Promise<Page> {
    const { width = 1400, height = 900, theme = 'dark', language = 'en', query = {} } = options;
    this.context ??= await patientContext(this.browser, { viewport: { width, height }, locale: 'en-US' });
    this.page ??= await this.context.newPage();
    // The pointer stays where it was left: out of sight, as in a page that it never entered.
    await this.page.mouse.move(-10, -10);
    await this.page.setViewportSize({ width, height });
    const { port } = this.server.address() as AddressInfo;
    this.openings += 1;
    const search = new URLSearchParams({
      theme,
      ...(language !== 'en' && { language }),
      ...query,
      opening: String(this.openings),
    });
    await this.page.goto(`http://127.0.0.1:${port}/?${search.toString()}`);
    return this.page;
  }

  /** Gives up the page: a test that failed leaves it in an unknown state, with keys or buttons held down. */
  async discardPage(): Promise<void> {
    await this.context?.close();
    this.context = undefined;
    this.page = undefined;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Parameters of every request of that name that the view sent so far. */
export function requests(page: Page, method: keyof ViewRequests): Promise<unknown[]> {
  return page.evaluate(
    `window.mockHost.requests.filter((each) => each.method === '${method}').map((each) => each.params)`,
  );
}

/** Violations of the content security policy and errors that nobody caught. */
export function violations(page: Page): Promise<string[]> {
  return page.evaluate('window.mockHost.violations');
}

/** Sends a notification as the host would. */
export function notify<K extends keyof ViewNotifications>(
  page: Page,
  method: K,
  params: ViewNotifications[K],
): Promise<void> {
  return page.evaluate(`window.mockHost.notify('${method}', ${JSON.stringify(params)})`);
}

function translationsOf(language: Language): Bundle | undefined {
  const bundle = (name: string): Bundle =>
    parseBundle(readFileSync(path.join(repositoryRoot, 'media/l10n', name), 'utf8'));
  if (language === 'en') return undefined;
  if (language === 'de') return bundle('bundle.l10n.de.json');
  return Object.fromEntries(
    Object.entries(bundle('bundle.l10n.json')).map(([key, sentence]) => [key, `«${sentence}»`]),
  );
}

function html(theme: Theme, language: Language): string {
  const variables = Object.entries(theme.variables).map(([name, value]) => ['--vscode-' + name, value]);
  // Set through the CSSOM, as VS Code does it: the policy allows no style attribute.
  const script = `for (const [name, value] of ${JSON.stringify(variables)}) document.documentElement.style.setProperty(name, value);`;
  return `<!doctype html>
<html lang="${language === 'brackets' ? 'en' : language}">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${viewPolicy(NONCE)}">
    <meta property="csp-nonce" content="${NONCE}">
    <title>Eigenscope</title>
    <link rel="stylesheet" nonce="${NONCE}" href="webview.css">
    <script nonce="${NONCE}">${script}</script>
  </head>
  <body class="${theme.bodyClass}">
    <div id="app"></div>
    ${translationsElement(translationsOf(language))}
    <script nonce="${NONCE}" src="mockHost.js"></script>
    <script nonce="${NONCE}" src="webview.js"></script>
  </body>
</html>`;
}
