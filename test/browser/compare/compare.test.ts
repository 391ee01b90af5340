/** Layers that were chosen together, beside each other: by mouse, by keyboard, in all themes. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { accessibilityFaults } from '../accessibility';
import { cutTexts } from '../cutText';
import { openView } from '../openView';
import { themes } from '../themes';
import { requests, screenshotFolder, violations, type ViewOptions } from '../viewPage';

describe('layers beside each other', () => {
  async function opened(options: ViewOptions = {}): Promise<Page> {
    const page = await openView(options);
    await page.locator('.table-body .table-row').first().waitFor();
    return page;
  }
  const row = (page: Page, label: string): Locator =>
    page.locator('.table-body .table-row:visible').filter({ has: page.getByText(label, { exact: true }) });
  const view = (page: Page): Locator => page.getByRole('region', { name: 'Comparison' });
  const settled = (page: Page): Promise<void> =>
    view(page).locator('.compare-status:empty').waitFor({ state: 'attached' });

  async function compared(page: Page): Promise<void> {
    await row(page, 'q_proj.weight')
      .first()
      .click({ modifiers: ['Control'] });
    await row(page, 'v_proj.weight')
      .first()
      .click({ modifiers: ['Shift'] });
    const bar = page.getByRole('group', { name: 'Selected rows' });
    await bar.getByRole('button', { name: 'Compare These' }).click();
    await settled(page);
  }

  it('have their numbers in one table and their spectra in one plot', async () => {
    const page = await opened();
    await compared(page);
    await page.getByRole('heading', { name: 'Comparison of 3 layers' }).waitFor();
    const names = ['q', 'k', 'v'].map((part) => `model.layers.0.self_attn.${part}_proj.weight`);
    assert.deepEqual(await view(page).locator('thead th').allInnerTexts(), ['Number', ...names]);
    assert.deepEqual(
      ((await requests(page, 'spectrum')) as { layer: string }[]).map(({ layer }) => layer),
      names,
    );
    const alphas = await view(page).getByRole('row', { name: /^α / }).getByRole('cell').allInnerTexts();
    const ofTable = await page.evaluate<string[]>(`(() => {
      const at = [...document.querySelectorAll('.table-head .cell')].findIndex(({ dataset }) => dataset.column === 'alpha');
      return ['q', 'k', 'v'].map((part) => [...document.querySelectorAll('.table-body .table-row:not([hidden])')]
        .find((row) => row.textContent.startsWith(part + '_proj')).children[at].textContent);
    })()`);
    assert.deepEqual(alphas, ofTable);
    assert.equal(await view(page).locator('.layer-fit path').count(), 3);
    const classes = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.compare .layer-fit path')].map((path) => path.getAttribute('class'))`,
    );
    assert.equal(new Set(classes).size, 3, 'each has dashes and a colour of its own');
    const plot = view(page).getByRole('group', {
      name: /95% of the energy lies in .* of the directions of model\.layers\.0/,
    });
    await plot.waitFor();
    const usual = await view(page).locator('tbody tr').count();
    await view(page).getByRole('checkbox', { name: 'All numbers' }).click();
    assert.ok((await view(page).locator('tbody tr').count()) > usual + 10);
    await page.screenshot({ path: path.join(screenshotFolder, 'compare.png') });
    assert.deepEqual(await violations(page), []);
  });

  it('are reached and left by keyboard, with the rows still chosen', async () => {
    const page = await opened();
    const table = page.getByRole('treegrid', { name: 'Tensors' });
    await row(page, 'q_proj.weight')
      .first()
      .click({ modifiers: ['Control'] });
    await table.focus();
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Compare These' }).press('Enter');
    await page.getByRole('heading', { name: 'Comparison of 2 layers' }).waitFor();
    assert.equal(await page.evaluate('document.activeElement.tagName'), 'H2');
    await settled(page);
    await view(page).getByRole('checkbox', { name: 'Absolute' }).press('Space');
    await view(page).getByRole('button', { name: 'Show as table' }).press('Enter');
    const twin = view(page).getByRole('region', { name: 'Singular values of the layers that are compared' });
    assert.equal(await twin.locator('thead th').first().innerText(), 'rank');
    await page.keyboard.press('Escape');
    await view(page).waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate('document.activeElement.className.includes("table")'), true);
    assert.equal(await page.locator('.table-row[aria-selected=true]:visible').count(), 2);
  });

  it('lead to a layer, and say which spectrum could not be had', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Show as a list' }).click();
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('32000x512');
    await row(page, 'lm_head.weight').click({ modifiers: ['Control'] });
    await page.locator('.table-body .table-row:visible', { hasText: 'embed_tokens' }).click({ modifiers: ['Control'] });
    await page.getByRole('button', { name: 'Compare These' }).click();
    await settled(page);
    await view(page)
      .getByText('lm_head.weight: lm_head.weight needs 2 GB and a layer may use 1 GB; raise the limit')
      .waitFor();
    assert.equal(await view(page).locator('.layer-fit path').count(), 1);
    await view(page).getByRole('button', { name: 'model.embed_tokens.weight' }).click();
    await page.getByRole('heading', { name: 'model.embed_tokens.weight' }).waitFor();
    assert.equal(await view(page).isVisible(), false);
  });

  it('are the first six of too many, which is said', async () => {
    const page = await opened();
    await row(page, '0').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Compare These' }).click();
    await view(page).getByText('These are the first 6 of 7 layers. Choose fewer to compare others.').waitFor();
    await settled(page);
    assert.equal(await view(page).locator('.layer-fit path').count(), 6);
  });

  for (const { name } of themes) {
    it(`can be read and used in ${name}, and are not cut at 600 pixels`, async () => {
      const page = await opened({ theme: name });
      await compared(page);
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.screenshot({ path: path.join(screenshotFolder, `compare-${name}.png`) });
      await page.setViewportSize({ width: 600, height: 800 });
      await page.waitForTimeout(200);
      assert.deepEqual(await cutTexts(page), []);
      await page.screenshot({ path: path.join(screenshotFolder, `compare-${name}-600.png`) });
    });
  }
});
