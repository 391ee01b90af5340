/** The picture of a layer's matrix and its singular vectors, as a person uses them. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { openView } from './openView';
import { savePicture } from './savedPicture';
import { themes } from './themes';
import { requests, screenshotFolder, violations, type ViewOptions } from './viewPage';

const LAYER = 'model.layers.0.mlp.down_proj.weight';

describe("a layer's matrix", () => {
  async function opened(options: ViewOptions = {}, layer = LAYER): Promise<Page> {
    const page = await openView(options);
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill(layer);
    await page.locator('.table-body .table-row').first().click();
    await page.getByRole('heading', { name: layer, exact: true }).waitFor();
    await page.getByRole('tab', { name: 'Matrix' }).click();
    await page.locator('.heat-map canvas').waitFor();
    return page;
  }

  const cursor = (page: Page): Locator => page.getByRole('slider', { name: 'Cell of the heat map' });

  /** Colours of the picture, as numbers of different ones and the most frequent. */
  const colours = (page: Page): Promise<{ different: number; pixels: number }> =>
    page.evaluate(`(() => {
      const canvas = document.querySelector('.heat-map canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4) seen.add(data[i] * 65536 + data[i + 1] * 256 + data[i + 2]);
      return { different: seen.size, pixels: data.length / 4 };
    })()`);

  async function choose(page: Page, box: string, option: string): Promise<void> {
    await page.getByRole('combobox', { name: box }).click();
    await page.getByRole('option', { name: option }).click();
  }

  it('is asked for when its tab is first turned to, and not again', async () => {
    const page = await openView();
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill(LAYER);
    await page.locator('.table-body .table-row').first().click();
    await page.getByRole('tab', { name: 'Matrix' }).waitFor();
    assert.deepEqual(await requests(page, 'heatMap'), []);
    for (const tab of ['Matrix', 'Elements', 'Matrix']) await page.getByRole('tab', { name: tab }).click();
    await page.locator('.heat-map canvas').waitFor();
    assert.deepEqual(await requests(page, 'heatMap'), [{ layer: LAYER, order: 0 }]);
    assert.deepEqual(await requests(page, 'vectorMetrics'), [{ layer: LAYER, count: 10 }]);
  });

  it('is drawn in many colours and says what stands out', async () => {
    const page = await opened();
    const { different, pixels } = await colours(page);
    assert.ok(different > 50, `${different} colours`);
    assert.ok(pixels > 100_000);
    const name = await page.locator('.heat-map svg.plot-svg').getAttribute('aria-label');
    assert.match(
      name!,
      /^Heat map\. The largest element, .* is in rows \d+–\d+, columns 97–102\. The elements in columns 97–102 are/,
    );
    assert.deepEqual(await violations(page), []);
  });

  it('is read cell by cell with the keyboard', async () => {
    const page = await opened();
    await cursor(page).focus();
    for (const key of ['Home', ...new Array<string>(20).fill('PageUp')]) await page.keyboard.press(key);
    assert.equal(await cursor(page).getAttribute('aria-valuenow'), '0');
    assert.match(
      (await cursor(page).getAttribute('aria-valuetext'))!,
      /^rows 0–1, columns 0–5, mean .*, root mean square .*, largest/,
    );
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    assert.equal(await cursor(page).getAttribute('aria-valuenow'), '257');
    await page.keyboard.press('End');
    assert.match(await page.locator('.layer .cell-reading').innerText(), /^rows 2–3, columns 1,371–1,375 · mean/);
  });

  it('says what is under the pointer', async () => {
    const page = await opened();
    const picture = (await page.locator('.heat-map canvas').boundingBox())!;
    await page.mouse.move(picture.x + 2, picture.y + picture.height - 0.7);
    const tip = page.locator('.heat-map .plot-tip');
    await tip.waitFor();
    assert.match(await tip.innerText(), /^rows 510–511, columns 0–5\s+mean/);
  });

  it('shows another quantity, and the same as a table', async () => {
    const page = await opened();
    await choose(page, 'What the colours show', 'root mean square');
    await page.locator('.heat-map').getByRole('button', { name: 'Show as table' }).click();
    const table = page.getByRole('table', { name: `${LAYER}: root mean square, by rows (down) and columns (across)` });
    assert.equal(await table.locator('tbody tr').count(), 16);
    const [first, ...values] = await table.locator('tbody tr').first().locator('th, td').allInnerTexts();
    assert.equal(first, '0–31');
    assert.equal(values.length, 8);
    assert.ok(values.every((text) => Number(text) > 0.01 && Number(text) < 0.1));
  });

  it('is ordered by the singular vectors', async () => {
    const page = await opened();
    await choose(page, 'Order of rows and columns', 'by u₁ and v₁');
    await page.locator('.axis-caption', { hasText: 'place of the column' }).waitFor();
    assert.deepEqual((await requests(page, 'heatMap')).at(-1), { layer: LAYER, order: 1 });
    // Sorted, the product of two vectors is largest in the corners and changes its sign between them.
    await cursor(page).focus();
    const corner = async (...keys: string[]): Promise<number> => {
      for (const key of keys) await page.keyboard.press(key);
      const text = (await cursor(page).getAttribute('aria-valuetext'))!;
      return Number(/mean (-?[\d.E-]+)/.exec(text)![1]);
    };
    const up = new Array<string>(16).fill('PageUp');
    const down = new Array<string>(16).fill('PageDown');
    assert.ok((await corner('Home', ...up)) > 0.01);
    assert.ok((await corner('End')) < -0.01);
    assert.ok((await corner(...down)) > 0.01);
    assert.ok((await corner('Home')) < -0.01);
  });

  it('exports the picture with its legend', async () => {
    const page = await opened();
    const { bytes } = await savePicture(page, page.locator('.heat-map'), 'Save as SVG, Dark…');
    const text = bytes.toString('utf8');
    assert.match(text, /<image href="data:image\/png;base64,/);
    assert.ok(text.split('fill="rgb(').length > 40);
  });

  it('tells how the leading vectors are spread, with the meaning of each number', async () => {
    const page = await opened();
    const table = page.getByRole('table', { name: 'Singular values and how their vectors are spread' });
    assert.equal(await table.locator('tbody tr').count(), 10);
    assert.equal(await table.locator('tbody tr').first().locator('td').nth(0).innerText(), '3');
    const headers = await table.locator('thead th[title]').allInnerTexts();
    assert.deepEqual(headers.slice(1, 5), ['shared by', 'localization', 'participation', 'entropy']);
    await page
      .getByText(/^The strongest direction is carried by about \d+ of 512 rows and \d+ of 1,376 columns/)
      .waitFor();
    await page.getByText('What these numbers mean').focus();
    await page.keyboard.press('Enter');
    await page.locator('.definitions dd', { hasText: 'Its fourth power' }).waitFor();
  });

  it('says why there are no vectors, and shows the picture all the same', async () => {
    const page = await opened({ query: { tight: '1' } });
    await page.getByText(`the 10 largest singular vectors of ${LAYER} need about 900 MB`).waitFor();
    assert.equal(await page.locator('.matrix-vectors').getByRole('button', { name: 'Try Again' }).isEnabled(), true);
    assert.ok((await colours(page)).different > 50);
  });

  it('shows where NaN are in a matrix that has no spectrum', async () => {
    const page = await opened({ query: { model: 'odd' } }, 'broken.weight');
    assert.match(
      (await page.locator('.heat-map svg.plot-svg').getAttribute('aria-label'))!,
      /^Heat map\. 3 elements NaN or Inf\./,
    );
    assert.equal(await page.getByRole('combobox', { name: 'Order of rows and columns' }).count(), 0);
    assert.deepEqual(await requests(page, 'vectorMetrics'), []);
  });

  for (const { name: theme } of themes) {
    it(`screenshots, ${theme}`, async () => {
      const page = await opened({ theme, width: 1500, height: 950 });
      await page.getByRole('table', { name: 'Singular values' }).waitFor();
      await page.screenshot({ path: path.join(screenshotFolder, `matrix-${theme}.png`) });
      await choose(page, 'Order of rows and columns', 'by u₁ and v₁');
      await page.locator('.axis-caption', { hasText: 'place of the column' }).waitFor();
      await cursor(page).focus();
      await page.screenshot({ path: path.join(screenshotFolder, `matrix-ordered-${theme}.png`) });
    });
  }
});
