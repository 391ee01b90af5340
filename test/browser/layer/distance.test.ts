/** D against xmin under a layer's spectrum: why xmin is there, and moving it by pointer and by keyboard. */
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';
import { eventually } from '../../harness/eventually';
import { openLayer } from '../openView';
import { violations } from '../viewPage';

const LAYER = 'model.layers.0.mlp.gate_proj.weight';

describe('D against xmin in a layer’s view', () => {
  const plot = (page: Page): Locator => page.locator('.layer .distance').first();
  const esd = (page: Page): Locator => page.locator('.layer .esd').first();
  const handle = (page: Page): Locator => plot(page).getByRole('slider', { name: 'xmin, on the curve of D' });
  const xmin = (page: Page): Locator => esd(page).getByRole('slider', { name: 'Start of the tail, xmin' });

  const said = (page: Page, words: RegExp): Promise<string> =>
    eventually(
      async () => (await plot(page).locator('.plot-svg').getAttribute('aria-label')) ?? '',
      (text) => words.test(text),
    );

  it('says why xmin is there, in sight and as its name', async () => {
    const page = await openLayer(LAYER);
    const name = await said(
      page,
      /^D against xmin\. KS takes the xmin with the smallest D of \d+ candidates: D 0\.\d+ at xmin [\d.]+\./,
    );
    assert.equal(await plot(page).locator('.plot-finding').innerText(), name.replace('D against xmin. ', ''));
    const [, D] = / D (0\.\d+) at/.exec(name)!;
    const readings = await esd(page).locator('.readings').innerText();
    assert.match(readings.replace(/\s+/g, ' '), new RegExp(`D ${D!} `));
    assert.equal(await page.locator('.layer .distance').count(), 2, 'one for FARMS, too');
    assert.deepEqual(await violations(page), []);
  });

  it('lies on the axis of the spectrum, whatever part of it is shown', async () => {
    const page = await openLayer(LAYER);
    await said(page, /KS takes/);
    const left = async (slider: Locator): Promise<number> => (await slider.locator('.grip').boundingBox())!.x;
    assert.ok(Math.abs((await left(handle(page))) - (await left(xmin(page)))) < 0.6);
    const before = await left(handle(page));
    await page.getByRole('button', { name: 'Zoom to the tail' }).first().click();
    assert.notEqual(await left(handle(page)), before);
    assert.ok(Math.abs((await left(handle(page))) - (await left(xmin(page)))) < 0.6);
  });

  it('moves xmin by a click, by dragging and by keys, and tells D there', async () => {
    const page = await openLayer(LAYER);
    await said(page, /KS takes/);
    const start = async (slider: Locator): Promise<number> => Number(await slider.getAttribute('aria-valuenow'));
    const fitted = await start(xmin(page));
    const box = (await plot(page).locator('.plot-stage').boundingBox())!;
    await page.mouse.click(box.x + 0.4 * box.width, box.y + 0.5 * box.height);
    const clicked = await start(xmin(page));
    assert.notEqual(clicked, fitted);
    assert.equal(await start(handle(page)), clicked);
    await said(page, /At the xmin chosen by hand, [\d.]+, D is [\d.]+ and alpha [\d.]+\.$/);
    const grip = (await handle(page).locator('.grip').boundingBox())!;
    await page.mouse.move(grip.x + grip.width / 2, grip.y + 4);
    await page.mouse.down();
    await page.mouse.move(grip.x + 80, grip.y + 4, { steps: 3 });
    await page.mouse.up();
    const dragged = await start(xmin(page));
    assert.ok(dragged > clicked, `from ${clicked} to ${dragged}`);
    await handle(page).focus();
    await page.keyboard.press('ArrowLeft');
    assert.equal(await start(xmin(page)), dragged - 1);
    assert.match((await handle(page).getAttribute('aria-valuetext'))!, /^xmin [\d.]+, D [\d.]+, alpha [\d.]+$/);
    await page.getByRole('button', { name: 'Back to the fitted xmin' }).click();
    assert.equal(await start(handle(page)), fitted);
  });

  it('follows the rule that is chosen', async () => {
    const page = await openLayer(LAYER);
    await page.getByRole('combobox', { name: 'Rule for xmin' }).click();
    await page.getByRole('option', { name: 'xmin_mid' }).click();
    await said(page, /xmin_mid takes the middle eigenvalue, whatever its D: .* which it does not take: it is not the/);
    assert.ok((await plot(page).locator('.curve.excluded').getAttribute('d'))!.length > 100);
  });

  it('has the same numbers as a table', async () => {
    const page = await openLayer(LAYER);
    await said(page, /KS takes/);
    await plot(page).getByRole('button', { name: 'Show as table' }).click();
    const table = plot(page).getByRole('table', { name: 'Whole matrix: D and alpha of the tail from each xmin on' });
    const Ds = (await table.locator('tbody td:nth-child(2)').allInnerTexts()).map(Number);
    assert.ok(Ds.length > 300 && Ds.length <= 400, `${Ds.length} rows`);
    const [, D] = / D (0\.\d+) at/.exec(await said(page, /KS takes/))!;
    assert.ok(Math.abs(Math.min(...Ds) - Number(D)) < 1e-3);
  });

  it('is measured in slices of a long spectrum, and ends', async () => {
    const page = await openLayer(LAYER, { query: { farms: '200000' } });
    const farms = page.locator('.layer .distance').nth(1);
    const name = await eventually(
      async () => (await farms.locator('.plot-svg').getAttribute('aria-label')) ?? '',
      (text) => /takes the/.test(text),
    );
    assert.match(name, /^D against xmin\. xmin_peak takes the smallest D near the peak of the spectrum, from/);
  });

  it('is not there without a fit', async () => {
    const page = await openLayer('tiny.weight', { query: { model: 'odd' } });
    await page.locator('.layer .esd').first().getByText('power-law fit', { exact: true }).waitFor();
    assert.equal(await page.locator('.layer .spectrum-plots').first().locator('.distance').isVisible(), false);
  });
});
