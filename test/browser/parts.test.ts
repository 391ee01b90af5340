/** The parts of a layer as a person uses them: computed on request, unfolded, opened, and back. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { LayerResult } from '../../extension/shared/layers';
import { openView } from './openView';
import { themes } from './themes';
import { notify, requests, screenshotFolder, violations, type ViewOptions } from './viewPage';

const FUSED = 'model.layers.0.self_attn.k_proj.weight';

describe("a layer's parts", () => {
  async function opened(layer = FUSED, options: ViewOptions = {}): Promise<Page> {
    const page = await openView(options);
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill(layer);
    await page.locator('.table-body .table-row').first().click();
    await page.getByRole('tab', { name: 'Spectrum' }).waitFor();
    return page;
  }

  const rows = (page: Page): Locator => page.getByRole('table', { name: 'Parts of the layer' }).locator('tbody tr');
  const turn = (page: Page): Promise<void> => page.getByRole('tab', { name: 'Parts' }).click();

  it('are a tab where there are some, or where a layer that has parts by its name has none that are known', async () => {
    const page = await opened();
    await turn(page);
    assert.deepEqual(await rows(page).locator('th button:first-child').allInnerTexts(), ['q', 'k', 'v']);
    const without = await opened('model.layers.0.mlp.down_proj.weight');
    assert.equal(await without.getByRole('tab', { name: 'Parts' }).count(), 0);
    const unknown = await opened('model.layers.0.self_attn.v_proj.weight');
    await turn(unknown);
    await unknown.getByText('No parts are known: the numbers of heads are not known.').waitFor();
  });

  it('are computed on request, those in sight', async () => {
    const page = await opened();
    await turn(page);
    assert.match(await rows(page).first().innerText(), /not computed/);
    await page.getByRole('button', { name: 'Compute 3 Parts' }).click();
    await page.getByText('Stable ranks from').waitFor();
    const names = ['q', 'k', 'v'].map((label) => `${FUSED}[${label}]`);
    assert.deepEqual(await requests(page, 'inspect'), [{ names }]);
    assert.equal(await page.getByRole('button', { name: /^Compute/ }).count(), 0);
    assert.match(await rows(page).nth(1).innerText(), /^k.*2 heads\s+128 × 512\s+[\d.]+/s);
    // The table, the overview and what they add up to are about whole layers.
    assert.equal(await page.locator('.unusual-item', { hasText: '[q]' }).count(), 0);
    assert.deepEqual(await violations(page), []);
  });

  it('say what their letters stand for, and why a whole column is empty', async () => {
    const page = await opened();
    await turn(page);
    const title = await rows(page).nth(0).getByRole('button', { name: 'q', exact: true }).getAttribute('title');
    assert.equal(title, `${FUSED}[q]: queries`);
    const reason = 'a fit needs 10 eigenvalues above zero and finds 8';
    const part = (label: string): LayerResult => ({
      ...{ name: `${FUSED}[${label}]`, tensor: FUSED, partOf: FUSED, shape: [8, 64], dtype: 'F16', matrices: 1 },
      ...{ metrics: { alpha: null, stable_rank: 2 }, missing: { alpha: reason }, fits: {}, ranks: {}, problems: [] },
      ...{ farms: null, statistics: null },
    });
    await notify(page, 'results', ['q', 'k', 'v'].map(part));
    await page.getByText(`No α: ${reason}.`).waitFor();
    assert.equal(await page.getByText(/^No stable rank/).count(), 0);
    const [table, text] = await Promise.all([
      page.getByRole('table', { name: 'Parts of the layer' }).boundingBox(),
      page.getByText(`No α: ${reason}.`).boundingBox(),
    ]);
    assert.ok(text!.y >= table!.y + table!.height + 8, 'apart from the table');
  });

  it('leave the focus in their panel while they are computed by keyboard, and tell once what came out', async () => {
    const page = await opened();
    await turn(page);
    const told = page.locator('.parts-panel [role=status]');
    await page.evaluate(`
      window.texts = [];
      const status = document.querySelector('.parts-panel [role=status]');
      new MutationObserver(() => window.texts.push(status.textContent)).observe(status, { childList: true });`);
    await page.getByRole('button', { name: 'Compute 3 Parts' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('Stable ranks from').waitFor();
    assert.equal(await page.locator(':focus').innerText(), 'q');
    const texts = await page.evaluate<string[]>('window.texts');
    assert.deepEqual(texts, [await told.innerText()]);
  });

  it('can be asked for again where the engine died on one, and count in nothing that is said of whole layers', async () => {
    const page = await opened();
    await turn(page);
    await page.getByRole('button', { name: 'Compute 3 Parts' }).click();
    await page.getByText('Stable ranks from').waitFor();
    const before = await page.locator('.progress-text').innerText();
    const [name, message] = [`${FUSED}[k]`, 'The engine was killed.'];
    const cell = page.getByRole('cell', { name: message });
    await notify(page, 'engine', { state: 'restarting', message, failed: [name] });
    await page.getByText('It stopped on').waitFor();
    await notify(page, 'results', [
      {
        ...{ name, tensor: FUSED, partOf: FUSED, shape: [128, 512], dtype: 'F16', matrices: 0 },
        ...{ metrics: {}, fits: {}, farms: null, ranks: {}, statistics: null },
        problems: [{ code: 'engine-died', message, tensor: FUSED }],
      },
    ]);
    await notify(page, 'engine', { state: 'running', message: '', failed: [] });
    await cell.waitFor();
    assert.equal(await page.locator('.progress-text').innerText(), before);
    await page.getByRole('button', { name: 'Compute 1 Part' }).click();
    await cell.waitFor({ state: 'detached' });
    assert.deepEqual((await requests(page, 'inspect')).at(-1), { names: [name] });
  });

  it('unfold their heads by keyboard, keeping the place', async () => {
    const page = await opened();
    await turn(page);
    const fold = rows(page).nth(1).getByRole('button', { name: '2 heads' });
    await fold.focus();
    await page.keyboard.press('Enter');
    assert.equal(await rows(page).count(), 5);
    assert.equal(await fold.getAttribute('aria-expanded'), 'true');
    assert.equal(await page.locator(':focus').innerText(), '2 heads');
    await page.getByRole('button', { name: 'Compute 5 Parts' }).waitFor();
    await page.keyboard.press('Enter');
    assert.equal(await rows(page).count(), 3);
  });

  it('open as a layer of their own, and lead back', async () => {
    const page = await opened();
    await turn(page);
    await rows(page).nth(2).getByRole('button', { name: 'v', exact: true }).click();
    await page.getByRole('heading', { name: `${FUSED}[v]`, exact: true }).waitFor();
    await page.locator('.esd').first().waitFor();
    assert.match(await page.locator('.layer-facts').innerText(), /128 × 512.*65\.5K parameters/s);
    await page.getByRole('button', { name: `part of ${FUSED}` }).click();
    await page.getByRole('heading', { name: FUSED, exact: true }).waitFor();
    await page.getByRole('table', { name: 'Parts of the layer' }).waitFor();
  });

  for (const { name: theme } of themes) {
    it(`screenshots, ${theme}`, async () => {
      const page = await opened(FUSED, { theme });
      await turn(page);
      await rows(page).nth(0).getByRole('button', { name: '2 heads' }).click();
      await page.getByRole('button', { name: 'Compute 5 Parts' }).click();
      await page.getByText('Stable ranks from').waitFor();
      await page.screenshot({ path: path.join(screenshotFolder, `parts-${theme}.png`) });
    });
  }
});
