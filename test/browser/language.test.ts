/** The page in a language in which every sentence of the bundle is in brackets: what is not, nobody can translate. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { cutTexts } from './cutText';
import { openView } from './openView';
import { llamaResults } from './page/mockModel';
import { screenshotFolder } from './viewPage';

/** What the engine says of the made model: its reasons are English (`extension/shared/language/l10n.ts`). */
const ENGINE = new Set([
  '(12 blocks, hidden 512)',
  ...Object.values(llamaResults()).flatMap(({ missing, noSpectrum, fits, problems, farms }) => [
    ...Object.values(missing ?? {}),
    ...Object.values(fits).flatMap(({ reason }) => reason ?? []),
    ...problems.map(({ message }) => message),
    ...[noSpectrum, farms?.reason].filter((text) => text !== undefined),
  ]),
]);

/** Names of the field and of programs, which are the same in every language, and keys that people type. */
const SAME = new Set(
  (
    'alpha alphas xmin xmax xmin_mid xmin_peak FARMS CPU GPU KS CCDF ERG WeLore Marchenko Pastur WeightWatcher ' +
    'AlphaPruning ILP Eigenscope safetensors Llama LlamaForCausalLM sigma std min max mean zeros NaN Inf Lipschitz log exp ' +
    'nan inf rank entropy norm Fisher SVD LLM PiSSA OLoRA LoftQ CUR norm npy Clauset Roy Vetterli Khan Stewart et al ' +
    'Neumann von Johnstone Martin Mahoney arXiv fit tail spikes zeros entries distance law limits shape subject ' +
    // Parameters of laws, roles of layers and parts of names, as configurations and papers have them.
    'Lambda beta gate down model float64 cpu LLaMA'
  ).split(' '),
);

/** Texts, tooltips and names of what can be seen or is read out. */
async function texts(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const found = new Set();
    const shown = (element) => element.checkVisibility({ visibilityProperty: true });
    const walk = (root) => {
      for (const element of root.querySelectorAll('*')) {
        if (element.shadowRoot) walk(element.shadowRoot);
        if (!shown(element) || /^(SCRIPT|STYLE)$/.test(element.tagName)) continue;
        for (const name of ['title', 'aria-label', 'placeholder', 'aria-valuetext', 'aria-roledescription']) {
          const text = element.getAttribute(name);
          if (text) found.add(text);
        }
        // A sentence may go on in its marks and links.
        const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')
          ? element.textContent
          : '';
        if (text && !element.closest('pre, code, bdi, .metadata, .values-grid')) found.add(text.trim());
      }
    };
    walk(document);
    return [...found];
  })()`);
}

/** Words of a text that are in no bracket, and no name, number or symbol. */
function strayWords(text: string): string[] {
  let rest = text;
  for (const reason of ENGINE) rest = rest.replaceAll(reason, '');
  for (let before = ''; before !== rest;) {
    before = rest;
    rest = rest.replace(/«[^«»]*»/g, ' ');
  }
  // A label that was cut for its place, and what people type into the filter.
  rest = rest.replace(/«[^»]*…$/, ' ').replace(/\w+[:=<>]\S+/g, ' ');
  // The end of a sentence around a mark that is an element of its own.
  const words = rest.replace(/[\w-]*[._/\\\d][\w./\\-]*/g, ' ').match(/\p{L}{3,}/gu) ?? [];
  return words.filter((word) => !SAME.has(word));
}

describe('the page in another language', function () {
  const strays = new Map<string, string>();
  const look = async (page: Page, view: string): Promise<void> => {
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    for (const text of await texts(page)) {
      if (strayWords(text).length > 0 && !strays.has(text)) strays.set(text, view);
    }
  };

  it('has every sentence from the bundle: overview, table, its menus, all views of a layer, the plan', async () => {
    const page = await openView({ language: 'brackets', width: 1500, query: { problems: '2' } });
    await page.locator('.unusual-item').first().waitFor();
    await look(page, 'overview');
    await page.getByRole('button', { name: '«How to filter»' }).click();
    await page.locator('.filter-help').waitFor();
    await look(page, 'filter help');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^«Choose columns/ }).click();
    await page.locator('.column-chooser').waitFor();
    await look(page, 'columns');
    await page.keyboard.press('Escape');
    await page.getByRole('textbox', { name: '«Filter tensors by name»' }).fill('down_proj');
    await page.locator('.table-body .table-row').first().click({ button: 'right' });
    await page.getByRole('menu').waitFor();
    await look(page, 'menu of a row');
    await page.keyboard.press('Escape');
    await page.locator('.table-body .table-row').first().click();
    await page.locator('.layer-body vscode-panels').waitFor();
    const tabs = page.locator('.layer vscode-panel-tab');
    for (let i = 0; i < (await tabs.count()); i++) {
      await tabs.nth(i).click();
      await page.waitForTimeout(300);
      await look(page, `tab ${await tabs.nth(i).innerText()}`);
    }
    await page.keyboard.press('Escape');
    await page.locator('.header-actions').getByRole('button', { name: '«Compress Model…»' }).click();
    await page.locator('.plan-table .table-body [role=row]').first().waitFor();
    await look(page, 'plan');
    assert.deepEqual(
      [...strays].map(([text, view]) => `${view}: ${text}`),
      [],
    );
  });

  for (const width of [1500, 1000, 500]) {
    it(`cuts nothing in German at ${width} pixels`, async () => {
      const cut: string[] = [];
      const keep = async (page: Page, view: string): Promise<void> => {
        await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
        await page.screenshot({ path: path.join(screenshotFolder, `de-${view}-${width}.png`) });
        cut.push(...(await cutTexts(page)).map((text) => `${view}: ${text}`));
      };
      const page = await openView({ language: 'de', width, query: { problems: '2' } });
      await page.locator('.unusual-item').first().waitFor();
      await keep(page, 'overview');
      await page.locator('.table-body .table-row', { hasText: 'down_proj' }).first().click();
      const tabs = page.locator('.layer vscode-panel-tab');
      await tabs.first().waitFor();
      for (const name of ['Spektrum', 'Ränge und Kompression', 'Alle Zahlen']) {
        await tabs.filter({ hasText: name }).click();
        await page.locator('.layer vscode-panel-view:not([hidden])').waitFor();
        await keep(page, name);
      }
      await page.keyboard.press('Escape');
      await page.locator('.header-actions').getByRole('button', { name: 'Modell komprimieren …' }).click();
      await page.locator('.plan-table .table-body [role=row]').first().waitFor();
      await keep(page, 'plan');
      assert.deepEqual(cut, []);
    });
  }
});
