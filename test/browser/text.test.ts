/** A language model on a text: chosen, measured, run, read. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { EvaluationOnText } from '../../extension/shared/textRuns';
import { accessibilityFaults } from './accessibility';
import { cutTexts } from './cutText';
import { openView } from './openView';
import { themes } from './themes';
import { notify, requests, screenshotFolder, violations, type ViewOptions } from './viewPage';

describe('the model on a text', () => {
  async function opened(options: ViewOptions = {}): Promise<Page> {
    const page = await openView({ height: 900, ...options });
    await page.locator('.header-actions').getByRole('button', { name: 'Evaluate…' }).click();
    return page;
  }

  async function chosen(options: ViewOptions = {}): Promise<Page> {
    const page = await opened(options);
    await page.getByRole('button', { name: 'Choose Text…' }).click();
    await page.locator('.chosen-text', { hasText: 'wikitext.txt' }).waitFor();
    return page;
  }

  const asked = async (page: Page, method: 'estimateOnText' | 'evaluateOnText'): Promise<EvaluationOnText[]> =>
    ((await requests(page, method)) as { request: EvaluationOnText }[]).map(({ request }) => request);

  it('says how long it takes before it runs, and what came out', async () => {
    const page = await opened();
    await page.getByText('A language model (llama): 12 blocks, a vocabulary of 32,000 tokens.').waitFor();
    const start = page.getByRole('button', { name: 'Evaluate', exact: true });
    assert.equal(await start.isDisabled(), true);
    await page.getByRole('button', { name: 'Choose Text…' }).click();
    const said = 'for 16 windows of 512 tokens: an estimate from 4 windows through the first block.';
    await page.getByText(`About 2 minutes ${said}`).waitFor();
    await page.getByLabel('Windows', { exact: true }).fill('8');
    await page.keyboard.press('Tab');
    await page.getByText(/^About 2 minutes for 8 windows/).waitFor();
    await start.click();
    await page.getByText('The perplexity of llama-58m is 10.92.').waitFor();
    await page.getByText('wikitext.txt: 8 windows of 512 tokens, 4,088 tokens of them scored.').waitFor();
    assert.deepEqual(await asked(page, 'evaluateOnText'), [
      { tokens: { path: '/texts/wikitext.txt', windows: 8, length: 512 }, others: [] },
    ]);
    await page.getByRole('figure').getByRole('button', { name: 'Show as table' }).click();
    assert.equal(await page.getByRole('figure').locator('.plot-twin tbody tr').count(), 8);
    assert.deepEqual(await violations(page), []);
  });

  it('compares saved models, window by window', async () => {
    const page = await chosen();
    await page.getByRole('button', { name: 'Add a Saved Model…' }).click();
    await page.getByText('/checkpoints/quarter', { exact: true }).waitFor();
    await page.getByText(/^About 5 minutes for 16 windows of 512 tokens and 3 models/).waitFor();
    await page.getByRole('button', { name: 'Evaluate', exact: true }).click();
    await page
      .getByText(/^half is the nearest to llama-58m: its perplexity is 1\d\.\d+ in place of 1\d\.\d+/)
      .waitFor();
    const table = page.getByRole('table', { name: 'Models side by side' });
    const row = await table.getByRole('row', { name: 'quarter' }).innerText();
    assert.match(
      row.replace(/\s+/g, ' '),
      /^quarter [\d.]+ [\d.]+ – [\d.]+ 0\.\d+ 0\.\d+ – 0\.\d+ [\d.]+% [\d.]+% – [\d.]+%$/,
    );
    await page.getByRole('combobox', { name: 'Number' }).click();
    await page.getByRole('option', { name: 'KL divergence' }).click();
    await page.getByText(/^KL divergence \(nats\) of quarter: from 0\.2\d+ to 0\.2\d+ over 16 windows\.$/).waitFor();
    // The first model is compared with none.
    assert.equal(await page.locator('.text-result .curve-legend li').count(), 2);
    await page.getByRole('button', { name: 'Do not compare with /checkpoints/half' }).click();
    await page.getByText(/^About 3 minutes .* 2 models/).waitFor();
  });

  it('calibrates, and the plan uses the statistics at once', async () => {
    const page = await chosen();
    const calibrate = page.locator('.text-view').getByRole('button', { name: 'Calibrate…' });
    await page.getByText(/^The estimate is of an evaluation\. A calibration takes longer/).waitFor();
    await calibrate.click();
    const path = '/texts/llama.statistics.safetensors';
    await page.getByText(`Saved statistics of 1 layer in ${path}, from 16 windows of 512 tokens.`).waitFor();
    assert.deepEqual(await requests(page, 'calibrateOnText'), [
      { tokens: { path: '/texts/wikitext.txt', windows: 16, length: 512 } },
    ]);
    // Without a click.
    assert.deepEqual(await requests(page, 'useStatistics'), [{ path }]);
    await page.getByRole('button', { name: 'Show in the Plan' }).click();
    await page.getByText('Statistics llama.statistics.safetensors').waitFor();
    assert.equal(await page.locator('.text-view').isHidden(), true);
    assert.deepEqual(await violations(page), []);
  });

  it('leaves the plan the statistics that were chosen since', async () => {
    const page = await chosen();
    await page.locator('.text-view').getByRole('button', { name: 'Calibrate…' }).click();
    await page.getByRole('button', { name: 'Show in the Plan' }).waitFor();
    const before = (await requests(page, 'useStatistics')).length;
    const result = { path: '/texts/old', bytes: 1, windows: 1, length: 2, inputs: '', layers: [], influence: {} };
    const listed = { unreached: ['a', 'b', 'c', 'd', 'e'], diagonal: [], singular: ['f'] };
    // As a tab that comes back hears of it.
    await notify(page, 'textRun', { state: 'calibrated', result: { ...result, ...listed } });
    await page
      .getByText('Too few tokens for a regular Gram matrix: f. No token went to: a, b, c and 2 more.')
      .waitFor();
    assert.equal((await requests(page, 'useStatistics')).length, before);
  });

  it('calibrates nothing without a file for it, and waits for its end', async () => {
    const page = await chosen({ query: { text: 'untold' } });
    await page.locator('.text-view').getByRole('button', { name: 'Calibrate…' }).click();
    await page.getByText(/^About 2 minutes for 16 windows/).waitFor();
    assert.equal(await page.locator('.text-result').isHidden(), true);
    const busy = await chosen({ query: { text: 'running' } });
    const calibrate = busy.locator('.text-view').getByRole('button', { name: 'Calibrate…' });
    await calibrate.click();
    await busy.getByText('block 3 of 12, window 8 of 16: 20%, about 1 minute left').waitFor();
    assert.equal(await calibrate.isDisabled(), true);
  });

  it('is reached from the plan', async () => {
    const page = await openView({ height: 900 });
    await page.locator('.header-actions').getByRole('button', { name: 'Compress Model…' }).click();
    await page.locator('.plan').getByRole('button', { name: 'Calibrate…' }).click();
    await page.getByRole('button', { name: 'Choose Text…' }).waitFor();
    assert.equal(await page.locator('.plan').isHidden(), true);
  });

  it('says in the engine’s words what cannot be run', async () => {
    const page = await opened({ query: { text: 'none' } });
    await page.getByText('models of the type mamba cannot be run here; known are llama, mistral').waitFor();
    const short = await chosen({ query: { text: 'short' } });
    await short.getByText('/texts/wikitext.txt: has 31 tokens, fewer than one window of 512').waitFor();
  });

  it('shows block, window and time left, and is cancelled', async () => {
    const page = await chosen({ query: { text: 'running' } });
    await page.getByRole('button', { name: 'Evaluate', exact: true }).click();
    await page.getByText('block 3 of 12, window 8 of 16: 20%, about 1 minute left').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Evaluate', exact: true }).isDisabled(), true);
    await page.screenshot({ path: path.join(screenshotFolder, 'text-running.png') });
    await page.locator('.text-view').getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('The run was cancelled.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Evaluate', exact: true }).isDisabled(), false);
  });

  it('says why a run ended, with the engine gone', async () => {
    const page = await chosen();
    const message = 'the engine ended before it answered; try again';
    await notify(page, 'textRun', { state: 'stopped', problem: { code: 'engine-died', message } });
    await page.getByRole('alert').getByText(message).waitFor();
  });

  it('closes with Escape, and is there again after a reload', async () => {
    const page = await chosen();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Choose Text…' }).waitFor({ state: 'hidden' });
    await page.locator('.header-actions').getByRole('button', { name: 'Evaluate…' }).click();
    await page.getByText('wikitext.txt').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Choose Text…' }).waitFor();
  });

  for (const { name: theme } of themes) {
    it(`can be read in ${theme}, at any width`, async () => {
      const page = await chosen({ theme, width: 1000 });
      await page.getByRole('button', { name: 'Add a Saved Model…' }).click();
      await page.getByRole('button', { name: 'Evaluate', exact: true }).click();
      await page.getByRole('figure').waitFor();
      await page.screenshot({ path: path.join(screenshotFolder, `text-${theme}.png`) });
      assert.deepEqual(await accessibilityFaults(page, '.text-view'), []);
      await page.setViewportSize({ width: 600, height: 900 });
      assert.deepEqual(await cutTexts(page), []);
      await page.locator('.text-view').getByRole('button', { name: 'Calibrate…' }).click();
      await page.getByRole('button', { name: 'Show in the Plan' }).waitFor();
      await page.screenshot({ path: path.join(screenshotFolder, `text-calibrated-${theme}.png`) });
      assert.deepEqual(await accessibilityFaults(page, '.text-view'), []);
      assert.deepEqual(await cutTexts(page), []);
    });
  }
});
