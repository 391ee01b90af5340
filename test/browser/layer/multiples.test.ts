/** Spectra of heads and experts side by side, by mouse and by keyboard. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { eventually } from '../../harness/eventually';
import { openLayer } from '../openView';
import { themes } from '../themes';
import { requests, screenshotFolder, violations, type ViewOptions } from '../viewPage';

const HEADS = 'model.layers.0.self_attn.q_proj.weight';
const FUSED = 'model.layers.0.self_attn.k_proj.weight';

describe('spectra side by side', () => {
  const grid = (page: Page): Locator => page.locator('.layer .spectrum-grid');
  const cursor = (page: Page): Locator => page.getByRole('slider', { name: 'Spectrum in the grid, Enter opens it' });

  async function opened(layer = HEADS, tab = 'Parts', options: ViewOptions = {}): Promise<Page> {
    const page = await openLayer(layer, options);
    await page.getByRole('tab', { name: tab }).click();
    return page;
  }

  const found = (page: Page, words: RegExp): Promise<string> =>
    eventually(
      () => grid(page).locator('.plot-finding').innerText(),
      (text) => words.test(text),
    );

  it('are drawn on request, one for each head, each with its alpha', async () => {
    const page = await opened();
    assert.equal(await grid(page).count(), 0);
    await page.getByRole('button', { name: 'Draw 8 Spectra Side by Side' }).click();
    await found(page, /^8 of 8 spectra computed\. Alpha from [\d.]+ \(head\d\) to [\d.]+ \(head\d\), median [\d.]+\.$/);
    assert.equal(await grid(page).locator('.panel').count(), 8);
    const labels = await grid(page).locator('.mark-label').allTextContents();
    assert.deepEqual(
      labels.filter((_, i) => i % 2 === 0),
      Array.from({ length: 8 }, (_, i) => `head${i}`),
    );
    assert.ok(
      labels.filter((_, i) => i % 2 === 1).every((text) => /^α [\d.]+$/.test(text)),
      labels.join(),
    );
    const asked = ((await requests(page, 'spectrum')) as { layer: string }[]).map(({ layer }) => layer);
    assert.deepEqual(
      asked.slice(1).sort(),
      Array.from({ length: 8 }, (_, i) => `${HEADS}[head${i}]`),
    );
    assert.equal(await page.getByRole('button', { name: 'Cancel' }).count(), 0);
    assert.deepEqual(await violations(page), []);
  });

  it('open what is clicked, and lead back', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Draw 8 Spectra Side by Side' }).click();
    await found(page, /^8 of 8/);
    const panel = (await grid(page).locator('.panel').nth(2).boundingBox())!;
    await page.mouse.click(panel.x + panel.width / 2, panel.y + panel.height / 2);
    await page.getByRole('heading', { name: `${HEADS}[head2]`, exact: true }).waitFor();
    await page.getByRole('button', { name: `part of ${HEADS}` }).click();
    await page.getByRole('heading', { name: HEADS, exact: true }).waitFor();
  });

  it('are drawn, read and opened by keyboard alone', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Draw 8 Spectra Side by Side' }).focus();
    await page.keyboard.press('Enter');
    await found(page, /^8 of 8/);
    // The button went away: the focus is in the plot that it made.
    await eventually(
      () => page.evaluate<string>(`document.activeElement.getAttribute('class')`),
      (name) => name === 'cell-cursor',
    );
    await page.keyboard.press('Home');
    assert.match((await cursor(page).getAttribute('aria-valuetext'))!, /^head0, alpha [\d.]+, D [\d.]+, xmin /);
    await page.keyboard.press('ArrowRight');
    assert.match((await cursor(page).getAttribute('aria-valuetext'))!, /^head1, /);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `${HEADS}[head1]`, exact: true }).waitFor();
  });

  it('of a fused projection are those of each part’s heads, or of its parts', async () => {
    const page = await opened(FUSED);
    await page.getByRole('button', { name: 'Draw 2 Spectra Side by Side' }).waitFor();
    await page.getByRole('combobox', { name: 'Spectra of' }).click();
    await page.getByRole('option', { name: 'Parts', exact: true }).click();
    await page.getByRole('button', { name: 'Draw 3 Spectra Side by Side' }).click();
    await found(page, /^3 of 3/);
    await grid(page).getByRole('button', { name: 'Show as table' }).click();
    const rows = page.getByRole('table', { name: `Spectra of the members of ${FUSED}` }).locator('tbody tr');
    assert.deepEqual(await rows.locator('th, td:first-child').allInnerTexts(), ['q', 'k', 'v']);
  });

  it('of experts that are a stack are in a tab of their own, and lead to the expert', async () => {
    const page = await opened('experts.w1[2]', 'Experts', { query: { model: 'odd' } });
    await page.getByRole('button', { name: 'Draw 4 Spectra Side by Side' }).click();
    await found(page, /^4 of 4/);
    await cursor(page).focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'experts.w1[0]', exact: true }).waitFor();
  });

  it('can be cancelled while they are computed, and asked for again', async () => {
    const page = await opened(HEADS, 'Parts', { query: { 'slow-parts': '1' } });
    await page.getByRole('button', { name: 'Draw 8 Spectra Side by Side' }).click();
    await page.getByRole('progressbar', { name: 'Spectra computed' }).waitFor();
    await found(page, /^0 of 8 spectra computed; none has an alpha\.$/);
    await page.getByText('0 of 8', { exact: true }).waitFor();
    await page.locator('.multiples').getByRole('button', { name: 'Cancel' }).focus();
    await page.keyboard.press('Enter');
    const again = page.getByRole('button', { name: 'Draw 8 Spectra Side by Side' });
    await again.waitFor();
    assert.equal(await page.locator('vscode-button:focus').innerText(), 'Draw 8 Spectra Side by Side');
    assert.equal((await requests(page, 'spectrum')).length, 3, 'the layer and two at a time, no more');
  });

  for (const { name: theme } of themes) {
    it(`screenshots, ${theme}`, async () => {
      const page = await opened(HEADS, 'Parts', { theme, width: 1500, height: 950 });
      await page.getByRole('button', { name: 'Draw 8 Spectra Side by Side' }).click();
      await found(page, /^8 of 8/);
      await cursor(page).focus();
      await page.screenshot({ path: path.join(screenshotFolder, `multiples-${theme}.png`) });
    });
  }
});
