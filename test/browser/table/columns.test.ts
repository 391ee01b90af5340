/** The table's columns as a person arranges them: chosen by group, made wider, moved, left out where there is no room. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { ColumnLayout } from '../../../extension/shared/columnLayout';
import { eventually } from '../../harness/eventually';
import { openView } from '../openView';
import { themes } from '../themes';
import { notify, requests, screenshotFolder, violations, type ViewOptions } from '../viewPage';

describe('the columns of the table', () => {
  async function opened(options: ViewOptions = {}): Promise<Page> {
    const page = await openView({ width: 1400, ...options });
    await page.locator('.table-body .table-row').first().waitFor();
    return page;
  }

  const titles = (page: Page): Promise<string[]> =>
    page.evaluate(
      `[...document.querySelectorAll('.table-head [role=columnheader]')].map((title) => title.textContent)`,
    );
  const title = (page: Page, name: string): Locator => page.getByRole('columnheader', { name, exact: true });
  const widthOf = async (page: Page, name: string): Promise<number> => (await title(page, name).boundingBox())!.width;
  const chooser = (page: Page): Locator => page.getByRole('dialog', { name: 'Columns' });
  const choose = (page: Page): Promise<void> => page.getByRole('button', { name: /^Choose columns/ }).click();
  const scrolls = (page: Page): Promise<boolean> =>
    page.evaluate(`document.querySelector('.table').scrollWidth > document.querySelector('.table').clientWidth`);
  const kept = async (page: Page): Promise<ColumnLayout> =>
    ((await requests(page, 'rememberColumns')).at(-1) as { layout: ColumnLayout }).layout;

  it('are as many as fit, the most important ones, and grow back with the window', async () => {
    const page = await opened();
    const all = await titles(page);
    assert.equal(all.length, 1 + 12);
    assert.equal(await scrolls(page), false);
    await page.setViewportSize({ width: 600, height: 900 });
    const few = await eventually(
      () => titles(page),
      (shown) => shown.length < 7,
    );
    assert.ok(few.includes('α') && few.includes('FARMS α') && few.includes('Shape'), few.join());
    assert.equal(await scrolls(page), false);
    await page
      .getByRole('button', { name: `Choose columns: there is no room for ${all.length - few.length}` })
      .waitFor();
    await page.screenshot({ path: path.join(screenshotFolder, 'columns-600.png') });
    await page.setViewportSize({ width: 1400, height: 900 });
    await eventually(
      () => titles(page),
      (shown) => shown.length === all.length,
    );
  });

  it('fit when the names take more room: in a list, and in what a filter finds', async () => {
    // Here the last column fits beside the names of the tree, and not beside those of the list.
    const page = await opened({ width: 1139 });
    const all = (await titles(page)).length;
    await page.getByRole('button', { name: 'Show as a list' }).click();
    assert.equal((await titles(page)).length, all - 1);
    assert.equal(await scrolls(page), false);
    await page.getByRole('button', { name: 'Show as a tree' }).click();
    assert.equal((await titles(page)).length, all);
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('q_proj');
    await eventually(
      async () => (await titles(page)).length,
      (count) => count === all - 1,
    );
    assert.equal(await scrolls(page), false);
  });

  it('follow what another view of the workspace arranged, without telling it back', async () => {
    const page = await opened();
    const layout = {
      chosen: ['D', 'ww_pl_tail_mass', 'alpha'],
      fit: false,
      order: ['D', 'alpha', 'ww_pl_tail_mass'],
      widths: { D: 120 },
    };
    await notify(page, 'columns', layout);
    await eventually(
      () => titles(page),
      (shown) => shown.join() === 'Name,D,α,tail mass',
    );
    assert.equal(await widthOf(page, 'D'), 120);
    assert.equal(await page.locator('.table-body .table-row:visible').first().locator('.cell').count(), 4);
    await choose(page);
    assert.equal(await chooser(page).getByRole('checkbox', { name: 'Only columns that fit' }).isChecked(), false);
    await chooser(page).getByRole('checkbox', { name: 'tail mass' }).click();
    assert.deepEqual(await titles(page), ['Name', 'D', 'α']);
    assert.deepEqual(
      ((await requests(page, 'rememberColumns')) as { layout: ColumnLayout }[]).map(({ layout: kept }) => kept),
      [{ ...layout, chosen: ['D', 'alpha'] }],
    );
    assert.deepEqual(await violations(page), []);
  });

  it('keep the one that rows are sorted by when there is no room', async () => {
    const page = await opened();
    await title(page, 'entropy').getByRole('button').click();
    await page.setViewportSize({ width: 600, height: 900 });
    const few = await eventually(
      () => titles(page),
      (shown) => shown.length < 7,
    );
    assert.ok(few.includes('entropy'), few.join());
  });

  it('are chosen by group, shown beyond the room on demand, and reset', async () => {
    const page = await opened({ width: 1000 });
    await choose(page);
    const groups = await chooser(page).locator('legend').allInnerTexts();
    assert.deepEqual(groups.slice(0, 3), ['Tensor', 'Power-law fit', 'Ranks and entropy']);
    await chooser(page).getByRole('checkbox', { name: 'tail mass' }).click();
    assert.ok((await titles(page)).includes('tail mass'));
    assert.equal(await scrolls(page), false);
    await page.screenshot({ path: path.join(screenshotFolder, 'columns-chooser.png') });
    await chooser(page).getByRole('checkbox', { name: 'Only columns that fit' }).click();
    assert.equal((await titles(page)).length, 1 + 13);
    assert.equal(await scrolls(page), true);
    await chooser(page).getByRole('button', { name: 'Reset' }).click();
    assert.ok(!(await titles(page)).includes('tail mass'));
    assert.equal(await scrolls(page), false);
    // Nobody chose the usual columns: a later version may have others.
    assert.equal((await kept(page)).chosen, null);
    assert.deepEqual(await violations(page), []);
  });

  it('come back when the page does, and go to the workspace', async () => {
    const page = await opened();
    await choose(page);
    await chooser(page).getByRole('checkbox', { name: 'tail mass' }).press('Space');
    await page.keyboard.press('Escape');
    await title(page, 'D').getByRole('button').focus();
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Control+ArrowLeft');
    const layout = await eventually(
      () => kept(page),
      ({ order }) => order.length > 0,
    );
    assert.ok(layout.chosen?.includes('ww_pl_tail_mass') && layout.chosen.includes('alpha'));
    assert.deepEqual(Object.keys(layout.widths), ['D']);
    const [shown, width] = [await titles(page), await widthOf(page, 'D')];
    await page.reload();
    await page.locator('.table-body .table-row').first().waitFor();
    assert.deepEqual(await titles(page), shown);
    assert.equal(await widthOf(page, 'D'), width);
  });

  it('are made wider and narrower by mouse, without sorting, and get their usual width back', async () => {
    const page = await opened();
    const before = await widthOf(page, 'D');
    const box = (await title(page, 'D').boundingBox())!;
    await page.mouse.move(box.x + box.width - 2, box.y + 10);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width + 38, box.y + 10, { steps: 4 });
    await page.mouse.up();
    assert.equal(Math.round((await widthOf(page, 'D')) - before), 40);
    assert.equal(await title(page, 'D').getAttribute('aria-sort'), 'none');
    assert.equal((await kept(page)).widths.D, Math.round(before + 40));
    const wide = (await title(page, 'D').boundingBox())!;
    await page.mouse.dblclick(wide.x + wide.width - 2, wide.y + 10);
    assert.equal(await widthOf(page, 'D'), before);
    const name = (await title(page, 'Name').boundingBox())!;
    await page.mouse.move(name.x + name.width - 2, name.y + 10);
    await page.mouse.down();
    await page.mouse.move(name.x + 150, name.y + 10, { steps: 4 });
    await page.mouse.up();
    assert.ok(Math.abs((await widthOf(page, 'Name')) - 152) <= 3);
  });

  it('are moved by mouse, and a click still sorts', async () => {
    const page = await opened();
    const [from, to] = [(await title(page, 'entropy').boundingBox())!, (await title(page, 'Shape').boundingBox())!];
    await page.mouse.move(from.x + 30, from.y + 12);
    await page.mouse.down();
    await page.mouse.move(from.x - 60, from.y + 12, { steps: 3 });
    await page.mouse.move(to.x + 10, to.y + 12, { steps: 5 });
    assert.equal(await page.locator('.drop-mark').isVisible(), true);
    await page.screenshot({ path: path.join(screenshotFolder, 'columns-move.png') });
    await page.mouse.up();
    assert.deepEqual((await titles(page)).slice(0, 3), ['Name', 'entropy', 'Shape']);
    assert.equal(await title(page, 'entropy').getAttribute('aria-sort'), 'none');
    await title(page, 'entropy').getByRole('button').click();
    assert.equal(await title(page, 'entropy').getAttribute('aria-sort'), 'descending');
  });

  it('are moved and made wider by keyboard, and keep the focus', async () => {
    const page = await opened();
    const before = await widthOf(page, 'Type');
    await title(page, 'Type').getByRole('button').focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowRight');
    assert.equal((await widthOf(page, 'Type')) - before, 24);
    await page.keyboard.press('Control+ArrowLeft');
    await page.keyboard.press('Control+ArrowLeft');
    assert.deepEqual((await titles(page)).slice(0, 3), ['Name', 'Type', 'Shape']);
    await page.keyboard.press('Control+ArrowRight');
    assert.deepEqual((await titles(page)).slice(0, 3), ['Name', 'Shape', 'Type']);
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Type');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Shape');
  });

  it('keep the name in sight where the table scrolls sideways', async () => {
    const page = await opened({ width: 800 });
    await choose(page);
    await chooser(page).getByRole('checkbox', { name: 'Only columns that fit' }).click();
    await page.keyboard.press('Escape');
    await page.evaluate(`document.querySelector('.table').scrollLeft = 400`);
    const row = page.locator('.table-body .table-row:visible').first();
    assert.equal(
      Math.round((await row.locator('.cell.name').boundingBox())!.x),
      Math.round((await page.locator('.table').boundingBox())!.x),
    );
  });

  for (const { name } of themes) {
    it(`have a chooser that can be read in ${name}`, async () => {
      const page = await opened({ theme: name, width: 1000 });
      await choose(page);
      await chooser(page).waitFor();
      await page.screenshot({ path: path.join(screenshotFolder, `columns-${name}.png`) });
    });
  }
});
