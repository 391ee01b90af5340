/** Estimates on the page: marked in the table, spoken with their interval, and replaced by exact numbers after a click. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { QuickLook } from '../../extension/shared/estimates';
import { openView } from './openView';
import { llamaResults } from './page/mockModel';
import { themes } from './themes';
import { notify, requests, screenshotFolder, violations, type ViewOptions } from './viewPage';

const LAYER = 'model.layers.0.self_attn.q_proj.weight';

const look: QuickLook = {
  ...{ layer: LAYER, tensor: LAYER, singularValues: [{ value: 7.1, low: 7.1, high: 7.3 }] },
  estimates: {
    norm: { value: 812.5, low: 812.5, high: 812.5 },
    spectral_norm: { value: 50.4, low: 50.4, high: 53.3 },
    stable_rank: { value: 16.12, low: 15.24, high: 16.12 },
    effective_rank: { value: 321.4, low: 318.2, high: 324.6 },
    von_neumann_entropy: { value: 5.11, low: 5.02, high: 5.2 },
  },
  farms: {
    ...{ rule: 'xmin_peak', status: 'success', alpha: 3.21, D: 0.04, xmin: 1, xmax: 9, num_pl_spikes: 90, sigma: 0.2 },
    ...{ windows: 6, windows_total: 100, window: [512, 512], mode: 'adaptive', interval: [2.9, 3.6], seed: 1 },
    ...{ num_row_samples: 512, Q_ratio: 1, sampling_ops_per_dim: 10 },
  },
  statistics: { count: 4096, min: -1, max: 1, mean: 0, std: 0.4, l2: 28.5, zeros: 0, nan: 0, inf: 0 },
  ...{ seed: 20170401, vectors: 8, steps: 12, elapsed: 600 },
};

describe('estimates', () => {
  async function estimated(options: ViewOptions = {}): Promise<Page> {
    const page = await openView({ ...options, query: { ...options.query, inspected: 'none' } });
    await notify(page, 'quick', [look]);
    await page.getByText('≈ 321.4').waitFor();
    return page;
  }

  it('are marked in the table and spoken with their interval; exact numbers among them are not marked', async () => {
    const page = await estimated();
    const words = 'Estimated: effective rank 321.4, 95% interval 318.2 to 324.6.';
    const cell = page.getByRole('gridcell', { name: words });
    assert.equal(await cell.innerText(), '≈ 321.4');
    assert.equal(await cell.getAttribute('title'), words);
    const farms = page.getByRole('gridcell', { name: /^Estimated: FARMS α 3\.210.*Of 6 windows of 512 rows/ });
    assert.equal(await farms.innerText(), '≈ 3.21');
    // Nothing stands for what is not estimated, and nothing about the model rests on estimates.
    assert.equal(await page.locator('.table-body .heat').count(), 0);
    assert.deepEqual(await violations(page), []);
  });

  it('say the time left of both passes, then wait for a click', async () => {
    const page = await estimated();
    await notify(page, 'queue', {
      ...{ done: 3, total: 111, active: [LAYER], quick: { done: 20, total: 60 } },
      secondsLeft: { quick: 95, exact: 5_400 },
    });
    await page.getByText('Quick look: 20 of 60, about 2 minutes left').waitFor();
    await page.getByText('3 of 111 layers, about 1.5 hours left').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Compute Exact Spectra' }).count(), 0);
    await notify(page, 'queue', {
      ...{ done: 51, total: 51, active: [], quick: { done: 60, total: 60 } },
      secondsLeft: { exact: 5_400 },
    });
    await page.getByText('Estimates for 1 layer; exact spectra would take about 1.5 hours').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Inspect All' }).count(), 0);
    await page.getByRole('button', { name: 'Compute Exact Spectra' }).focus();
    await page.keyboard.press('Enter');
    assert.deepEqual(await requests(page, 'inspect'), [{}]);
  });

  it('stand in the layer’s view until its spectrum is there, and give way to a result', async () => {
    const page = await estimated({ query: { slow: LAYER } });
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill(LAYER);
    await page.locator('.table-body .table-row').first().click();
    const panel = page.getByRole('region', { name: 'Estimates' });
    await panel.getByRole('row', { name: /effective rank.*≈ 321\.4.*318\.2 to 324\.6/ }).waitFor();
    await notify(
      page,
      'results',
      llamaResults().filter(({ name }) => name === LAYER),
    );
    await page.locator('.table-row:not([hidden]) .estimated').first().waitFor({ state: 'detached' });
    assert.equal(await page.locator('.table-row:not([hidden]) .estimated').count(), 0);
  });

  for (const { name: theme } of themes) {
    it(`can be told from measurements in ${theme}`, async () => {
      const page = await estimated({ theme });
      const style = await page.evaluate("getComputedStyle(document.querySelector('.table-body .estimated')).fontStyle");
      assert.equal(style, 'italic');
      await page.screenshot({ path: path.join(screenshotFolder, `estimates-${theme}.png`) });
    });
  }
});
