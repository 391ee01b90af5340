/** Zooming plots by brush, wheel and keys, as a person does; what is told, kept and saved of it. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { eventually } from '../../harness/eventually';
import { openLayer, openView } from '../openView';
import { savePicture } from '../savedPicture';
import { screenshotFolder, violations } from '../viewPage';

const LAYER = 'model.layers.0.mlp.gate_proj.weight';

describe('zooming plots', () => {
  const esd = (page: Page): Locator => page.locator('.layer .esd').first();
  const xmin = (page: Page): Locator => esd(page).getByRole('slider', { name: 'Start of the tail, xmin' });
  const all = (page: Page): Locator => esd(page).getByRole('button', { name: 'Show bulk and tail' });
  const ticks = async (plot: Locator): Promise<string> =>
    (await plot.locator('.axis').first().locator('.tick text').allTextContents()).join(' ');

  /** Draws a brush over a share of the stage; `end` is let go of outside of the plot where it is above 1. */
  async function brush(page: Page, plot: Locator, from: [number, number], to: [number, number]): Promise<void> {
    await plot.scrollIntoViewIfNeeded();
    const box = (await plot.locator('.plot-stage').boundingBox())!;
    const at = ([x, y]: [number, number]): [number, number] => [box.x + x * box.width, box.y + y * box.height];
    await page.mouse.move(...at(from));
    await page.mouse.down();
    await page.mouse.move(...at(to), { steps: 4 });
    await page.mouse.up();
  }

  const drawn = async (page: Page): Promise<string> =>
    (await savePicture(page, esd(page), 'Save as SVG, Light…')).bytes.toString();

  /** What a screen reader was told last. */
  const told = (plot: Locator, words: RegExp): Promise<string> =>
    eventually(
      async () => (await plot.locator('p[aria-live=polite].hidden').textContent()) ?? '',
      (text) => words.test(text),
    );

  it('shows the range that a brush draws, tells it, and all again on Escape', async () => {
    const page = await openLayer(LAYER);
    const before = await ticks(esd(page));
    assert.equal(await all(page).isVisible(), false);
    await brush(page, esd(page), [0.5, 0.4], [0.8, 0.5]);
    await all(page).waitFor();
    assert.notEqual(await ticks(esd(page)), before);
    const words = await told(esd(page), /^Shown: eigenvalue λ from [\d.E−-]+ to [\d.E−-]+\.$/);
    // D against xmin lies on the same axis.
    assert.equal(await ticks(page.locator('.layer .distance').first()), await ticks(esd(page)));
    await page.keyboard.press('Escape');
    await all(page).waitFor({ state: 'hidden' });
    assert.equal(await ticks(esd(page)), before);
    await told(esd(page), /^All is shown\.$/);
    assert.equal(await page.locator('.layer').isVisible(), true, 'the first Escape is the plot’s');
    assert.notEqual(words, '');
    assert.deepEqual(await violations(page), []);
  });

  it('leaves the drag of xmin alone, and a click after a brush is none', async () => {
    const page = await openLayer(LAYER);
    const distance = page.locator('.layer .distance').first();
    const start = (): Promise<string | null> => xmin(page).getAttribute('aria-valuenow');
    const fitted = await start();
    const grip = (await xmin(page).locator('.grip').boundingBox())!;
    await page.mouse.move(grip.x + grip.width / 2, grip.y + grip.height / 2);
    await page.mouse.down();
    await page.mouse.move(grip.x - 60, grip.y, { steps: 3 });
    await page.mouse.up();
    const moved = await start();
    assert.notEqual(moved, fitted);
    assert.equal(await all(page).isVisible(), false);
    await brush(page, distance, [0.3, 0.4], [0.95, 0.5]);
    await all(page).waitFor();
    assert.equal(await start(), moved, 'the brush ended on the curve, and chose no xmin there');
    // In what is shown, it is dragged as before, and not out of sight.
    const now = (await xmin(page).locator('.grip').boundingBox())!;
    await page.mouse.move(now.x + now.width / 2, now.y + now.height / 2);
    await page.mouse.down();
    await page.mouse.move(now.x - 2000, now.y, { steps: 3 });
    await page.mouse.up();
    assert.ok(Number(await start()) < Number(moved));
    assert.equal(await xmin(page).isVisible(), true);
  });

  it('is done by keys alone: the plot is a stop, + and − zoom, arrows move, 0 shows all', async () => {
    const page = await openLayer(LAYER);
    const before = await ticks(esd(page));
    await esd(page).getByRole('button', { name: 'Save plot' }).focus();
    await page.keyboard.press('Tab');
    assert.match(await page.evaluate<string>(`document.activeElement.getAttribute('aria-label')`), /^Whole matrix\. /);
    await page.keyboard.press('+');
    const zoomed = await told(esd(page), /^Shown: /);
    await page.keyboard.press('ArrowRight');
    const right = await told(esd(page), /^Shown: (?!.*from 0\.0* )/);
    await eventually(
      async () => (await esd(page).locator('p[aria-live=polite].hidden').textContent()) ?? '',
      (text) => text !== zoomed,
    );
    assert.notEqual(right, '');
    // On the handle of xmin arrows move xmin; with Shift they move the plot.
    await page.keyboard.press('ArrowLeft');
    await xmin(page).focus();
    const [place, shown] = [await xmin(page).getAttribute('aria-valuenow'), await ticks(esd(page))];
    await page.keyboard.press('Shift+ArrowLeft');
    assert.notEqual(await ticks(esd(page)), shown);
    assert.equal(await xmin(page).getAttribute('aria-valuenow'), place);
    await page.keyboard.press('0');
    assert.equal(await ticks(esd(page)), before);
    assert.equal(await page.locator('.layer').isVisible(), true);
    await page.keyboard.press('Escape');
    await page.locator('.layer').waitFor({ state: 'hidden' });
  });

  it('follows the wheel with Ctrl alone, and a double click shows all', async () => {
    const page = await openLayer(LAYER);
    const box = (await esd(page).locator('.plot-stage').boundingBox())!;
    await page.mouse.move(box.x + 0.7 * box.width, box.y + 0.5 * box.height);
    await page.mouse.wheel(0, -200);
    assert.equal(await all(page).isVisible(), false);
    const moved = (await esd(page).locator('.plot-stage').boundingBox())!;
    await page.mouse.move(moved.x + 0.7 * moved.width, moved.y + 0.5 * moved.height);
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -200);
    await page.keyboard.up('Control');
    await all(page).waitFor();
    await page.mouse.dblclick(moved.x + 0.4 * moved.width, moved.y + 0.3 * moved.height);
    await all(page).waitFor({ state: 'hidden' });
  });

  it('is kept while the layer is open, and stands in a saved picture', async () => {
    const page = await openLayer(LAYER);
    const whole = await drawn(page);
    await brush(page, esd(page), [0.5, 0.4], [0.8, 0.5]);
    const words = await told(esd(page), /^Shown: /);
    const svg = await drawn(page);
    assert.doesNotMatch(whole, /clip-path="url/);
    assert.match(svg, /clip-path="url\(#plot-clip-\d+\)"/);
    assert.match(svg, /<clipPath id="plot-clip-\d+"/);
    await page.getByRole('tab', { name: 'Values' }).click();
    await page.getByRole('tab', { name: 'Spectrum' }).click();
    await all(page).waitFor();
    await page.reload();
    await all(page).waitFor();
    assert.equal(await told(esd(page), /^Shown: /), words);
  });

  it('zooms ranks: a click picks, the line is dragged, a brush shows ranks alone', async () => {
    const page = await openLayer(LAYER);
    await page.getByRole('tab', { name: 'Ranks and compression' }).click();
    const plot = page.locator('.rank-picture .plot');
    const slider = page.getByRole('slider', { name: 'Rank', exact: true });
    const rank = async (): Promise<number> => Number(await slider.inputValue());
    await plot.locator('.rank-handle').waitFor();
    const box = (await plot.locator('.plot-stage').boundingBox())!;
    await page.mouse.click(box.x + 0.5 * box.width, box.y + 0.7 * box.height);
    const picked = await rank();
    assert.ok(picked > 200 && picked < 300, `rank ${picked} in the middle of 512`);
    const line = (await plot.locator('.rank-handle').boundingBox())!;
    const x = line.x + line.width / 2;
    await page.mouse.move(x, line.y + 40);
    await page.mouse.down();
    await page.mouse.move(x - 100, line.y + 40, { steps: 3 });
    await page.mouse.up();
    const dragged = await rank();
    assert.ok(dragged < picked - 20, `from ${picked} to ${dragged}`);
    await brush(page, plot, [0.2, 0.6], [0.4, 0.6]);
    await told(plot, /^Shown: rank from \d+ to \d+\.$/);
    assert.equal(await rank(), dragged);
  });

  it('zooms both axes of the savings curve, whose points in sight lead on', async () => {
    const page = await openView();
    const plot = page.locator('.overview .savings');
    await plot.locator('.savings-point').first().waitFor();
    const points = await plot.locator('.savings-point').count();
    const { x, y, width, height } = (await plot.locator('.savings-point').nth(1).boundingBox())!;
    const box = (await plot.locator('.plot-stage').boundingBox())!;
    const share = (left: number, top: number): [number, number] => [
      (left - box.x) / box.width,
      (top - box.y) / box.height,
    ];
    await brush(page, plot, share(x - 4, y - 4), share(x + width + 4, y + height + 4));
    await plot.getByRole('button', { name: 'Show all' }).waitFor();
    const left = await plot.locator('.savings-point').count();
    assert.ok(left >= 1 && left < points, `${left} of ${points} points`);
    await told(plot, /^Shown: parameters kept from [\d.]+\s?% to [\d.]+\s?%\. Shown: mean error from /);
    // The button that shows all goes away with the focus on the plot.
    await plot.getByRole('button', { name: 'Show all' }).click();
    assert.equal(await plot.locator('.savings-point').count(), points);
    assert.equal(await page.evaluate(`document.activeElement.classList.contains('plot-svg')`), true);
  });

  it('zooms the plot against depth to some blocks, in both of its panels', async () => {
    const page = await openView();
    const plot = page.locator('.depth');
    await plot.locator('.block-axis').first().waitFor();
    const labels = (): Promise<string[]> => plot.locator('.block-axis').first().locator('text').allTextContents();
    const before = await labels();
    const axes = plot.locator('.block-axis');
    await brush(page, plot, [0.1, 0.5], [0.24, 0.5]);
    await told(plot, /^Shown: from block \S+ to block \S+\.$/);
    const after = await labels();
    assert.ok(after.length < before.length, `${after.join()} of ${before.join()}`);
    assert.deepEqual(await axes.nth(1).locator('text').allTextContents(), after);
    assert.deepEqual(await violations(page), []);
  });

  it('zooms the map to some blocks, and the plot against depth with it', async () => {
    const page = await openView({ width: 1500, query: { model: 'deep' } });
    const map = page.locator('.model-map');
    const cursor = page.getByRole('slider', { name: 'Cell of the map' });
    const labels = (plot: Locator): Promise<string[]> =>
      plot.locator('.block-axis').first().locator('text').allTextContents();
    await map.locator('.block-axis').first().waitFor();
    const before = await labels(map);
    await brush(page, map, [0.5, 0.4], [0.6, 0.5]);
    await map.getByRole('button', { name: 'Show all' }).waitFor();
    assert.equal(await page.locator('.layer').isVisible(), false, 'the end of a brush opens no layer');
    const words = await told(page.locator('.depth'), /^Shown: from block \d+ to block \d+\.$/);
    const [first, last] = words.match(/\d+/g)!.map(Number) as [number, number];
    assert.ok(first > 40 && last - first > 5 && last - first < 20, words);
    assert.notDeepEqual(await labels(map), before);
    // Its panels are narrower: fewer of the same numbers fit.
    const [ofMap, ofDepth] = [await labels(map), await labels(page.locator('.depth'))];
    assert.equal(ofDepth[0], ofMap[0]);
    assert.ok(ofDepth.length > 2 && ofDepth.every((label) => ofMap.includes(label)), ofDepth.join());
    await page.screenshot({ path: path.join(screenshotFolder, 'zoom-map.png') });
    // The cell that is read out came into sight; beyond the last one, the map follows it.
    assert.match((await cursor.getAttribute('aria-valuetext'))!, new RegExp(`block ${first},`));
    await cursor.focus();
    for (let step = first; step <= last; step++) await page.keyboard.press('ArrowRight');
    assert.match((await cursor.getAttribute('aria-valuetext'))!, new RegExp(`block ${last + 1},`));
    await told(page.locator('.depth'), new RegExp(`^Shown: from block ${first + 1} to block ${last + 1}\\.$`));
    const stage = (await map.locator('.plot-stage').boundingBox())!;
    const frame = (await cursor.boundingBox())!;
    assert.ok(frame.x + frame.width <= stage.x + stage.width, 'the frame around it is in sight');
    assert.deepEqual(await violations(page), []);
    // A click leads to the layer that lies there now.
    const place = (await cursor.getAttribute('aria-valuetext'))!.split(',')[0]!;
    await page.mouse.click(frame.x + frame.width / 2, frame.y + frame.height / 2);
    await page.locator('.layer h2', { hasText: `.${last + 1}.` }).waitFor();
    assert.match(await page.locator('.layer h2').innerText(), new RegExp(place));
  });

  it('zooms the map and the depth by keys, and Escape shows all of both', async () => {
    const page = await openView({ width: 1500, query: { model: 'deep' } });
    const all = page.locator('.overview').getByRole('button', { name: 'Show all' });
    await page.getByRole('slider', { name: 'Cell of the map' }).focus();
    await page.keyboard.press('+');
    await page.keyboard.press('Shift+ArrowRight');
    await told(page.locator('.depth'), /^Shown: from block \d+ to block \d+\.$/);
    assert.equal(await all.count(), 2);
    await page.keyboard.press('Escape');
    await told(page.locator('.depth'), /^All is shown\.$/);
    assert.equal(await all.count(), 0);
  });

  it('zooms the map of a model without blocks', async () => {
    const page = await openView({ query: { model: 'odd' } });
    const map = page.locator('.model-map');
    await map.getByRole('heading', { name: 'Layers in order' }).waitFor();
    await page.getByRole('slider', { name: 'Cell of the map' }).focus();
    await page.keyboard.press('+');
    await told(map, /^Shown: columns from \d+ to \d+\.$/);
  });

  it('zooms spectra side by side, all of them to the range of one', async () => {
    const page = await openLayer('model.layers.0.self_attn.q_proj.weight');
    await page.getByRole('tab', { name: 'Parts' }).click();
    await page.getByRole('button', { name: 'Draw 8 Spectra Side by Side' }).click();
    const plot = page.locator('.layer .spectrum-grid');
    await plot.getByText(/^8 of 8 spectra computed/).waitFor();
    const panels = plot.locator('.panel');
    const bars = (): Promise<string[]> =>
      page.evaluate<string[]>(
        `[...document.querySelectorAll('.layer .spectrum-grid .bar')].map((path) => path.getAttribute('d'))`,
      );
    const before = await bars();
    // In one of the second row, down to below it: the brush ends with the panel.
    const { x, y, width, height } = (await panels.last().boundingBox())!;
    await page.mouse.move(x + 0.4 * width, y + 0.5 * height);
    await page.mouse.down();
    await page.mouse.move(x + 0.8 * width, y + 2 * height, { steps: 4 });
    const drawnBrush = (await plot.locator('.brush').boundingBox())!;
    assert.ok(Math.abs(drawnBrush.y - y) < 2 && Math.abs(drawnBrush.height - height) < 2, 'as high as the panel');
    await page.mouse.up();
    await told(plot, /^Shown: eigenvalue λ from [\d.E−-]+ to [\d.E−-]+\.$/);
    const after = await bars();
    assert.notDeepEqual(after, before);
    // No bar leaves its panel.
    const edges = await page.evaluate<[number, number][]>(
      `[...document.querySelectorAll('.layer .spectrum-grid .panel')].map((panel) =>
        ['x', 'width'].map((name) => Number(panel.getAttribute(name))))`,
    );
    const places = after.flatMap((d) => [...d.matchAll(/[MH]([\d.]+)/g)].map(([, at]) => Number(at)));
    assert.ok(places.length > 0);
    for (const at of places) {
      assert.ok(
        edges.some(([left, wide]) => at >= left - 0.1 && at <= left + wide + 0.1),
        `a bar at ${at}`,
      );
    }
    await page.getByRole('slider', { name: 'Spectrum in the grid, Enter opens it' }).focus();
    await page.keyboard.press('0');
    assert.deepEqual(await bars(), before);
  });
});
