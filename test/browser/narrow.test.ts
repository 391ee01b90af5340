/** The page beside an open side bar of a small window: a quarter of a thousand pixels. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { cutTexts } from './cutText';
import { openView } from './openView';
import { openPlan } from './planPage';
import { screenshotFolder, violations } from './viewPage';

/** What a window of 600 pixels leaves. */
const WIDTH = 252;

/** Buttons of the header that reach beyond the page, by their names. */
const BEYOND = `[...document.querySelectorAll('.header-actions > :not([hidden])')]
  .filter((each) => each.getBoundingClientRect().right > innerWidth || each.getBoundingClientRect().left < 0)
  .map((each) => each.title || each.textContent)`;

describe('a narrow page', () => {
  const headerHeight = async (page: Page): Promise<number> => (await page.locator('.header').boundingBox())!.height;

  it('begins with one line, and shows what is known of the file on request', async () => {
    const page = await openView({ width: WIDTH });
    await page.locator('.header-actions').getByRole('button', { name: 'Export' }).waitFor();
    assert.ok((await headerHeight(page)) < 60, `the header is ${await headerHeight(page)} pixels high`);
    assert.deepEqual(await page.evaluate(BEYOND), []);
    assert.deepEqual(await cutTexts(page), []);
    await page.screenshot({ path: path.join(screenshotFolder, 'narrow.png') });
    await page.getByRole('button', { name: 'Show what is known of the file' }).click();
    await page.locator('.facts').waitFor();
    assert.deepEqual(await page.evaluate(BEYOND), []);
    await page.setViewportSize({ width: 1000, height: 900 });
    await page.locator('.header-actions').getByText('Compress Model…').waitFor();
    await page.getByRole('button', { name: 'Hide what is known of the file' }).waitFor({ state: 'hidden' });
    assert.deepEqual(await violations(page), []);
  });

  it('leaves a plan most of its height, its buttons named by their tooltips', async () => {
    const page = await openPlan({ width: WIDTH });
    const above = (await page.getByRole('slider', { name: 'Target' }).boundingBox())!.y;
    assert.ok(above < 300, `the slider begins at ${above} pixels`);
    const save = page.locator('.plan-actions vscode-button', { hasText: 'Save Plan…' });
    assert.equal(await save.getAttribute('title'), 'Save Plan…');
    const change = page.getByRole('region', { name: 'The whole model' }).locator('tr', { hasText: 'Size' });
    await change.scrollIntoViewIfNeeded();
    const { x, width } = (await change.locator('td').last().boundingBox())!;
    assert.ok(x + width <= WIDTH, `the change ends at ${x + width}`);
    assert.deepEqual(await cutTexts(page), []);
  });

  it('shows all that statistics hold of a layer', async () => {
    const page = await openPlan({ width: WIDTH });
    await page.getByRole('button', { name: 'Use Statistics…' }).click();
    await page.getByText('Statistics statistics.safetensors').click();
    const region = page.getByRole('region', { name: 'Layers with statistics' });
    await region.locator('tbody tr').first().waitFor();
    const boxes = await Promise.all((await region.locator('td, th').all()).map((cell) => cell.boundingBox()));
    const ends = boxes.map((box) => box!.x + box!.width);
    assert.ok(ends.length > 4);
    for (const end of ends) assert.ok(end <= WIDTH, `a cell ends at ${end}`);
    assert.deepEqual(await cutTexts(page), []);
    await page.screenshot({ path: path.join(screenshotFolder, 'narrow-statistics.png') });
  });

  it('folds the header of a wide page for a plan, and unfolds it behind', async () => {
    const page = await openPlan({ width: 1500 });
    await page.locator('.facts').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Back to the Table' }).click();
    await page.locator('.facts').waitFor();
  });
});
