/** The plan of a whole model, as a person makes it: target, allocation, method, a row by hand, patterns, files. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { eventually } from '../harness/eventually';
import { cutTexts } from './cutText';
import { leastContrasts, LEAST_CONTRAST } from './contrast';
import { openView } from './openView';
import { choose, frames, openPlan, planCell, planRow, savedPlan, sentPlan } from './planPage';
import { themes, type Theme } from './themes';
import { notify, requests, screenshotFolder, violations } from './viewPage';

const ROW = 'model.layers.0.self_attn.q_proj.weight';

describe('the plan view', () => {
  async function opened(
    query: Record<string, string> = {},
    options: { width?: number; theme?: Theme['name'] } = {},
  ): Promise<Page> {
    return openPlan({ query, ...options, height: 900 });
  }

  const row = (page: Page, name = ROW): Locator => planRow(page, name);
  const cell = (page: Page, column: string, name = ROW): Promise<string> => planCell(page, column, name);
  const totals = (page: Page): Locator => page.getByRole('region', { name: 'The whole model' });
  /** The second number of a line of the totals: after. */
  const after = (page: Page, line: string): Promise<string> =>
    totals(page).locator('tr', { hasText: line }).locator('td').nth(1).innerText();

  it('begins at half of the size, and follows the slider within a frame', async () => {
    const page = await opened();
    const slider = page.getByRole('slider', { name: 'Target' });
    assert.equal(await after(page, 'Size'), '70.7 MB');
    await slider.fill('80');
    await frames(page);
    assert.equal(await after(page, 'Size'), '113 MB');
    assert.equal(await page.getByLabel('Target in percent').inputValue(), '80');
    assert.match((await slider.getAttribute('aria-valuetext'))!, /^80% of the original size$/);
    await slider.focus();
    await page.keyboard.press('ArrowLeft');
    assert.equal(await page.getByLabel('Target in percent').inputValue(), '79.9');
    assert.deepEqual(await violations(page), []);
  });

  it('says what it plans as the name of the curve, with a table twin of every line', async () => {
    const page = await opened();
    await eventually(
      () => page.locator('.plan .curve-legend li').count(),
      (count) => count === 5,
    );
    const plot = page.locator('.plan-figures .plot');
    const name = await plot.locator('.plot-svg').getAttribute('aria-label');
    assert.match(
      name!,
      /^Size and error\. Optimal: 50% of the size at [\d.]+% error \(\d+ of 86 layers compressed\)\.$/,
    );
    await plot.getByRole('button', { name: 'Show as table' }).click();
    const lines = await plot.locator('.twin tbody th').allTextContents();
    assert.deepEqual([...new Set(lines)], ['Optimal', 'FARMS alpha', 'AlphaPruning', 'WeLore', 'Uniform']);
    assert.ok(lines.length > 50, `${lines.length} points`);
  });

  it('counts another target, by size, parameters or error', async () => {
    const page = await opened();
    await choose(page, 'What the target counts', 'Mean error');
    await frames(page);
    const error = Number((await after(page, 'Mean error')).replace('%', ''));
    assert.ok(error > 9.5 && error <= 10, `${error} % at most 10 %`);
    await choose(page, 'What the target counts', 'Parameters');
    await frames(page);
    assert.equal(await after(page, 'Parameters'), '35.4M');
  });

  it('leaves embeddings out and says why; a pattern leaves out more', async () => {
    const page = await opened();
    assert.equal(await cell(page, 'Why left out', 'model.embed_tokens.weight'), 'is an embedding');
    assert.equal(await cell(page, 'Method'), 'Truncated SVD');
    await page.getByRole('button', { name: 'Add Pattern' }).click();
    const pattern = page.getByRole('textbox', { name: 'Pattern 1' });
    await pattern.fill('q_proj(');
    assert.equal(await pattern.getAttribute('aria-invalid'), 'true');
    await page.getByText(/is no regular expression/).waitFor();
    await pattern.fill('q_proj');
    await pattern.press('Enter');
    await frames(page);
    assert.equal(await pattern.getAttribute('aria-invalid'), 'false');
    assert.deepEqual([await cell(page, 'Method'), await cell(page, 'Why left out')], ['dense', 'matches q_proj']);
    await page.getByRole('button', { name: 'Remove pattern 1' }).click();
    await frames(page);
    assert.equal(await cell(page, 'Method'), 'Truncated SVD');
  });

  it('keeps ranks to multiples', async () => {
    const page = await opened();
    await choose(page, 'Ranks', 'multiples of 32');
    await frames(page);
    const plan = await savedPlan(page);
    const ranks = Object.values(plan.layers).flatMap((each) => ('keep' in each ? [] : [each.rank!]));
    assert.ok(ranks.length > 20 && ranks.every((rank) => rank % 32 === 0), ranks.join());
    assert.equal(plan.multiple, 32);
  });

  it('offers every method, and says what those lack that cannot be chosen', async () => {
    const page = await opened();
    await page.getByRole('combobox', { name: 'Method' }).click();
    const lacking = page.getByRole('option', { name: 'Fisher-weighted SVD (needs Fisher information)' });
    assert.equal(await lacking.getAttribute('aria-disabled'), 'true');
    await page.getByRole('option', { name: 'Quantise only' }).click();
    const block = page.getByRole('spinbutton', { name: 'Block' });
    assert.equal(await block.inputValue(), '64');
    await choose(page, 'Quantiser', 'int8');
    await frames(page);
    const plan = await savedPlan(page);
    assert.deepEqual(plan.method, { method: 'quantise', quantiser: 'int8' });
  });

  it('asks for no option that the quantiser decides itself, and writes none into the plan', async () => {
    const page = await opened();
    await choose(page, 'Method', 'Quantise only');
    const bits = page.getByRole('spinbutton', { name: 'Bits' });
    const block = page.getByRole('spinbutton', { name: 'Block' });
    await block.waitFor();
    assert.equal(await bits.count(), 0);
    await choose(page, 'Quantiser', 'bipolar');
    await bits.fill('5');
    await bits.press('Tab');
    await block.fill('32');
    await block.press('Tab');
    await frames(page);
    assert.deepEqual((await savedPlan(page)).method, { method: 'quantise', quantiser: 'bipolar', bits: 5, block: 32 });
    await choose(page, 'Quantiser', 'mxfp4');
    await block.waitFor({ state: 'detached' });
    assert.equal(await bits.count(), 0);
    assert.deepEqual((await sentPlan(page)).method, { method: 'quantise', quantiser: 'mxfp4' });
  });

  it('sorts by its headers, and comes back to the order of the checkpoint', async () => {
    const page = await opened();
    const first = (): Promise<string> => page.locator('.plan-table .table-body [role=rowheader]').first().innerText();
    const head = page.getByRole('columnheader', { name: 'Rank' });
    await head.getByRole('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'descending');
    await frames(page);
    assert.notEqual(await first(), 'model.embed_tokens.weight');
    await head.getByRole('button').click();
    await head.getByRole('button').click();
    await frames(page);
    assert.equal(await head.getAttribute('aria-sort'), 'none');
    assert.equal(await first(), 'model.embed_tokens.weight');
  });

  it('keeps the names in sight while the numbers scroll under them', async () => {
    const page = await opened({}, { width: 500 });
    const table = page.locator('.plan-table');
    await page.evaluate(`document.querySelector('.plan-table').scrollBy({ left: 300 })`);
    await frames(page);
    const left = async (of: Locator): Promise<number> => (await of.boundingBox())!.x;
    const { x } = (await table.boundingBox())!;
    assert.ok((await left(row(page).locator('[aria-colindex="2"]'))) < x, 'it is scrolled');
    assert.equal(await left(row(page).getByRole('rowheader')), x);
    assert.equal(await left(page.getByRole('columnheader', { name: 'Layer' })), x);
  });

  it('edits a row by keyboard; the others make up for it, or stay, as chosen', async () => {
    const page = await opened();
    /** Parameters of the other layers: a layer whose best is to stay whole counts whole. */
    const others = async (): Promise<number> =>
      Object.entries((await savedPlan(page)).layers).reduce((sum, [name, plan]) => {
        const inputs = name.includes('mlp') ? 1376 : 512;
        if (name === ROW) return sum;
        return sum + ('keep' in plan ? 512 * inputs : plan.rank! * (512 + inputs));
      }, 0);
    const [size, rest] = [await after(page, 'Size'), await others()];
    await page.getByRole('grid').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: ROW }).waitFor();
    const slider = page.getByRole('slider', { name: 'Rank of this layer' });
    await slider.fill('200');
    await frames(page);
    assert.equal(await cell(page, 'Rank'), '200');
    assert.equal(await row(page).getAttribute('aria-selected'), 'true');
    assert.equal(await after(page, 'Size'), size, 'the target is still met');
    assert.ok((await others()) < rest, 'the others give up what it takes');
    await page.getByRole('checkbox', { name: 'Re-balance the other layers' }).click();
    await frames(page);
    assert.equal(await others(), rest, 'the others are as the allocation says');
    await page.getByRole('checkbox', { name: 'Keep dense' }).click();
    await frames(page);
    assert.deepEqual([await cell(page, 'Method'), await cell(page, 'Why left out')], ['dense', 'kept dense by hand']);
    await page.getByRole('button', { name: 'Reset Row' }).click();
    await frames(page);
    assert.equal(await cell(page, 'Method'), 'Truncated SVD');
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('region', { name: /^Edit/ }).count(), 0);
    assert.equal(await page.evaluate('document.activeElement.getAttribute("role")'), 'grid');
    await page.keyboard.press('Escape');
    await page.getByRole('treegrid').waitFor();
  });

  it('comes back as it was left', async () => {
    const page = await opened();
    await page.getByRole('slider', { name: 'Target' }).fill('70');
    await choose(page, 'Allocation', 'Uniform');
    await row(page).click();
    await page.getByRole('slider', { name: 'Rank of this layer' }).fill('33');
    await frames(page);
    await page.reload();
    await page.locator('.plan-table .table-body [role=row]').first().waitFor();
    assert.equal(await page.getByLabel('Target in percent').inputValue(), '70');
    assert.equal(await cell(page, 'Rank'), '33');
    const plan = await savedPlan(page);
    assert.equal(plan.allocation, 'uniform');
  });

  it('changes no row that is only looked at', async () => {
    const page = await opened();
    const before = await savedPlan(page);
    const editor = page.getByRole('region', { name: 'Edit model' });
    for (const name of ['model.embed_tokens.weight', ROW, 'model.embed_tokens.weight', ROW]) {
      await row(page, name).click();
      await editor.getByRole('heading', { name }).waitFor();
      await frames(page);
    }
    assert.equal(await page.locator('.plan-table .table-row.edited').count(), 0);
    assert.deepEqual(await savedPlan(page), before);
  });

  it('says of a source in blocks what becomes larger because it stays dense', async () => {
    const page = await opened({ blocks: '' });
    const note = totals(page).getByText('stored in blocks, and saved decoded');
    assert.match(
      await note.innerText(),
      /^\d+ layers that stay dense are stored in blocks, and saved decoded: .+ MB in/,
    );
    await row(page).click();
    const before = await note.innerText();
    await page.getByRole('checkbox', { name: 'Keep dense' }).click();
    await eventually(
      () => note.innerText(),
      (text) => text !== before,
    );
    assert.equal(await cell(page, 'Size'), '524 kB');
  });

  it('says how many layers are not inspected, and inspects them', async () => {
    const page = await opened({ inspected: '20' });
    await page.getByText(/layers are not inspected yet and stay dense until then/).waitFor();
    await page.locator('.plan').getByRole('button', { name: 'Inspect All' }).click();
    assert.deepEqual((await requests(page, 'inspect')).at(-1), {});
  });

  it('says when the layers cannot be had, and asks again', async () => {
    const page = await openView({ query: { noplan: '' } });
    await page.locator('.header-actions').getByRole('button', { name: 'Compress Model…' }).click();
    await page.getByRole('alert').getByText('the engine ended before it answered; try again').waitFor();
    await page.getByRole('button', { name: 'Try Again' }).click();
    await eventually(
      () => requests(page, 'planLayers'),
      (sent) => sent.length === 2,
    );
  });

  it('takes up statistics: methods that need them can be chosen, and the plan names the file', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Use Statistics…' }).click();
    const line = page.getByText('Statistics statistics.safetensors: 43 of 86 layers, 262,144 tokens.');
    await line.click();
    await page.getByRole('button', { name: 'Compute Conditions' }).click();
    const conditions = page.getByRole('region', { name: 'Layers with statistics' });
    await conditions.locator('tr', { hasText: 'layers.0.mlp.down_proj' }).getByText('singular').waitFor();
    await conditions.getByText('visual.merger').waitFor();
    await line.click();
    await choose(page, 'Method', 'SVD-LLM');
    await frames(page);
    const plan = await savedPlan(page);
    assert.deepEqual(plan.statistics, { name: 'statistics.safetensors', fingerprint: 'made' });
    assert.equal(plan.method.method, 'svd-llm');
  });

  it('marks statistics of random inputs plainly', async () => {
    const page = await opened({ random: '' });
    await page.getByRole('button', { name: 'Use Statistics…' }).click();
    await page.getByText('Made from random inputs: they say nothing of real ones').waitFor();
  });

  it('shows how saving stands, with the time left; cancelled, it can go on', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Save Compressed Model…' }).click();
    await page.getByText('model.layers.4.mlp.up_proj.weight: 40%, about 2 minutes left').waitFor();
    assert.equal(
      await page.getByRole('progressbar', { name: 'Saving the compressed model' }).getAttribute('value'),
      '0.4',
    );
    await page.getByRole('button', { name: 'Save Compressed Model…', disabled: true }).waitFor();
    await page.locator('.plan-saving').getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('was cancelled').waitFor();
    // What to do next has the focus, as the button that began the save cannot keep it.
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.textContent.trim()');
    assert.equal(await focused(), 'Go On');
    await page.keyboard.press('Enter');
    assert.equal((await requests(page, 'resumeSaving')).length, 1);
    await notify(page, 'modelSaving', {
      ...{ state: 'done', target: '/out/model-huggingface', layout: 'huggingface' },
      result: {
        ...{ path: '/out/model-huggingface', files: ['model.safetensors'], layers: [], notes: ['Tied weights stay.'] },
        bytes: { before: 141e6, after: 75.2e6, tensors: 70.7e6 },
      },
    });
    await page
      .getByText(
        'Saved /out/model-huggingface: 0 layers compressed, tensors of 70.7 MB in place of 141 MB (50.1%), 75.2 MB with all files.',
      )
      .waitFor();
    assert.equal(await focused(), 'Inspect the Result');
    await page.keyboard.press('Enter');
    assert.equal((await requests(page, 'inspectSaved')).length, 1);
  });

  it('offers to evaluate a saved ONNX model, once at a time, and says what went wrong', async () => {
    const page = await opened({ noinputs: '' });
    const done = (layout: 'onnx' | 'safetensors'): Promise<void> =>
      notify(page, 'modelSaving', {
        ...{ state: 'done', target: '/out/model', layout },
        result: {
          ...{ path: '/out/model', files: ['model.onnx'], layers: [], notes: [] },
          bytes: { before: 141e6, after: 75.2e6, tensors: 70.7e6 },
        },
      });
    const evaluate = page.locator('.saving-bar').getByRole('button', { name: 'Evaluate…' });
    await done('safetensors');
    await page.getByRole('button', { name: 'Inspect the Result' }).waitFor();
    assert.equal(await evaluate.count(), 0);
    await done('onnx');
    // Pressed and looked at in one turn: no answer can come between.
    const pressed = `[...document.querySelectorAll('.saving-bar vscode-button')]
      .filter(({ textContent }) => textContent.includes('Evaluate'))
      .map((each) => (each.click(), each.disabled))`;
    assert.deepEqual(await page.evaluate(pressed), [true]);
    await page.getByText('x.npz: has no array "input_ids" (it has z)').waitFor();
    await page.locator('.saving-bar').getByRole('button', { name: 'Evaluate…', disabled: false }).waitFor();
    assert.equal((await requests(page, 'evaluateSaved')).length, 1);
  });

  for (const { name } of themes) {
    for (const width of [252, 500, 1000, 1500]) {
      it(`can be read, and cuts nothing, in ${name} at ${width} pixels`, async () => {
        const page = await opened({}, { theme: name, width });
        await row(page).click();
        await page.getByRole('slider', { name: 'Rank of this layer' }).fill('100');
        await page.locator('.plan-table .table-row.edited').waitFor();
        await eventually(
          () => page.locator('.plan .curve-legend li').count(),
          (count) => count === 5,
        );
        assert.deepEqual(await cutTexts(page), []);
        const found = await leastContrasts(page, [
          ...['.plan-head h2', '.plan-controls h3', '.plan-controls .description', '.plan .unit', '.exclude legend'],
          ...['.plan-totals td', '.plan-totals .notes li', '.plan-table .sort-button', '.plan-table .cell.end'],
          ...['.table-row.dense .cell', '.table-row.edited .cell.name', '.row-editor .layer-facts', '.curve-legend li'],
        ]);
        for (const [selector, contrast] of found) {
          assert.ok(contrast >= LEAST_CONTRAST, `${selector} has a contrast of ${contrast.toFixed(2)}`);
        }
        assert.deepEqual(await violations(page), []);
        await page.screenshot({ path: path.join(screenshotFolder, `plan-${name}-${width}.png`) });
      });
    }
  }
});
