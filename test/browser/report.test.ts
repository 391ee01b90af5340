/** A report from the terminal, opened from the disk in a browser: by mouse, by keyboard, in light and dark. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium, patientContext } from '../harness/chromium';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { commandLine } from '../harness/commandLine';
import { temporaryFolder } from '../harness/temporaryFolder';
import { accessibilityFaults } from './accessibility';
import { LEAST_CONTRAST, leastContrasts } from './contrast';
import { mkdirSync, writeFileSync } from 'node:fs';
import { screenshotFolder } from './viewPage';

const HOSTILE = '</script><img src=x onerror=document.title=1>';
const OWN_HOSTILE = '<img src=x onerror=document.title=2>';

describe('a report in a browser', () => {
  const folder = temporaryFolder();
  const report = path.join(folder, 'model.html');
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const wrong: string[] = [];

  before(async () => {
    const shapes = [0, 1, 2, 3].map((block) => ({
      ...{ name: `model.layers.${block}.mlp.up_proj.weight`, shape: [40 + block, 24] },
      values: uniform((40 + block) * 24, block + 1),
    }));
    const hostile = { name: HOSTILE, shape: [24, 24], values: uniform(24 * 24, 9) };
    const file = writeSafetensors(path.join(folder, 'model.safetensors'), [...shapes, hostile]);
    const own = path.join(folder, 'losses.json');
    const losses = shapes.map(({ name }, block) => [name, { loss: 2 - block / 10, [OWN_HOSTILE]: block }]);
    writeFileSync(own, JSON.stringify(Object.fromEntries(losses)));
    const { status, stderr } = commandLine(folder)(
      ...['report', file, '--out', report, '--layers', 'model.layers.0.*', '--layers', 'model.layers.1.*'],
      ...['--own', own],
    );
    assert.equal(status, 0, stderr);
    browser = await launchChromium();
    context = await patientContext(browser, { viewport: { width: 1200, height: 900 }, locale: 'en-US' });
    page = await context.newPage();
    page.on('request', (request) => {
      if (request.url() !== pathToFileURL(report).href) wrong.push(`fetched ${request.url()}`);
    });
    page.on('pageerror', ({ message }) => wrong.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') wrong.push(message.text());
    });
    mkdirSync(screenshotFolder, { recursive: true });
  });
  after(() => browser.close());
  beforeEach(async () => {
    await page.goto(pathToFileURL(report).href);
    await page.getByRole('heading', { level: 1, name: 'model.safetensors' }).waitFor();
  });
  afterEach(() => assert.deepEqual(wrong.splice(0), []));

  const layer = (name: string) => page.locator('details', { hasText: name });

  it('shows map, depth, findings, table and the chosen layers, folded', async () => {
    assert.equal(await page.locator('.report-maps svg.plot-svg').count(), 2);
    assert.equal(await page.locator('details').count(), 2);
    assert.equal(await page.locator('details[open]').count(), 0);
    const box = await page.locator('.unusual-list').boundingBox();
    assert.ok(box!.height >= 20, `the list of unusual layers is ${box!.height} pixels high`);
    assert.equal(await page.locator('.unusual-list li').innerText(), 'None found.');
    assert.equal(await page.title(), 'model.safetensors: weights');
  });

  it('filters, and opens a layer by mouse', async () => {
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('layers.1.mlp');
    const row = page.locator('.table-body .table-row', { hasText: 'layers.1.mlp' });
    await row.click();
    const opened = layer('model.layers.1.mlp.up_proj.weight');
    await opened
      .getByRole('group', { name: /Whole matrix/ })
      .first()
      .waitFor();
    assert.equal(await page.locator('details[open]').count(), 1);
    await page.screenshot({ path: path.join(screenshotFolder, 'report-layer.png'), fullPage: true });
  });

  it('shows own numbers in the table, on the map and against any number, their names as text', async () => {
    const own = page.getByRole('region', { name: 'Your numbers' });
    await own.getByText('losses.json').waitFor();
    assert.equal(await own.getByRole('button', { name: /Add Columns|Remove the columns/ }).count(), 0);
    assert.match(await own.locator('.plot-finding').innerText(), /4 layers/);
    await page.getByRole('columnheader', { name: OWN_HOSTILE }).waitFor();
    const loss = page.getByRole('columnheader', { name: 'loss', exact: true });
    await loss.getByRole('button').click();
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('own_loss<1.85');
    const rows = page.locator('.table-body .table-row:visible');
    await rows.filter({ hasText: 'layers.2.' }).waitFor();
    assert.deepEqual(
      await rows.locator('.row-label').allInnerTexts(),
      [2, 3].map((block) => `model.layers.${block}.mlp.up_proj.weight`),
    );
    await page
      .getByRole('combobox', { name: /number/i })
      .first()
      .focus();
    assert.equal(await page.locator('img').count(), 0);
    await page.screenshot({ path: path.join(screenshotFolder, 'report-own.png'), fullPage: true });
  });

  it('sorts by mouse and by keyboard', async () => {
    await page.getByRole('button', { name: 'Show as a list' }).click();
    const head = page.getByRole('columnheader', { name: /Shape/ });
    const first = page.locator('.table-body .table-row').first();
    await head.click();
    await first.filter({ hasText: '43 × 24' }).waitFor();
    await head.locator('button').focus();
    await page.keyboard.press('Enter');
    await first.filter({ hasText: '24 × 24' }).waitFor();
  });

  it('opens a layer by keyboard, a hostile name as text', async () => {
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).focus();
    await page.keyboard.type('img');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.locator('details[open]').waitFor();
    assert.equal(await page.locator('details[open] .report-layer-name').textContent(), HOSTILE);
    assert.equal(await page.evaluate('document.activeElement.tagName'), 'SUMMARY');
    assert.equal(await page.locator('img').count(), 0);
    await page.getByText('This report holds the numbers of this layer, not its spectrum.').waitFor();
    await page.keyboard.press('Enter');
    await page.locator('details[open]').waitFor({ state: 'detached' });
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`can be read in ${colorScheme}, and at 500 pixels' width`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.locator(`body.vscode-${colorScheme}`).waitFor();
      await layer('model.layers.0.mlp').locator('summary').click();
      await layer('model.layers.0.mlp').locator('.esd').first().waitFor();
      const texts = ['h1', '.muted', '.model-verdict', '.unusual-list li', '.table-row', 'summary', '.plot-finding'];
      const faint = (await leastContrasts(page, texts)).filter(([, contrast]) => contrast < LEAST_CONTRAST);
      assert.deepEqual(faint, []);
      await page.getByRole('button', { name: /^Choose columns/ }).click();
      await page.getByRole('dialog', { name: 'Columns' }).waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Save plot' }).first().click();
      await page.getByRole('menu').waitFor();
      assert.deepEqual(await accessibilityFaults(page, '.popup'), []);
      await page.keyboard.press('Escape');
      await page.screenshot({ path: path.join(screenshotFolder, `report-${colorScheme}.png`), fullPage: true });
      await page.setViewportSize({ width: 500, height: 900 });
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      await page.setViewportSize({ width: 1200, height: 900 });
      assert.ok(Number(overflow) <= 0, String(overflow));
    });
  }
});
