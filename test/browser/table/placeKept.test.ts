/** A view that is loaded anew shows what was left: the tail that was dragged, and where table and layer were scrolled to. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { eventually } from '../../harness/eventually';
import { TOP_ROW } from './topRow';
import { openView } from '../openView';
import { violations } from '../viewPage';

/** What each spectrum says of its tail. */
const TAILS = `[...document.querySelectorAll('.layer .esd')].map((plot) => plot.querySelector('.plot-finding').textContent)`;

const SCROLL = `document.querySelector('.layer-body').scrollTop`;

describe('the place where a view was left', () => {
  const tails = (page: Page): Promise<string[]> => page.evaluate(TAILS);
  const kept = (page: Page): Promise<{ top: string | null; place: { scroll: number; tails: object } | null }> =>
    page.evaluate('window.mockHost.state');

  it('comes back with the tail that was dragged, and with both scrolls', async () => {
    const page = await openView({ width: 1500, height: 760 });
    await page.getByRole('button', { name: 'Show as a list' }).click();
    await page.locator('.table-body .table-row:visible', { hasText: 'layers.1.self_attn.q_proj' }).click();
    await page.locator('.layer .esd').first().waitFor();
    const handle = page.getByRole('slider', { name: 'Start of the tail, xmin' }).first();
    await handle.focus();
    for (let step = 0; step < 5; step++) await page.keyboard.press('ArrowRight');
    await eventually(
      () => kept(page),
      ({ place }) => Object.keys(place?.tails ?? {}).length === 1,
    );
    await page.evaluate(`document.querySelector('.table').scrollTop = 960`);
    await page.evaluate(`document.querySelector('.layer-body').scrollTop = 90`);
    await eventually(
      () => kept(page),
      ({ top, place }) => top !== null && (place?.scroll ?? 0) > 0,
    );
    const [dragged, top, scroll] = [
      await tails(page),
      await page.evaluate<string>(TOP_ROW),
      await page.evaluate(SCROLL),
    ];
    assert.match(dragged[0]!, /chosen by hand/);
    assert.ok(Number(scroll) > 0);
    await page.reload();
    await page.locator('.layer .esd').first().waitFor();
    assert.deepEqual(await tails(page), dragged);
    await eventually(
      () => page.evaluate<string>(TOP_ROW),
      (name) => name === top,
    );
    await eventually(
      () => page.evaluate(SCROLL),
      (pixels) => pixels === scroll,
    );
    // Back at the fitted xmin, nothing is left of it.
    await page.getByRole('button', { name: 'Back to the fitted xmin' }).first().click();
    await page.reload();
    await page.locator('.layer .esd').first().waitFor();
    assert.doesNotMatch((await tails(page))[0]!, /chosen by hand/);
    assert.deepEqual(await violations(page), []);
  });

  it('is one layer’s: another one begins with its own tail', async () => {
    const page = await openView({ width: 1500 });
    await page.getByRole('button', { name: 'Show as a list' }).click();
    const open = async (name: string): Promise<void> => {
      await page.locator('.table-body .table-row:visible', { hasText: name }).click();
      await page.getByRole('heading', { name }).waitFor();
      await page.locator('.layer .esd').first().waitFor();
    };
    await open('layers.0.self_attn.q_proj');
    const own = (await tails(page))[0];
    await page.getByRole('slider', { name: 'Start of the tail, xmin' }).first().focus();
    await page.keyboard.press('ArrowRight');
    await eventually(
      () => kept(page),
      ({ place }) => Object.keys(place?.tails ?? {}).length === 1,
    );
    await open('layers.0.self_attn.k_proj');
    await eventually(
      () => kept(page),
      ({ place }) => Object.keys(place?.tails ?? {}).length === 0,
    );
    assert.doesNotMatch((await tails(page))[0]!, /chosen by hand/);
    await page.getByRole('slider', { name: 'Start of the tail, xmin' }).first().focus();
    await page.keyboard.press('ArrowRight');
    await eventually(
      () => kept(page),
      ({ place }) => Object.keys(place?.tails ?? {}).length === 1,
    );
    await open('layers.0.self_attn.q_proj');
    assert.equal((await tails(page))[0], own);
  });
});
