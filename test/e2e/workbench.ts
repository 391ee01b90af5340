/** VS Code as a person has it in front of them: a window in a browser, driven by mouse and keyboard. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Frame, Locator, Page } from 'playwright-core';
import { eventually } from '../harness/eventually';
import { launchChromium, patientContext } from '../harness/chromium';
import { patience } from '../harness/machineSpeed';
import { repositoryRoot } from '../harness/shared';
import { startWorkbench, type RunningWorkbench, type WorkbenchOptions } from '../harness/vscode';

/** Kept for people to look at; not part of the repository. */
const screenshotFolder = path.join(repositoryRoot, 'test-results', 'vscode');

/** Fading in, completing, laying out: what follows an event without an event of its own. */
const SETTLE_MS = 700;

/** A hover shows after some 300 ms, or not at all. */
const HOVER_MS = 2000;

/** How far a mouse comes to a word. */
const APPROACH_PIXELS = 150;
const APPROACH_STEPS = 10;

/** The palette opens within some 100 ms, on a busy machine within a second. */
const PALETTE_MS = 5000;

/** A menu ignores the mouse in its first 100 ms, so that the click that opened it chooses nothing. */
const MENU_GUARD_MS = 300;

/** Runs in every frame before anything else: when the mouse was last released, and when a table had its first row. */
const WATCH = `
  window.addEventListener('mouseup', () => (window.releasedAt = Date.now()), { capture: true });
  const timer = setInterval(() => {
    if (!document.querySelector('.table-body [role=row]')) return;
    window.firstRowAt = Date.now();
    clearInterval(timer);
  }, 5);`;

/**
 * Runs first in every frame: VS Code's frame around a page then goes without a service worker, as its own switch lets
 * it. Each frame registers another one for the same scope, and each replaces the one before. If several views load at
 * once and a frame's worker is replaced before the frame has looked at it, VS Code waits for it for ever, and the page
 * never comes. Our pages fetch nothing, so they need none.
 *
 * @see https://github.com/microsoft/vscode/blob/1.100.3/src/vs/workbench/contrib/webview/browser/pre/index.html
 *   `workerReady`
 */
export const WITHOUT_SERVICE_WORKER = `
  if (/\\/webview\\/browser\\/pre\\/(index(-no-csp)?\\.html)?$/.test(location.pathname)) {
    const address = new URL(location.href);
    address.searchParams.set('disableServiceWorker', '');
    history.replaceState(history.state, '', address);
  }`;

/** True if the window has written down, where it will look after a load, what matches all these regular expressions. */
const REMEMBERED = `async (patterns) => {
  const opened = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  for (const { name } of await indexedDB.databases()) {
    if (!name.startsWith('vscode-web-state-db')) continue;
    const database = await opened(indexedDB.open(name));
    const values = await opened(database.transaction('ItemTable').objectStore('ItemTable').getAll());
    database.close();
    const written = values.filter((value) => typeof value === 'string' && value.includes('editorpart.state'));
    if (written.some((value) => patterns.every((each) => new RegExp(each).test(value)))) return true;
  }
  return false;
}`;

const SHOWN_FILE = `document.querySelector('#app .file-name')?.textContent`;

export class Workbench {
  private constructor(
    private readonly server: RunningWorkbench,
    private readonly browser: Browser,
    private readonly folder: string,
    readonly page: Page,
  ) {}

  /** @param scripts run in every frame before anything else; the other options are the server's */
  static async open(
    folder: string,
    { scripts = [], ...options }: WorkbenchOptions & { scripts?: readonly string[] } = {},
  ): Promise<Workbench> {
    mkdirSync(screenshotFolder, { recursive: true });
    const server = await startWorkbench(options);
    const browser = await launchChromium();
    try {
      return new Workbench(
        server,
        browser,
        folder,
        await openWindow(server, browser, folder, scripts, options.language),
      );
    } catch (error) {
      await browser.close();
      await server.stop();
      throw error;
    }
  }

  /** Another window, in a browser profile of its own. */
  async freshWindow(folder = this.folder): Promise<Workbench> {
    return new Workbench(this.server, this.browser, folder, await openWindow(this.server, this.browser, folder));
  }

  closeWindow(): Promise<void> {
    return this.page.context().close();
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
  }

  /** Folder in which VS Code keeps extensions, settings and what extensions store. */
  get userData(): string {
    return this.server.data;
  }

  explorerItem(name: string): Locator {
    return this.page.locator('.explorer-folders-view .monaco-list-row', { hasText: name });
  }

  /** Right-clicks until the entry is there: before the extension is known, the menu lacks it. @returns the entry */
  async menuEntry(item: Locator, label: string): Promise<Locator> {
    const entry = this.page.locator('.context-view .action-item', { hasText: label }).first();
    const end = Date.now() + patience();
    for (;;) {
      await item.click({ button: 'right' });
      await this.page.locator('.context-view .action-item').first().waitFor();
      if (await entry.isVisible()) {
        await this.page.waitForTimeout(MENU_GUARD_MS);
        return entry;
      }
      if (Date.now() > end) throw new Error(`the menu has no "${label}"`);
      await this.page.keyboard.press('Escape');
      await this.page.waitForTimeout(500);
    }
  }

  /** The frame of the view that shows `fileName`. */
  async view(fileName: string, limitMs = patience()): Promise<Frame> {
    const end = Date.now() + limitMs;
    for (;;) {
      for (const frame of this.page.frames()) {
        // A frame that is just being replaced cannot be asked: it is not the one.
        const shown = await frame.evaluate<unknown>(SHOWN_FILE).catch(() => null);
        if (shown === fileName) return frame;
      }
      if (Date.now() > end) throw new Error(`no view shows ${fileName}`);
      await this.page.waitForTimeout(50);
    }
  }

  /**
   * Milliseconds from releasing the mouse on a menu entry to the first row of the table in the view's own document,
   * both by the browser's clock.
   */
  async timeToFirstRow(entry: Locator, fileName: string): Promise<number> {
    await entry.click();
    const view = await this.view(fileName);
    await view.locator('.table-body [role=row]').first().waitFor();
    const shown = await view.evaluate<number>('window.firstRowAt');
    const clicked = await this.page.evaluate<number>('window.releasedAt');
    return shown - clicked;
  }

  /**
   * Does what opens a hover until it is there: an editor that is still laying itself out takes no notice, and the engine may
   * be too busy to answer within a hover's own limit. A person tries again, with more patience each time.
   */
  async untilHover(hover: Locator, attempt: () => Promise<void>): Promise<void> {
    const end = Date.now() + patience();
    for (let tries = 1; ; tries++) {
      await attempt();
      const shown = await hover.waitFor({ timeout: tries * HOVER_MS }).then(
        () => true,
        () => false,
      );
      if (shown) return;
      if (Date.now() > end) {
        const instead = await this.page.locator('.monaco-hover:visible').allInnerTexts();
        throw new Error(`no hover after ${tries} tries, but ${JSON.stringify(instead)}`);
      }
    }
  }

  /**
   * Points at a word, as a hand does: over the editor, step by step. A single move onto it from elsewhere is one that a
   * busy editor takes no notice of, however often it is made.
   */
  async pointAt(word: Locator): Promise<void> {
    const { mouse } = this.page;
    await mouse.move(0, 0);
    // Waits until it is drawn and stays.
    await word.hover();
    const box = await word.boundingBox();
    if (!box) return; // just drawn anew: the next try finds it
    const { x, y, width, height } = box;
    const isLow = y > this.page.viewportSize()!.height / 2;
    await mouse.move(x + width / 2, isLow ? y - APPROACH_PIXELS : y + APPROACH_PIXELS);
    await mouse.move(x + width / 2, y + height / 2, { steps: APPROACH_STEPS });
  }

  async runCommand(label: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget input').first();
    // A picker or dialog that is just closing takes the one that opens with it.
    await eventually(
      async () => {
        await this.page.keyboard.press('F1');
        return input.fill(`>${label}`, { timeout: PALETTE_MS }).then(
          () => true,
          () => false,
        );
      },
      (filled) => filled,
    );
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: label }).first().waitFor();
    await this.page.keyboard.press('Enter');
  }

  /**
   * Types a path into the file dialog of a window without a desktop.
   *
   * @param suggestion what the dialog proposes; until then it still looks around in the folder
   */
  async answerFileDialog(suggestion: RegExp, file: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget input').first();
    await input.waitFor();
    await this.untilValue(input, (value) => suggestion.test(value));
    await input.fill(file);
    // It completes names while one types, and would complete this one after Enter, too.
    await this.page.waitForTimeout(SETTLE_MS);
    await this.untilValue(input, (value) => value === file);
    await this.page.keyboard.press('Enter');
  }

  private async untilValue(input: Locator, enough: (value: string) => boolean): Promise<void> {
    const end = Date.now() + patience();
    for (let value = await input.inputValue(); !enough(value); value = await input.inputValue()) {
      if (Date.now() > end) throw new Error(`the field holds "${value}"`);
      await this.page.waitForTimeout(50);
    }
  }

  /** Waits until the window has written down its editors, with what they keep, so that a load finds them. */
  async untilRemembered(patterns: readonly string[]): Promise<void> {
    await eventually(
      () => this.page.evaluate<boolean>(`(${REMEMBERED})(${JSON.stringify(patterns)})`),
      (remembered) => remembered,
    );
  }

  /** Loads the window anew, as after a restart: editors and their views come back by themselves. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
  }

  /** Takes up a theme by loading the window anew. */
  async useTheme(name: string, kind: string): Promise<void> {
    this.server.useSettings({ 'workbench.colorTheme': name });
    await this.reload();
    await this.page.locator(`.monaco-workbench.${kind}`).waitFor();
  }

  async screenshot(name: string): Promise<string> {
    const file = path.join(screenshotFolder, `${name}.png`);
    await this.page.waitForTimeout(SETTLE_MS);
    await this.page.screenshot({ path: file });
    return file;
  }
}

async function openWindow(
  server: RunningWorkbench,
  browser: Browser,
  folder: string,
  scripts: readonly string[] = [],
  locale = 'en-US',
): Promise<Page> {
  const context = await patientContext(browser, { viewport: { width: 1440, height: 900 }, locale });
  for (const content of [WATCH, ...scripts]) await context.addInitScript({ content });
  const page = await context.newPage();
  await page.goto(server.url({ folder }));
  await page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
  return page;
}
