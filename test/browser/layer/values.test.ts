/** The table of a layer's elements: read by mouse and by keyboard, copied, saved. */
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';
import { eventually } from '../../harness/eventually';
import { cutTexts } from '../cutText';
import { openLayer } from '../openView';
import { requests, violations, type ViewOptions } from '../viewPage';

const LAYER = 'model.layers.0.mlp.down_proj.weight';
const EMBEDDING = 'model.embed_tokens.weight';

describe('the values of a layer', () => {
  async function opened(layer = LAYER, options: ViewOptions = {}): Promise<Page> {
    const page = await openLayer(layer, options);
    await page.getByRole('tab', { name: 'Values' }).click();
    await grid(page).getByRole('gridcell').first().waitFor();
    return page;
  }

  const grid = (page: Page): Locator => page.getByRole('grid', { name: /^Elements of / });
  const reading = (page: Page): Locator => page.locator('.values-reading');
  const status = (page: Page): Locator => page.locator('.values-status');
  const said = (page: Page, words: RegExp): Promise<string> =>
    eventually(
      () => reading(page).innerText(),
      (text) => words.test(text),
    );

  it('are asked for when their tab is first turned to, those in sight alone', async () => {
    const page = await openLayer(LAYER);
    await page.getByRole('tab', { name: 'Values' }).waitFor();
    assert.deepEqual(await requests(page, 'elementTable'), []);
    await page.getByRole('tab', { name: 'Values' }).click();
    await said(page, /^\[0, 0\] = -?0\.\d+$/);
    const asked = (await requests(page, 'elements')) as { range: { rows: number; cols: number } }[];
    assert.ok(asked.length > 0 && asked.length <= 4, `${asked.length} blocks`);
    assert.ok(asked.every(({ range }) => range.rows * range.cols <= 4096));
    assert.deepEqual(await violations(page), []);
  });

  it('are read with the keyboard, by their true indices', async () => {
    const page = await opened();
    await grid(page).focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
    await said(page, /^\[2, 1\] = -?0\.\d{6,}$/);
    const active = (await grid(page).getAttribute('aria-activedescendant'))!;
    const cell = page.locator(`#${active}`);
    assert.match((await cell.getAttribute('aria-label'))!, /^-?[\d.E-]+, row 2, column 1$/);
    await page.keyboard.press('Control+End');
    await said(page, /^\[511, 1375\] = /);
    assert.equal(await grid(page).getAttribute('aria-rowcount'), '513');
    await page.keyboard.press('Home');
    await said(page, /^\[511, 0\] = /);
  });

  it('are gone to by row and column', async () => {
    const page = await opened(EMBEDDING);
    await page.getByRole('spinbutton', { name: 'Row' }).fill('31999');
    await page.getByRole('spinbutton', { name: 'Row' }).press('Enter');
    await page.getByRole('spinbutton', { name: 'Column' }).fill('300');
    await page.getByRole('spinbutton', { name: 'Column' }).press('Enter');
    // The made table holds each element's place.
    await said(page, new RegExp(`^\\[31999, 300\\] = ${31999 * 512 + 300}$`));
    assert.equal(await grid(page).getByRole('rowheader', { name: '31,999', exact: true }).count(), 1);
  });

  it('of a table longer than a page can be are reached to the last', async () => {
    const page = await opened('model.language_model.embed_tokens.weight', { query: { model: 'long' } });
    await grid(page).focus();
    await page.keyboard.press('Control+ArrowDown');
    await said(page, /^\[25599999, 0\] = 1638399936$/);
    await page.keyboard.press('ArrowUp');
    await said(page, /^\[25599998, 0\] = /);
    const top = async (): Promise<string> => grid(page).getByRole('rowheader').first().innerText();
    const before = await top();
    await grid(page).hover();
    await page.mouse.wheel(0, -44);
    await eventually(top, (text) => text !== before);
    assert.match(await top(), /^25,599,9\d\d$/, 'a step of the wheel is a few rows');
  });

  it('are selected by mouse and copied with all digits', async () => {
    const page = await opened();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const cell = (row: number, col: number): Locator => page.locator(`#value-${row}-${col}`);
    await cell(1, 1).click();
    await cell(2, 3).click({ modifiers: ['Shift'] });
    assert.match(await reading(page).innerText(), / · 2 × 3 selected$/);
    assert.equal(await grid(page).locator('[aria-selected="true"]').count(), 6);
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    await page.getByText('Copied 6 elements.').waitFor();
    const text = await page.evaluate<string>('navigator.clipboard.readText()');
    const rows = text.split('\n').map((line) => line.split('\t'));
    assert.deepEqual(
      rows.map((row) => row.length),
      [3, 3],
    );
    // The made matrix's own number, to the last digit.
    await cell(2, 3).click();
    const [, value] = /^\[2, 3\] = (\S+)$/.exec(await reading(page).innerText())!;
    assert.equal(rows[1]![2], value);
    await grid(page).focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Control+c');
    await page.getByText('The selection has 704,512 elements; at most 65,536 are copied.').waitFor();
  });

  it('are selected by dragging', async () => {
    const page = await opened();
    const box = async (row: number, col: number): Promise<{ x: number; y: number }> => {
      const { x, y, width, height } = (await page.locator(`#value-${row}-${col}`).boundingBox())!;
      return { x: x + width / 2, y: y + height / 2 };
    };
    const [from, to] = [await box(0, 0), await box(3, 2)];
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.x, to.y, { steps: 4 });
    await page.mouse.up();
    assert.match(await reading(page).innerText(), /^\[3, 2\] = .* · 4 × 3 selected$/);
  });

  it('are saved: the tensor, the selection, σ; and say where, or why not', async () => {
    const page = await opened();
    const save = async (item: RegExp): Promise<void> => {
      await page.getByRole('button', { name: 'Save as .npy…' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    await page.locator('#value-1-1').click();
    await page.locator('#value-2-3').click({ modifiers: ['Shift'] });
    await save(/^The selection: rows 1–2, columns 1–3$/);
    await page
      .getByText(/^Saved \/checkpoints\/llama-58m\/saved\.npy: float32, 2 × 3, 1\.23 kB\. BF16 is written/)
      .waitFor();
    await save(/^The whole tensor$/);
    await page.getByText(/: float32, 512 × 1,?376, /).waitFor();
    await save(/singular values/);
    const asked = (await requests(page, 'saveArray')) as { contents: unknown }[];
    assert.deepEqual(
      asked.map(({ contents }) => contents),
      [{ kind: 'slice', range: { row: 1, rows: 2, col: 1, cols: 3 } }, { kind: 'tensor' }, { kind: 'singular-values' }],
    );
    const failing = await opened(LAYER, { query: { full: '1' } });
    await failing.getByRole('button', { name: 'Save as .npy…' }).press('Enter');
    await failing.keyboard.press('Enter');
    await failing.getByText('the disk is full; nothing was written').waitFor();
    assert.match((await status(failing).getAttribute('class'))!, /problem/);
  });

  it('of a vector are one column, and of a kernel have all of its indices', async () => {
    const vector = await opened('model.norm.weight');
    await grid(vector).focus();
    await vector.keyboard.press('Control+End');
    await said(vector, /^\[511\] = 511$/);
    await vector.getByRole('button', { name: 'Save as .npy…' }).click();
    assert.equal(await vector.getByRole('menuitem', { name: /singular/ }).count(), 0);
    const kernel = await opened('conv1.weight', { query: { model: 'odd' } });
    await grid(kernel).focus();
    await kernel.keyboard.press('Control+End');
    await said(kernel, /^\[63, 31, 2, 2\] = /);
    assert.equal(await grid(kernel).getByRole('columnheader', { name: '31 · 2 · 2', exact: true }).count(), 1);
  });

  it('follow a cell of the heat map, by keyboard and by mouse', async () => {
    const page = await openLayer(LAYER);
    await page.getByRole('tab', { name: 'Matrix' }).click();
    const cursor = page.getByRole('slider', { name: 'Cell of the heat map' });
    await cursor.focus();
    for (const key of ['Home', ...new Array<string>(20).fill('PageUp'), 'ArrowRight', 'ArrowDown']) {
      await page.keyboard.press(key);
    }
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'Values', selected: true }).waitFor();
    await said(page, /^\[2, 6\] = -?0\.\d+/);
    assert.equal(await page.evaluate<string>('document.activeElement.getAttribute("role")'), 'grid');
    await page.getByRole('tab', { name: 'Matrix' }).click();
    const box = (await page.locator('.heat-map .plot-stage').boundingBox())!;
    await page.mouse.click(box.x + 0.5 * box.width, box.y + 0.5 * box.height);
    await page.getByRole('button', { name: 'Show its elements (Enter)' }).click();
    const [, row, col] = /^\[(\d+), (\d+)\]/.exec(await said(page, /^\[2\d\d, /))!;
    assert.ok(Number(row) > 200 && Number(col) > 500, `row ${row!}, column ${col!}`);
  });

  it('say why they cannot be read', async () => {
    const page = await openLayer(LAYER, { query: { unread: '1' } });
    await page.getByRole('tab', { name: 'Values' }).click();
    await page.getByText(`${LAYER}: the file is shorter than its header says`).first().waitFor();
  });

  it('are cut nowhere, at 1500 and at 500 pixels', async () => {
    const page = await opened();
    for (const width of [1500, 500]) {
      await page.setViewportSize({ width, height: 900 });
      await said(page, /= -?0/);
      // The last column in sight is scrolled to.
      const cut = (await cutTexts(page)).filter((text) => !text.startsWith('values-cell'));
      assert.deepEqual(cut, []);
    }
  });
});
