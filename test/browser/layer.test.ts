/** A layer's view as a person uses it: xmin, rank, table twins, compression and saving, failures. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { LayerResult } from '../../extension/shared/layers';
import { eventually } from '../harness/eventually';
import { openLayer, openView } from './openView';
import { savePicture } from './savedPicture';
import { notify, requests, screenshotFolder, violations } from './viewPage';

const LAYER = 'model.layers.0.mlp.down_proj.weight';

describe("a layer's view", () => {
  const opened = (query: Record<string, string> = {}, layer = LAYER): Promise<Page> => openLayer(layer, { query });

  /** Apart from the overview beside it, which has plots of its own. */
  const view = (page: Page): Locator => page.locator('.layer');
  const xmin = (page: Page): Locator => page.getByRole('slider', { name: 'Start of the tail, xmin' }).first();

  const reading = (page: Page, term: string): Promise<string> =>
    page
      .locator('.esd')
      .first()
      .locator('.reading', { has: page.getByText(term, { exact: true }) })
      .locator('.reading-value')
      .innerText();

  async function turnTo(page: Page, tab: string): Promise<void> {
    await page.getByRole('tab', { name: tab }).click();
  }

  it('names every plot by its finding', async () => {
    const page = await opened();
    const name = await page.locator('.esd svg.plot-svg').first().getAttribute('aria-label');
    assert.match(name!, /^Whole matrix\. alpha [\d.]+\. No verdict on α .*\. The tail starts at .* eigenvalues; D /);
    assert.deepEqual(await violations(page), []);
  });

  it('says of no optimizer state how well it is trained', async () => {
    const page = await opened({ model: 'odd' }, 'embed.weight.exp_avg');
    const esd = page.locator('.esd').first();
    assert.match(
      (await esd.locator('.plot-svg').getAttribute('aria-label'))!,
      /^Whole matrix\. alpha [\d.]+\. No verdict: it is no weight of the model \(optimizer state\)/,
    );
    assert.doesNotMatch(await page.locator('.layer').innerText(), /typical of/);
    assert.equal(await esd.locator('.heat').getAttribute('class'), 'reading-value heat heat-none');
  });

  it('judges alpha in a sentence, and anew where xmin is moved', async () => {
    const page = await opened({}, 'model.layers.0.mlp.gate_proj.weight');
    const verdict = page.locator('.esd').first().locator('.verdict');
    const said = (words: RegExp): Promise<string> =>
      eventually(
        () => verdict.innerText(),
        (text) => words.test(text),
      );
    const fitted = await said(/^α [\d.]+ ± [\d.]+ is in 2–6, typical of well-trained layers; FARMS α [\d.]+/);
    // Ten values are no tail.
    await xmin(page).focus();
    await page.keyboard.press('End');
    for (let step = 0; step < 8; step++) await page.keyboard.press('ArrowLeft');
    await said(/^○ No verdict on α [\d.]+ ± [\d.]+: its tail has 10 of 512 eigenvalues, and 20 are needed/);
    assert.match(await verdict.getAttribute('class').then(String), /verdict-none/);
    await page.getByRole('button', { name: 'Back to the fitted xmin' }).click();
    assert.equal(await said(/typical of/), fitted);
    await page.getByRole('combobox', { name: 'Rule for xmin' }).click();
    await page.getByRole('option', { name: 'xmin_mid' }).click();
    assert.equal(await verdict.isVisible(), false);
  });

  it('takes the test of the fit into the verdict', async () => {
    const page = await opened({}, 'model.layers.4.mlp.down_proj.weight');
    const verdict = page.locator('.esd').first().locator('.verdict');
    assert.match(await verdict.innerText(), /^▲ α [\d.]+ ± [\d.]+ is above 6, typical of under-trained layers/);
    await page.getByRole('button', { name: 'Test the Fit' }).click();
    await eventually(
      () => verdict.innerText(),
      (text) => /^○ No verdict on .*: the bootstrap refuses a power law \(p 0\.02\)/.test(text),
    );
    const [shape, tested] = await page.locator('.fit-test').locator('p, .fit-test-status').allInnerTexts();
    assert.match(shape!, /^Shape of the tail from the fitted xmin [\d.]+: /);
    assert.match(tested!, /^Test of the fit from the fitted xmin [\d.]+: p 0\.02/);
  });

  it('moves xmin with the pointer; alpha and D follow, and come back', async () => {
    const page = await opened();
    const fitted = [await reading(page, 'α'), await reading(page, 'D')];
    const grip = (await xmin(page).locator('.grip').boundingBox())!;
    await page.mouse.move(grip.x + grip.width / 2, grip.y + grip.height / 2);
    await page.mouse.down();
    await page.mouse.move(grip.x - 140, grip.y, { steps: 4 });
    await page.mouse.up();
    const moved = [await reading(page, 'α'), await reading(page, 'D')];
    assert.notEqual(moved[0], fitted[0]);
    assert.notEqual(moved[1], fitted[1]);
    const dragged = (await xmin(page).locator('.grip').boundingBox())!;
    assert.ok(Math.abs(dragged.x - (grip.x - 140)) < 20, `the grip is at ${dragged.x}, the pointer at ${grip.x - 140}`);
    await page.getByRole('button', { name: 'Back to the fitted xmin' }).click();
    assert.deepEqual([await reading(page, 'α'), await reading(page, 'D')], fitted);
  });

  it('moves xmin with the keyboard and says what follows', async () => {
    const page = await opened();
    const before = Number(await xmin(page).getAttribute('aria-valuenow'));
    await xmin(page).focus();
    await page.keyboard.press('ArrowLeft');
    assert.equal(Number(await xmin(page).getAttribute('aria-valuenow')), before - 1);
    assert.match((await xmin(page).getAttribute('aria-valuetext'))!, /^xmin [\d.E-]+, alpha [\d.]+, D [\d.]+, \d+ eig/);
    await page.keyboard.press('End');
    const most = await xmin(page).getAttribute('aria-valuemax');
    assert.equal(await xmin(page).getAttribute('aria-valuenow'), most);
    await page.keyboard.press('Home');
    assert.equal(await xmin(page).getAttribute('aria-valuenow'), '0');
  });

  it('zooms to the tail and back', async () => {
    const page = await opened();
    const grip = async (): Promise<number> => (await xmin(page).locator('.grip').boundingBox())!.x;
    const whole = await grip();
    await page.getByRole('button', { name: 'Zoom to the tail' }).first().click();
    const zoomed = await grip();
    assert.ok(zoomed < whole - 20, `the tail starts at ${zoomed}, before at ${whole}`);
    const drawn = await page.locator('.esd').first().locator('.bar.tail').getAttribute('d');
    assert.ok(drawn!.split('M').length > 8, 'the tail has bars of its own');
    await page.getByRole('button', { name: 'Show bulk and tail' }).first().click();
    assert.equal(await grip(), whole);
  });

  it('begins with a rank that saves something', async () => {
    const page = await opened({}, 'model.layers.0.self_attn.q_proj.weight');
    await turnTo(page, 'Ranks and compression');
    const rank = Number(await page.getByRole('slider', { name: 'Rank' }).inputValue());
    // At 256 two factors are as large as the matrix.
    assert.ok(rank >= 1 && rank <= 0.9 * 256, `rank ${rank} of a 512 × 512 matrix`);
  });

  it('greys suggestions that save nothing, with the reason', async () => {
    const page = await opened({}, 'model.layers.0.self_attn.q_proj.weight');
    await turnTo(page, 'Ranks and compression');
    const rows = page.getByRole('region', { name: 'Rank suggestions' }).locator('tbody tr');
    const greys: boolean[] = [];
    for (const row of await rows.all()) {
      const [ratioText, reason] = (await row.locator('td').allTextContents()).slice(2);
      const ratio = Number(ratioText!.replace('%', '')) / 100;
      const grey = ((await row.getAttribute('class')) ?? '').includes('no-saving');
      assert.equal(grey, ratio > 0.9, ratioText);
      assert.equal(reason, ratio > 1 ? 'larger' : grey ? 'saves little' : '');
      greys.push(grey);
    }
    assert.ok(greys.includes(true) && greys.includes(false));
  });

  it('shows of a LoRA pair’s product its ranks, its factors’ sizes and why FARMS has no alpha', async () => {
    const page = await openView({ query: { model: 'lora' } });
    await page.locator('.row-label', { hasText: 'delta_weight' }).click();
    await page.getByText('No FARMS alpha: a product that is not stored has no windows to take.').waitFor();
    await page.getByRole('tab', { name: 'Ranks and compression' }).click();
    const slider = page.getByRole('slider', { name: 'Rank' });
    assert.equal(await slider.getAttribute('max'), '8');
    const ticks = await page.locator('.rank-picture .axis').first().locator('.tick').allTextContents();
    assert.ok(ticks.length > 1 && ticks.every((tick) => /^[1-8]$/.test(tick)), ticks.join());
    const compression = page.locator('.compression');
    await slider.fill('4');
    assert.match(await compression.innerText(), /Size\s+49\.2 kB\s+24\.6 kB\s+-50%/);
    assert.doesNotMatch(await page.locator('.layer').innerText(), /NaN|Infinity/);
    assert.equal(await page.getByRole('button', { name: 'Save As…' }).count(), 0);
    await compression
      .getByText(
        /not stored\. Its factors can be saved as reconstructed matrices: .*lora_B\.weight and .*lora_A\.weight/,
      )
      .waitFor();
    await page.screenshot({ path: path.join(screenshotFolder, 'lora-ranks.png') });
    assert.deepEqual(await violations(page), []);
  });

  it('draws no tail where every eigenvalue is zero', async () => {
    const page = await opened({ model: 'odd' }, 'zero.weight');
    await page.getByText('nothing above zero to draw').first().waitFor();
    assert.equal(await xmin(page).isVisible(), false);
  });

  it('shows one matrix of a stack as what it is', async () => {
    const page = await opened({ model: 'odd' }, 'experts.w1[2]');
    assert.match(
      await page.locator('.layer-facts').innerText(),
      /128 × 96.*12\.3K parameters.*one of 4 in experts\.w1/s,
    );
  });

  it('fits by another rule', async () => {
    const page = await opened();
    const KS = await reading(page, 'xmin');
    await page.getByRole('combobox', { name: 'Rule for xmin' }).click();
    await page.getByRole('option', { name: 'xmin_mid' }).click();
    assert.notEqual(await reading(page, 'xmin'), KS);
    assert.equal(await reading(page, 'tail'), '256');
  });

  it('shows the same numbers as a table', async () => {
    const page = await opened();
    await view(page).getByRole('button', { name: 'Show as table' }).first().click();
    const table = page.getByRole('table', { name: 'Whole matrix: density of the eigenvalues' });
    const counts = await table.locator('tbody td:nth-child(2)').allInnerTexts();
    assert.equal(
      counts.reduce((sum, text) => sum + Number(text), 0),
      512,
    );
    await view(page).getByRole('button', { name: 'Show as plot' }).first().click();
    await xmin(page).waitFor();
  });

  it('exports a plot as an SVG that needs no style sheet', async () => {
    const page = await opened();
    const { name, kind, bytes } = await savePicture(page, view(page), 'Save as SVG, Light…');
    assert.equal(`${name}.${kind}`, 'model.layers.0.mlp.down_proj.weight-Whole_matrix.svg');
    const text = bytes.toString('utf8');
    assert.match(text, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    assert.match(text, /fill="rgb\(/);
    assert.doesNotMatch(text, /class=|var\(|color\(/);
  });

  it('draws very many points on a canvas, follows the pointer on them and exports them', async () => {
    const page = await opened({ farms: '200000' });
    const farms = page.locator('.esd').nth(1);
    assert.equal(await farms.locator('canvas').isVisible(), false);
    await farms.getByRole('checkbox', { name: 'CCDF' }).click();
    await farms.locator('canvas').waitFor();
    const drawn = await page.evaluate<number>(`(() => {
      const canvas = document.querySelectorAll('.esd canvas')[1];
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, i) => i % 4 === 3 && value > 0).length;
    })()`);
    assert.ok(drawn > 1000, `${drawn} pixels are drawn`);
    const slider = farms.getByRole('slider');
    const before = await slider.getAttribute('aria-valuenow');
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    // An arrow key moves by a share of a spectrum that long, not by one value.
    assert.equal(Number(await slider.getAttribute('aria-valuenow')) - Number(before), 500);
    const { bytes } = await savePicture(page, farms, 'Save as SVG, Dark…');
    assert.match(bytes.toString('utf8'), /<image href="data:image\/png;base64,/);
    assert.deepEqual(await violations(page), []);
  });

  it('ties the rank slider, the energy, the budget and the numbers together', async () => {
    const page = await opened();
    await turnTo(page, 'Ranks and compression');
    const slider = page.getByRole('slider', { name: 'Rank' });
    await slider.fill('100');
    const field = (name: string): Locator => page.getByRole('spinbutton', { name });
    assert.equal(await field('Rank').inputValue(), '100');
    // A factor pair of rank 100 of a 512 × 1376 matrix.
    assert.equal(await field('Parameters').inputValue(), ((100 * 100 * (512 + 1376)) / (512 * 1376)).toFixed(1));
    const cell = (row: string): Locator =>
      page
        .locator('.compression tr', { has: page.getByRole('rowheader', { name: row, exact: true }) })
        .locator('td')
        .nth(1);
    assert.equal(await cell('Parameters').innerText(), '189K');
    const energy = Number(await field('Energy').inputValue()) / 100;
    const error = Number((await cell('Relative error').innerText()).replace('%', '')) / 100;
    assert.ok(Math.abs(energy + error ** 2 - 1) < 2e-3, `energy ${energy} and error ${error} do not belong together`);
    await field('Parameters').fill('50');
    await field('Parameters').press('Tab');
    assert.equal(await slider.inputValue(), String(Math.floor((0.5 * 512 * 1376) / (512 + 1376))));
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    assert.equal(await field('Rank').inputValue(), '187');
    assert.match(
      (await slider.getAttribute('aria-valuetext'))!,
      /^rank 187: error [\d.]+%, 50\.\d% of the parameters$/,
    );
  });

  it('adds the suggestion that is known at the end to an open layer, and leaves the rank and the focus', async () => {
    const page = await opened();
    await turnTo(page, 'Ranks and compression');
    const slider = page.getByRole('slider', { name: 'Rank' });
    await slider.fill('77');
    const list = page.getByRole('region', { name: 'Rank suggestions' });
    await list.getByRole('button', { name: 'ERG', exact: true }).focus();
    const result = await page.evaluate<LayerResult>(`window.mockHost.resultOf('${LAYER}')`);
    assert.equal(await list.getByRole('button', { name: 'WeLore' }).count(), 0);
    const welore = { rank: 123, error: 0.2, parameters: 232_224, ratio: 0.33 };
    await notify(page, 'results', [{ ...result, ranks: { ...result.ranks, welore } }]);
    await list.getByRole('button', { name: 'WeLore' }).waitFor();
    assert.equal(await page.locator('.layer .mark-label', { hasText: 'WeLore' }).count(), 1);
    assert.equal(await slider.inputValue(), '77');
    assert.equal(await page.locator(':focus').innerText(), 'ERG');
  });

  it('asks the engine for a preview once the slider rests', async () => {
    const page = await opened();
    await turnTo(page, 'Ranks and compression');
    const slider = page.getByRole('slider', { name: 'Rank' });
    for (const rank of [50, 60, 70, 400]) await slider.fill(String(rank));
    await page.getByText('Above rank 373 (break-even)').waitFor();
    const asked = (await requests(page, 'previewCompression')) as { rank: unknown }[];
    assert.deepEqual(asked.at(-1)!.rank, { kind: 'rank', rank: 400 });
    assert.ok(asked.length <= 2, `${asked.length} previews were asked for`);
    // A copy may be the larger file: that is said where the layer's own size is.
    const whole = page.locator('.layer tr', { has: page.getByRole('rowheader', { name: 'Whole model' }) });
    assert.match(await whole.innerText(), /100 MB\s+252 MB\s+\+151\.5%/);
  });

  it('saves with progress and says where', async () => {
    const page = await opened();
    await turnTo(page, 'Ranks and compression');
    await page.getByRole('slider', { name: 'Rank' }).fill('64');
    await page.getByRole('combobox', { name: 'Save as' }).click();
    await page.getByRole('option', { name: 'reconstructed matrix' }).click();
    await page.getByRole('button', { name: 'Save As…' }).click();
    await page.getByRole('progressbar', { name: 'Saving' }).waitFor();
    await page.getByText('Saved /checkpoints/llama-58m/compressed.safetensors').waitFor();
    const [asked] = await requests(page, 'saveCompressed');
    const rank = { kind: 'rank', rank: 64 };
    assert.deepEqual(asked, { layer: LAYER, method: 'svd', rank, output: 'reconstructed' });
  });

  it('says why a save failed and can be tried again', async () => {
    const page = await opened({ full: '1' });
    await turnTo(page, 'Ranks and compression');
    await page.getByRole('button', { name: 'Save As…' }).click();
    await page.getByText('the disk is full; nothing was written').waitFor();
    await page.getByRole('button', { name: 'Save As…', disabled: false }).waitFor();
  });

  it('says why a layer has no fit, no spectrum or could not be computed', async () => {
    const page = await opened({ model: 'odd' }, 'tiny.weight');
    await page
      .locator('.reading', { hasText: /power-law fit\s*none a fit needs 10 eigenvalues above zero and finds 6/ })
      .waitFor();
    const bars = await page.locator('.esd .bar.bulk').first().getAttribute('d');
    assert.match(bars!, /^M/, 'the spectrum is drawn all the same');
    await page.keyboard.press('Escape');
    const filter = page.getByRole('textbox', { name: 'Filter tensors by name' });
    await filter.fill('broken');
    await page.locator('.table-body .table-row').first().click();
    await page.locator('.notice', { hasText: 'broken.weight holds 3 NaN' }).waitFor();
    assert.equal(await page.locator('.notice').count(), 1, 'said once');
    const failing = await opened({}, 'lm_head.weight');
    await failing.getByText('lm_head.weight needs 2 GB').waitFor();
    await failing.getByRole('button', { name: 'Try Again' }).waitFor();
  });

  it('can be closed while it waits', async () => {
    const page = await opened({ slow: '1' });
    await page.getByText('Reading the spectrum…').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).last().click();
    await page.locator('.layer').waitFor({ state: 'hidden' });
  });

  it('is as it was after the tab was hidden', async () => {
    const page = await opened();
    await turnTo(page, 'Elements');
    await page.getByRole('button', { name: 'Show as a list' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: LAYER, exact: true }).waitFor();
    await page.getByRole('tab', { name: 'Elements', selected: true }).waitFor();
  });

  it('turns to compression when the host asks', async () => {
    const page = await opened();
    await notify(page, 'select', { layer: LAYER, compress: true });
    await page.getByRole('tab', { name: 'Ranks and compression', selected: true }).waitFor();
    await eventually(
      () => page.evaluate<string>('document.activeElement.labels?.[0].textContent ?? ""'),
      (label) => label === 'Rank',
    );
  });
});
