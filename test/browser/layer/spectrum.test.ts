/** A layer's spectra in the room they have: dust behind a switch, FARMS's alpha beside other layers, a folded header. */
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';
import { cutTexts } from '../cutText';
import { openLayer } from '../openView';
import { violations } from '../viewPage';

const SQUARE = 'model.layers.0.self_attn.q_proj.weight';
const TALL = 'model.layers.0.mlp.gate_proj.weight';

describe('the spectra of a layer', () => {
  const esd = (page: Page): Locator => page.locator('.layer .esd').first();
  const said = async (page: Page): Promise<string> =>
    (await esd(page).locator('.plot-svg').getAttribute('aria-label')) ?? '';
  const lowestTick = async (page: Page): Promise<string> =>
    esd(page).locator('.axis').first().locator('.tick').first().textContent().then(String);

  it('leave out dust until it is asked for, and say so', async () => {
    const page = await openLayer(SQUARE);
    const [, count] = /Not drawn: the (\d+) smallest eigenvalues, below [\d.E-]+\.$/.exec(await said(page))!;
    assert.ok(Number(count) > 0 && Number(count) <= 0.02 * 512, count);
    const all = esd(page).getByRole('checkbox', { name: 'All', exact: true });
    assert.match((await all.getAttribute('title'))!, new RegExp(`^Also the ${count!} smallest eigenvalues, below `));
    const before = await lowestTick(page);
    await all.focus();
    await page.keyboard.press('Space');
    assert.doesNotMatch(await said(page), /Not drawn/);
    assert.notEqual(await lowestTick(page), before);
    await all.click();
    assert.equal(await lowestTick(page), before);
  });

  it('have no such switch without dust', async () => {
    const page = await openLayer(TALL);
    assert.equal(await esd(page).getByRole('checkbox', { name: 'All', exact: true }).count(), 0);
  });

  it('show FARMS α beside that of other layers', async () => {
    const page = await openLayer(TALL);
    const strip = page.locator('.layer .alpha-strip');
    assert.match(
      (await strip.locator('.plot-svg').getAttribute('aria-label'))!,
      /^FARMS α beside other layers\. FARMS α 3\.55 is larger than that of \d+ of 85 other layers; half of them lie between [\d.]+ and [\d.]+\. It is larger than that of \d+ of 11 other gate layers; half/,
    );
    assert.equal(await strip.locator('.reference-band').count(), 2);
    await strip.getByRole('button', { name: 'Show as table' }).click();
    assert.equal(await strip.locator('.twin tbody tr').count(), 85);
    assert.deepEqual(await violations(page), []);
  });

  it('grow with the room, and wrap down to 500 pixels without a cut', async () => {
    const page = await openLayer(TALL);
    const size = async (): Promise<{ width: number; height: number }> =>
      (await esd(page).locator('.plot-stage').boundingBox())!;
    await page.setViewportSize({ width: 2400, height: 1300 });
    await page.waitForFunction(`document.querySelector('.layer .esd .plot-stage').clientHeight > 300`);
    const wide = await size();
    assert.ok(Math.abs(wide.height - wide.width / 2) < 2, `${wide.width} × ${wide.height}`);
    const grip = (await esd(page).locator('.tail-handle line').boundingBox())!;
    assert.ok(grip.height > wide.height - 80, 'the line of xmin is as high as the plot');
    await page.setViewportSize({ width: 500, height: 900 });
    await page.waitForFunction(`document.querySelector('.layer .esd .plot-stage').clientWidth < 500`);
    assert.equal((await size()).height, 280);
    assert.deepEqual(await cutTexts(page), []);
  });

  it('have the header folded above them, and unfolded by mouse, by keys and when they are closed', async () => {
    const page = await openLayer(TALL);
    const facts = page.locator('.header .facts');
    assert.equal(await facts.isVisible(), false);
    const show = page.getByRole('button', { name: 'Show what is known of the file' });
    await show.click();
    assert.equal(await facts.isVisible(), true);
    const hide = page.getByRole('button', { name: 'Hide what is known of the file' });
    await hide.focus();
    await page.keyboard.press('Enter');
    assert.equal(await facts.isVisible(), false);
    await page.getByRole('button', { name: 'Close (Escape)' }).click();
    assert.equal(await facts.isVisible(), true);
    assert.equal(await page.getByRole('button', { name: /is known of the file/ }).count(), 0);
  });
});
