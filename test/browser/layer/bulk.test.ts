/** The random bulk in a layer's spectrum: its law, and the spectrum of the same entries in random order. */
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';
import { openLayer } from '../openView';
import { requests, violations } from '../viewPage';

const LAYER = 'model.layers.0.mlp.gate_proj.weight';

describe('the random bulk of a layer', () => {
  const esd = (page: Page): Locator => page.locator('.layer .esd').first();
  const name = async (page: Page): Promise<string> =>
    (await esd(page).locator('.plot-svg').getAttribute('aria-label')) ?? '';

  it('has the line of its Marchenko–Pastur law, in sight, in words and as numbers', async () => {
    const page = await openLayer(LAYER);
    assert.match(
      await name(page),
      /A Marchenko–Pastur law fits the bulk up to λ₊ [\d.]+, which holds \d+% of the eigenvalues\.$/,
    );
    const drawn = async (): Promise<string> => (await esd(page).locator('.bulk-law').getAttribute('d')) ?? '';
    const density = await drawn();
    assert.ok(density.split('L').length > 50, density);
    // The line ends at the edge that is drawn beside it.
    const edge = Number(await esd(page).locator('.edge').getAttribute('x1'));
    const last = Number(density.split('L').at(-1)!.split(',')[0]);
    assert.ok(last <= edge && edge - last < 3, `the line ends at ${last}, the edge is at ${edge}`);
    await esd(page).getByRole('checkbox', { name: 'CCDF' }).click();
    assert.notEqual(await drawn(), density);
    await esd(page).getByRole('checkbox', { name: 'CCDF' }).click();
    await esd(page).getByRole('button', { name: 'Show as table' }).click();
    assert.deepEqual(await esd(page).locator('.twin thead th').allInnerTexts(), [
      'λ',
      'eigenvalues',
      'density',
      'Marchenko–Pastur',
    ]);
    assert.deepEqual(await violations(page), []);
  });

  it('is compared with shuffled entries by keyboard, the seed told, and taken away again', async () => {
    const page = await openLayer(LAYER);
    await page.getByRole('button', { name: 'Shuffle the Entries' }).press('Enter');
    await page
      .getByText(
        /^Dotted: the same entries in random order \(seed 7\), λ₁ [\d.]+\. \d+ of 512 eigenvalues of this layer lie above [\d.]+, which random order does not reach\.$/,
      )
      .waitFor();
    assert.deepEqual(await requests(page, 'shuffled'), [{ layer: LAYER }]);
    const path = esd(page).locator('.shuffled');
    assert.ok((await path.getAttribute('d'))!.split('L').length > 20);
    await esd(page).getByRole('button', { name: 'Show as table' }).click();
    assert.equal((await esd(page).locator('.twin thead th').allInnerTexts()).at(-1), 'shuffled');
    await esd(page).getByRole('button', { name: 'Show as plot' }).click();
    await page.locator('.shuffle').getByRole('button', { name: 'Remove' }).click();
    assert.equal(await path.count(), 0);
    await page.getByRole('button', { name: 'Shuffle the Entries' }).waitFor();
  });

  it('says why entries are not shuffled, and can be cancelled', async () => {
    const page = await openLayer('model.layers.0.self_attn.o_proj.weight');
    await page.getByRole('button', { name: 'Shuffle the Entries' }).click();
    await page.locator('.shuffle').getByText('the matrix is too large to be held').waitFor();
    await page.getByRole('button', { name: 'Shuffle the Entries' }).waitFor();
  });
});
