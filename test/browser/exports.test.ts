/** Keeping numbers: the menu of exports by mouse and by keyboard, and what the clipboard gets. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { openView } from './openView';
import { requests, screenshotFolder, violations } from './viewPage';

describe('exports', () => {
  async function opened(options: Parameters<typeof openView>[0] = {}): Promise<Page> {
    const page = await openView(options);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.locator('.table-body .table-row').first().waitFor();
    return page;
  }
  const exportButton = (page: Page) => page.getByRole('button', { name: 'Export', exact: true });
  const clipboard = (page: Page): Promise<string> => page.evaluate('navigator.clipboard.readText()');

  async function choose(page: Page, item: string): Promise<void> {
    await exportButton(page).click();
    await page.getByRole('menuitem', { name: item }).click();
  }

  it('asks the host for files, by mouse', async () => {
    const page = await opened();
    await exportButton(page).click();
    await page.getByRole('menu').waitFor();
    await page.screenshot({ path: path.join(screenshotFolder, 'export-menu.png') });
    await page.keyboard.press('Escape');
    await choose(page, 'Save Report as HTML…');
    await choose(page, 'Save All Numbers as CSV…');
    assert.deepEqual(await requests(page, 'exportNumbers'), [{ format: 'report' }, { format: 'csv' }]);
    assert.deepEqual(await violations(page), []);
  });

  it('is reached by keyboard alone, and gives the focus back', async () => {
    const page = await opened();
    await exportButton(page).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Save Report as HTML…' }).waitFor();
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Copy Overview as Markdown');
    await page.keyboard.press('Enter');
    await page.getByText('Copied the overview in Markdown.').waitFor();
    assert.deepEqual(await requests(page, 'copyOverview'), [[null]]);
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Export');
  });

  it('copies the rows that the filter leaves, in their order, with numbers in full', async () => {
    const page = await opened();
    await page.getByRole('columnheader', { name: 'α', exact: true }).getByRole('button').click();
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('layers.1.*_proj');
    await page.getByText(/^\d+ of \d+ tensors$/).waitFor();
    await choose(page, 'Copy Table for a Spreadsheet');
    await page.getByText(/^Copied \d+ rows of the table\.$/).waitFor();
    const [head, ...rows] = (await clipboard(page)).trimEnd().split('\n');
    const columns = head!.split('\t');
    assert.deepEqual(columns.slice(0, 4), ['name', 'shape', 'dtype', 'alpha']);
    const cells = rows.map((row) => row.split('\t'));
    assert.equal(cells.length, 7);
    for (const row of cells) assert.match(row[0]!, /^model\.layers\.1\..*_proj\.weight$/);
    const alphas = cells.map((row) => Number(row[3]));
    assert.deepEqual(
      alphas,
      alphas.toSorted((a, b) => b - a),
    );
    const known = await page.evaluate<number>(`window.mockHost.resultOf('${cells[0]![0]!}').metrics.alpha`);
    // The page's results were made in another program, whose logarithms may differ in the last bit.
    assert.ok(Math.abs(alphas[0]! - known) < 1e-12 * known, `${alphas[0]} is not ${known}`);
  });

  it('copies the table in Markdown for an issue', async () => {
    const page = await opened();
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('layers.1.mlp');
    await page.getByText(/^3 of \d+ tensors$/).waitFor();
    await choose(page, 'Copy Table as Markdown');
    await page.getByText('Copied 3 rows of the table.').waitFor();
    const lines = (await clipboard(page)).split('\n');
    assert.match(lines[0]!, /^\| Name \| Shape \| Type \| α \|/);
    assert.match(lines[2]!, /^\| `model\.layers\.1\.mlp\.\w+\.weight` \| \d+ × \d+ \| BF16 \| \d+\.?\d* \|/);
  });

  it('says what went wrong', async () => {
    const page = await opened({ query: { full: '' } });
    await choose(page, 'Save Overview as Markdown…');
    await page.getByText('the disk is full; nothing was written').waitFor();
  });

  for (const width of [1000, 600, 500]) {
    it(`fits at ${width} pixels`, async () => {
      const page = await opened({ width, theme: 'light' });
      await exportButton(page).click();
      await page.getByRole('menu').waitFor();
      assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth')) <= 0);
      await page.screenshot({ path: path.join(screenshotFolder, `export-menu-${width}.png`) });
      await page.keyboard.press('Escape');
    });
  }
});
