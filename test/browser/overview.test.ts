/** The overview as a person reads it: what it says of the model, the map, the plot against depth, the groups, the curve. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { openView } from './openView';
import { requests, screenshotFolder, violations } from './viewPage';

describe('the overview', () => {
  const map = (page: Page): Locator => page.locator('.model-map');
  const cell = (page: Page): Locator => page.getByRole('slider', { name: 'Cell of the map' });
  const cellText = (page: Page): Promise<string | null> => cell(page).getAttribute('aria-valuetext');

  const focused = (page: Page): Promise<string> => page.evaluate('document.activeElement.getAttribute("aria-label")');

  async function opened(query: Record<string, string> = {}, width = 1500): Promise<Page> {
    const page = await openView({ query, width });
    await page.locator('.model-verdict').waitFor();
    return page;
  }

  /** Middle of a cell of the map, in the page. */
  async function middleOf(page: Page, row: number, col: number, columns: number): Promise<{ x: number; y: number }> {
    const canvas = (await map(page).locator('canvas').boundingBox())!;
    return { x: canvas.x + ((col + 0.5) * canvas.width) / columns, y: canvas.y + (row + 0.5) * 18 };
  }

  it('says in a sentence what can be said of the model, and what to do where that is nothing', async () => {
    const page = await opened();
    assert.match(
      await page.locator('.model-verdict').innerText(),
      /^(Typical of|No verdict on).* layers ha(s|ve) the evidence/,
    );
    const odd = await opened({ model: 'odd' });
    assert.match(await odd.locator('.model-verdict').innerText(), /1 layer holds NaN or Inf.*Next: Look at/);
    const none = await opened({ inspected: 'none' });
    assert.match(await none.locator('.model-verdict').innerText(), /^No verdict yet/);
  });

  it('shows WeightWatcher’s means', async () => {
    const page = await opened();
    const means = page.locator('.model-means');
    assert.match(await means.innerText(), /mean α\s+[\d.]+\s+FARMS α\s+[\d.]+\s+α̂\s+-?[\d.]+/);
    assert.match((await means.getAttribute('title'))!, /86 layers of ten eigenvalues or more/);
  });

  it('opens the layer of a cell by a click, and goes back to the same place', async () => {
    const page = await opened();
    await page.evaluate('document.querySelector(".table").scrollTop = 400');
    const { x, y } = await middleOf(page, 6, 3, 12);
    await page.mouse.click(x, y);
    await page.getByRole('heading', { name: 'model.layers.3.mlp.down_proj.weight' }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.layer').waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate('document.querySelector(".table").scrollTop'), 400);
    assert.match((await cellText(page))!, /^down_proj, block 3, α/);
  });

  it('is read and opened by keyboard alone', async () => {
    const page = await opened();
    await cell(page).focus();
    for (const key of ['Home', 'ArrowDown', 'ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
    assert.match((await cellText(page))!, /^v_proj, block 1, α [\d.]+, (no verdict|typical of .*)$/);
    await page.keyboard.press('End');
    assert.match((await cellText(page))!, /^v_proj, block 11, /);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'model.layers.11.self_attn.v_proj.weight' }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.layer').waitFor({ state: 'hidden' });
    assert.match(await focused(page), /^Cell of the map/);
    assert.match((await cellText(page))!, /^v_proj, block 11, /);
    // Layers in no block have a row of their own.
    for (let i = 0; i < 7; i++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Home');
    assert.match((await cellText(page))!, /^model\.embed_tokens\.weight, α/);
  });

  it('colours the map by another number, remembers which, and says it in words and as a table', async () => {
    const page = await opened();
    await map(page).getByRole('combobox').click();
    await page.getByRole('option', { name: 'effective rank' }).click();
    await map(page)
      .getByText(/^effective rank: median [\d.]+%, from/)
      .waitFor();
    await page
      .locator('.depth')
      .getByText(/effective rank [\d.]+% to/)
      .waitFor();
    await map(page).getByRole('button', { name: 'Show as table' }).click();
    const rows = map(page).locator('.twin tbody tr');
    assert.equal(await rows.count(), 9);
    assert.match(await rows.nth(6).innerText(), /^down(\s+[\d.]+%){12}$/);
    assert.match(await rows.nth(7).innerText(), /^model\.embed_tokens\.weight\s+[\d.]+%/);
    await page.reload();
    await map(page)
      .getByText(/^effective rank: median/)
      .waitFor();
  });

  it('reads the spectra for the error at half of the parameters when that is asked for', async () => {
    const page = await opened();
    assert.deepEqual(await requests(page, 'planLayers'), []);
    await map(page).getByRole('combobox').click();
    await page.getByRole('option', { name: 'error at 50 %' }).click();
    await map(page)
      .getByText(/^error at 50 %: median [\d.]+%, from/)
      .waitFor();
    assert.equal((await requests(page, 'planLayers')).length, 1);
  });

  it('shows alpha of whole matrices and of FARMS side by side against depth, each with a band', async () => {
    const page = await opened();
    const depth = page.locator('.depth');
    await depth
      .getByText(/^Means of the first and last third: α [\d.]+ to [\d.]+, FARMS α [\d.]+ to [\d.]+\.$/)
      .waitFor();
    assert.equal(await depth.locator('.band').count(), 2);
    assert.equal(await depth.locator('.layer-fit .depth-dots').count(), 14);
    const point = page.getByRole('slider', { name: 'Point of the plot against depth' });
    await point.focus();
    for (const key of ['Home', 'ArrowDown', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    assert.match((await point.getAttribute('aria-valuetext'))!, /^k_proj, block 2, α [\d.]+, FARMS α [\d.]+$/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'model.layers.2.self_attn.k_proj.weight' }).waitFor();
  });

  it('is a strip in the order of the file for a model without blocks', async () => {
    const page = await opened({ model: 'odd' });
    await map(page).getByRole('heading', { name: 'Layers in order' }).waitFor();
    await cell(page).focus();
    await page.keyboard.press('Home');
    assert.match((await cellText(page))!, /^embed\.weight, α/);
    await page.keyboard.press('End');
    assert.match((await cellText(page))!, /^<img src=x onerror=alert\(1\)>\.weight, /);
    assert.deepEqual(await violations(page), []);
  });

  it('unfolds a group of unusual layers, keeps the focus, and opens one of them', async () => {
    const page = await opened();
    const group = page.locator('.unusual-group').first();
    await group.waitFor();
    assert.match(await group.innerText(), /down_proj, .*blocks?[\s\S]*alpha [\d.]+–[\d.]+, typical of/);
    await group.focus();
    await page.keyboard.press('Enter');
    assert.equal(await group.getAttribute('aria-expanded'), 'true');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /down_proj\.weight$/ }).waitFor();
  });

  it('leads from a point of the curve to a plan that keeps as much', async () => {
    const page = await opened();
    const points = page.locator('.savings-point');
    await points.first().focus();
    await page.keyboard.press('End');
    const label = await focused(page);
    assert.match(label, /^Plan with 90% of the energy, [\d.]+% of the parameters, mean error/);
    await page.keyboard.press('Enter');
    const field = page.locator('input[aria-label="Target in percent"]');
    await field.waitFor();
    const kept = Number(/energy, ([\d.]+)%/.exec(label)![1]);
    const planned = Number(await field.inputValue());
    assert.ok(Math.abs(planned - kept) < 1, `${planned} of ${kept}`);
    await page.keyboard.press('Escape');
    await page.locator('.plan').waitFor({ state: 'hidden' });
    assert.equal(await focused(page), label);
  });

  it('folds, by keyboard, and stays folded', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Fold the overview' }).focus();
    await page.keyboard.press('Enter');
    await map(page).waitFor({ state: 'hidden' });
    assert.equal(await page.locator('.model-verdict').isVisible(), true);
    await page.reload();
    await page.getByRole('button', { name: 'Unfold the overview' }).waitFor();
    assert.equal(await map(page).isVisible(), false);
  });

  it('draws a map of 126 blocks of nine roles in a fraction of a frame', async () => {
    const page = await opened({ model: 'deep' });
    await map(page)
      .getByText(/median/)
      .waitFor();
    const times = await page.evaluate<number[]>(`(() => {
      const plot = document.querySelector('.model-map');
      return Array.from({ length: 20 }, () => {
        const start = performance.now();
        plot.dispatchEvent(new Event('eigenscope-theme'));
        return performance.now() - start;
      });
    })()`);
    const median = times.sort((a, b) => a - b)[10]!;
    console.log(`      map of 126 × 9 cells drawn in ${median.toFixed(1)} ms (limit: 16 ms at rest)`);
    await page.screenshot({ path: path.join(screenshotFolder, 'map-deep.png') });
    assert.deepEqual(await requests(page, 'inspect'), []);
  });
});
