/** Methods side by side in a layer's view: compared, drawn, and what one of them loses. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { LayerChoice } from '../../extension/shared/compression/plans';
import { eventually } from '../harness/eventually';
import { cutTexts } from './cutText';
import { leastContrasts, LEAST_CONTRAST } from './contrast';
import { openView } from './openView';
import { themes, type Theme } from './themes';
import { requests, screenshotFolder, violations } from './viewPage';

const LAYER = 'model.layers.0.mlp.down_proj.weight';

describe('the methods of a layer', () => {
  async function opened(options: { width?: number; theme?: Theme['name'] } = {}): Promise<Page> {
    const page = await openView({ height: 900, ...options });
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill(LAYER);
    await page.locator('.table-body .table-row').first().click();
    await page.getByRole('tab', { name: 'Methods' }).click();
    return page;
  }

  const table = (page: Page) => page.getByRole('region', { name: 'Methods side by side' });

  async function compared(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    // Its property is true from the click on; its look, and its role with that, follows at the next frame.
    const busy = `[...document.querySelectorAll('.methods-panel vscode-button')]
      .find(({ textContent }) => textContent.trim() === 'Compare').disabled`;
    await eventually(
      () => page.evaluate(busy),
      (answer) => answer === false,
    );
  }

  it('measures the chosen methods at one share and draws them at others', async () => {
    const page = await opened();
    await page.getByLabel('Share of the parameters that stays, in percent').fill('40');
    await page.keyboard.press('Tab');
    await page.getByRole('checkbox', { name: 'Tensor train' }).click();
    await compared(page);
    const rows = await table(page).locator('tbody tr').allInnerTexts();
    assert.equal(rows.length, 4);
    // 149 · (512 + 1376) is the most below 40 % of 512 · 1376.
    assert.match(rows[0]!, /^Truncated SVD\s+149\s/);
    assert.match(
      rows.find((row) => row.startsWith('Quantise only'))!,
      /9%\s+9%\s+–/,
    );
    assert.match(
      rows.find((row) => row.startsWith('Tensor train'))!,
      /choose another method/,
    );
    const sent = (await requests(page, 'compareChoices')) as { choices: LayerChoice[] }[];
    // Three rows and the one that failed; five further points of the two that have a rank and did not fail.
    assert.equal(sent.length, 4 + 2 * 5);
    const plot = page.locator('.methods-panel .plot').first();
    assert.match(
      (await plot.locator('.plot-svg').getAttribute('aria-label'))!,
      /The least error here is 9%, by Quantise only/,
    );
    await plot.getByRole('button', { name: 'Show as table' }).click();
    assert.equal(await plot.locator('.twin tbody tr').count(), 6 + 6 + 1);
    assert.deepEqual(await violations(page), []);
  });

  it('shows what a method loses: spectra, heat map, worst rows and columns', async () => {
    const page = await opened();
    await compared(page);
    await table(page).locator('tr', { hasText: 'Truncated SVD' }).getByRole('button', { name: 'Difference' }).click();
    await page.getByRole('heading', { name: 'What Truncated SVD loses' }).waitFor();
    const worst = page.getByRole('table', { name: 'Worst outputs (rows)' });
    assert.match(await worst.innerText(), /7\s+50%\s+5%/);
    const spectra = page.locator('.difference .plot', { hasText: 'Spectrum before and after' });
    assert.match((await spectra.locator('.plot-svg').getAttribute('aria-label'))!, /186 of 512 singular values stay/);
    await page.locator('.difference .heat-map').waitFor();
  });

  it('says what methods lack that cannot be chosen', async () => {
    const page = await opened();
    const box = page.getByRole('checkbox', { name: 'SVD-LLM (needs input Grams)' });
    assert.equal(await box.isDisabled(), true);
  });

  for (const { name } of themes) {
    for (const width of [500, 1500]) {
      it(`can be read, and cuts nothing, in ${name} at ${width} pixels`, async () => {
        const page = await opened({ theme: name, width });
        await compared(page);
        await table(page).getByRole('button', { name: 'Difference' }).first().click();
        await page.locator('.difference .heat-map').waitFor();
        assert.deepEqual(await cutTexts(page), []);
        const found = await leastContrasts(page, ['.methods td', '.methods th', '.worst td', '.method-boxes li']);
        for (const [selector, contrast] of found) {
          assert.ok(contrast >= LEAST_CONTRAST, `${selector} has a contrast of ${contrast.toFixed(2)}`);
        }
        await page.screenshot({ path: path.join(screenshotFolder, `methods-${name}-${width}.png`) });
        await page.locator('.layer-body').evaluate('(body) => (body.scrollTop = body.scrollHeight)');
        await page.screenshot({ path: path.join(screenshotFolder, `difference-${name}-${width}.png`) });
      });
    }
  }
});
