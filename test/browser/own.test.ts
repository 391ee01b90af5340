/** A person's own numbers in the view: columns, sorting, filter, map, and a plot against any number. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { leastContrasts, LEAST_CONTRAST } from './contrast';
import { openView } from './openView';
import { requests, screenshotFolder, violations } from './viewPage';

const HOSTILE = '<img src=x onerror=alert(1)>';

describe('own numbers', () => {
  async function opened(options: Parameters<typeof openView>[0] = {}): Promise<Page> {
    const page = await openView(options);
    await page.locator('.table-body .table-row').first().waitFor();
    return page;
  }
  const panel = (page: Page) => page.getByRole('region', { name: 'Your numbers' });
  const scatter = (page: Page) => panel(page).locator('.scatter');
  const finding = (page: Page): Promise<string> => scatter(page).locator('.plot-finding').innerText();

  async function chosen(page: Page, dropdown: string, option: string): Promise<void> {
    await page.getByRole('combobox', { name: dropdown }).click();
    await page.getByRole('option', { name: option, exact: true }).click();
  }

  it('are added from the column chooser by keyboard, and shown, sorted and filtered', async () => {
    const page = await opened();
    assert.equal(await panel(page).isVisible(), false);
    await page.getByRole('button', { name: 'Choose columns' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Add Columns from File…' }).focus();
    await page.keyboard.press('Enter');
    const loss = page.getByRole('columnheader', { name: 'loss', exact: true });
    await loss.waitFor();
    assert.deepEqual(await requests(page, 'addColumns'), [[null]]);
    await page.getByRole('button', { name: 'Show as a list' }).click();
    await loss.getByRole('button').click();
    assert.equal(await loss.getAttribute('aria-sort'), 'descending');
    const first = page.locator('.table-body .table-row').first();
    await first.filter({ hasText: 'lm_head' }).waitFor();
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('own_loss<2.03');
    await page.getByText(/^3 of \d+ tensors$/).waitFor();
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(await violations(page), []);
  });

  it('come with what did not fit, and go again', async () => {
    const page = await opened({ query: { own: '' } });
    await panel(page).getByText('losses.csv').waitFor();
    const said = panel(page).getByText('2 names not in this checkpoint, 1 problem');
    await said.click();
    await panel(page).getByText('Line 7: "loss" of a is "1,5", no finite number: it stays empty.').waitFor();
    await panel(page).getByText('Not in this checkpoint: <b>x</b>').waitFor();
    await panel(page).getByRole('button', { name: 'Remove the columns of losses.csv' }).click();
    await panel(page).waitFor({ state: 'hidden' });
    assert.deepEqual(await requests(page, 'removeColumns'), [{ path: '/checkpoints/llama-58m/losses.csv' }]);
  });

  it('are plotted against any number, with their rank correlation', async () => {
    const page = await opened({ query: { own: '' } });
    assert.match(await finding(page), /^Rank correlation −?\d\.\d\d \(95% interval .* over \d+ layers: /);
    // Against themselves, the order is the same.
    await chosen(page, 'Number upwards', 'loss');
    assert.match(await finding(page), /^Rank correlation 1\.00 .*: loss tends to rise with loss\.$/);
    await chosen(page, 'Number to the right', HOSTILE);
    assert.match(await finding(page), /^Rank correlation .* over 57 layers: /);
    await scatter(page).getByRole('button', { name: 'Show as table' }).click();
    await scatter(page).getByRole('columnheader', { name: HOSTILE }).waitFor();
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(await violations(page), []);
  });

  it('lead from a point to its layer, by mouse and by keyboard', async () => {
    const page = await opened({ query: { own: '' } });
    const cursor = scatter(page).getByRole('slider', { name: 'Layer in the plot, Enter opens it' });
    await cursor.focus();
    await page.keyboard.press('ArrowRight');
    const said = (await cursor.getAttribute('aria-valuetext'))!;
    assert.match(said, /^model\.\S+, loss 2\.010, α \d/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: said.split(',')[0]!, exact: true }).waitFor();
    await page.keyboard.press('Escape');
    const point = scatter(page).locator('circle.point').nth(4);
    await point.scrollIntoViewIfNeeded();
    const box = (await point.boundingBox())!;
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.locator('.layer h2').waitFor();
  });

  it('colour the map, and are remembered there', async () => {
    const page = await opened({ query: { own: '' } });
    await chosen(page, 'What the map shows', 'loss');
    const map = page.locator('.model-map');
    assert.match(await map.locator('.plot-finding').innerText(), /^loss: median 2\.\d+, from 2/);
    await page.screenshot({ path: path.join(screenshotFolder, 'own-map.png') });
    await page.reload();
    await page.locator('.model-map').waitFor();
    assert.match(await map.locator('.plot-finding').innerText(), /^loss: /);
  });

  it('say why a file cannot be used', async () => {
    const page = await opened({ query: { noown: '', own: '' } });
    await panel(page).getByRole('button', { name: 'Add Columns from File…' }).click();
    await page.getByText('losses.csv: names no tensor of this checkpoint').waitFor();
  });

  for (const [theme, width] of [
    ['dark', 1500],
    ['light', 1000],
    ['high-contrast', 600],
    ['high-contrast-light', 500],
  ] as const) {
    it(`can be read in ${theme} at ${width} pixels`, async () => {
      const page = await opened({ theme, width, query: { own: '' } });
      await scatter(page).scrollIntoViewIfNeeded();
      await scatter(page).locator('circle.point').first().waitFor();
      const texts = ['.own-file', '.own-files .muted', '.own-files summary', '.scatter .plot-finding'];
      const faint = (await leastContrasts(page, texts)).filter(([, contrast]) => contrast < LEAST_CONTRAST);
      assert.deepEqual(faint, []);
      assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth')) <= 0);
      await page.screenshot({ path: path.join(screenshotFolder, `own-${theme}.png`) });
    });
  }
});
