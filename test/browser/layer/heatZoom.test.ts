/** The heat map down to single elements, by mouse and by keyboard. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { eventually } from '../../harness/eventually';
import { openLayer } from '../openView';
import { savePicture } from '../savedPicture';
import { themes } from '../themes';
import { requests, screenshotFolder, violations, type ViewOptions } from '../viewPage';

const LAYER = 'model.layers.0.mlp.down_proj.weight';

describe('a heat map down to its elements', () => {
  const plot = (page: Page): Locator => page.locator('.heat-map');
  const cursor = (page: Page): Locator => page.getByRole('slider', { name: 'Cell of the heat map' });
  const reading = (page: Page): Promise<string> => page.locator('.layer .cell-reading').innerText();

  async function opened(options: ViewOptions = {}): Promise<Page> {
    const page = await openLayer(LAYER, options);
    await page.getByRole('tab', { name: 'Matrix' }).click();
    await plot(page).locator('canvas').waitFor();
    return page;
  }

  const said = (page: Page, words: RegExp): Promise<string> =>
    eventually(
      () => reading(page),
      (text) => words.test(text),
    );

  /** Zooms in around the cell that is read out. */
  async function zoomIn(page: Page, times: number): Promise<void> {
    await plot(page).locator('svg.plot-svg').focus();
    for (let i = 0; i < times; i++) await page.keyboard.press('+');
  }

  /** What the engine says of an element, as the table of values shows it. */
  async function stored(page: Page, row: number, col: number): Promise<string> {
    await page.getByRole('tab', { name: 'Values' }).click();
    await page.getByRole('spinbutton', { name: 'Row' }).fill(String(row));
    await page.getByRole('spinbutton', { name: 'Column' }).fill(String(col));
    await page.getByRole('spinbutton', { name: 'Column' }).press('Enter');
    return eventually(
      () => page.locator('.values-reading').innerText(),
      (text) => text.startsWith(`[${row}, ${col}] = `) && !text.includes('…'),
    );
  }

  it('shows cells first, then elements with their true indices and values', async () => {
    const page = await opened();
    assert.deepEqual(await requests(page, 'elements'), []);
    await zoomIn(page, 1);
    assert.match(await reading(page), /^rows? [\d–,]+, columns [\d–,]+ · mean /);
    assert.deepEqual(await requests(page, 'elements'), [], 'half of the columns are no single elements');
    await zoomIn(page, 3);
    const text = await said(page, /^row \d+, column \d+ · value -?[\d.E-]+$/);
    const [row, col] = [...text.matchAll(/(?:row|column) ([\d,]+)/g)].map(([, index]) =>
      Number(index!.replace(',', '')),
    );
    const [, value] = /value (\S+)/.exec(text)!;
    const found = await stored(page, row!, col!);
    const exact = Number(found.split(' = ')[1]);
    assert.ok(Math.abs(Number(value) - exact) <= 1e-4 * Math.abs(exact), `${value} in the map, ${found} in the table`);
    assert.deepEqual(await violations(page), []);
  });

  it('asks for what is in sight, and nothing else', async () => {
    const page = await opened();
    await zoomIn(page, 5);
    await said(page, /value -?\d/);
    const asked = (await requests(page, 'elements')) as { range: { rows: number; cols: number } }[];
    const cells = asked.reduce((sum, { range }) => sum + range.rows * range.cols, 0);
    assert.ok(asked.length > 0 && cells <= 0.2 * 512 * 1376, `${cells} elements in ${asked.length} answers`);
  });

  it('moves with arrows, and the cell that is read out brings the map along', async () => {
    const page = await opened();
    await zoomIn(page, 6);
    await said(page, /value -?\d/);
    const at = async (): Promise<number> => Number(await cursor(page).getAttribute('aria-valuenow'));
    const before = await reading(page);
    await plot(page).locator('svg.plot-svg').focus();
    for (let i = 0; i < 8; i++) await page.keyboard.press('ArrowDown');
    // The map is moved away from under the cursor, which stays in sight.
    assert.notEqual(await reading(page), before);
    await cursor(page).focus();
    await page.keyboard.press('Home');
    await said(page, /^row \d+, column 0 · value -?\d/);
    const from = await at();
    await page.keyboard.press('ArrowRight');
    assert.equal(await at(), from + 1);
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'Values', selected: true }).waitFor();
    await eventually(
      () => page.locator('.values-reading').innerText(),
      (text) => /^\[\d+, 1\] = /.test(text),
    );
  });

  it('is moved by dragging, zoomed by Ctrl and the wheel, and shown whole by a double click', async () => {
    const page = await opened();
    const box = (await plot(page).locator('canvas').boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.keyboard.down('Control');
    for (let i = 0; i < 6; i++) await page.mouse.wheel(0, -250);
    await page.keyboard.up('Control');
    await plot(page).getByRole('button', { name: 'Show all' }).waitFor();
    const tip = plot(page).locator('.plot-tip');
    const under = async (): Promise<number> => {
      await page.mouse.move(x + 1, y);
      await page.mouse.move(x, y);
      const text = await eventually(
        () => tip.innerText(),
        (words) => /value -?\d/.test(words),
      );
      return Number(/column ([\d,]+)/.exec(text)![1]!.replace(',', ''));
    };
    const before = await under();
    await page.mouse.down();
    await page.mouse.move(x - 150, y, { steps: 5 });
    await page.mouse.up();
    const after = await under();
    assert.ok(after > before, `column ${before}, then ${after}`);
    await page.mouse.dblclick(x, y);
    await plot(page).getByRole('button', { name: 'Show all' }).waitFor({ state: 'hidden' });
    assert.match(await said(page, /mean/), /^rows? [\d–,]+, columns [\d–,]+ · mean /);
  });

  it('has the elements in sight as its table, and in a saved picture', async () => {
    const page = await opened();
    await zoomIn(page, 7);
    await said(page, /value -?\d/);
    const svg = (await savePicture(page, plot(page), 'Save as SVG, Light…')).bytes.toString();
    assert.match(svg, /text-anchor="middle"[^>]*>-?0\.\d+<|>-?\d\.\d+E-\d+</, 'numbers stand in the cells');
    await plot(page).getByRole('button', { name: 'Show as table' }).click();
    const table = page.getByRole('table', { name: new RegExp(`^${LAYER}: elements of rows`) });
    const texts = await table.locator('tbody tr').first().locator('td').allInnerTexts();
    assert.ok(texts.length > 3 && texts.every((text) => Number.isFinite(Number(text))), texts.join());
  });

  for (const { name: theme } of themes) {
    it(`screenshots, ${theme}`, async () => {
      const page = await opened({ theme, width: 1500, height: 950 });
      await zoomIn(page, 7);
      await said(page, /value -?\d/);
      await cursor(page).focus();
      await page.screenshot({ path: path.join(screenshotFolder, `heat-elements-${theme}.png`) });
    });
  }
});
