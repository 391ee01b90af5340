/** The way through the product as a person takes it: explorer, right-click, table, layer, slider, save, hover. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import type { ReportData } from '../../extension/report/reportRecords';
import type { InspectReport } from '../../extension/shared/inspectReport';
import { eventually } from '../harness/eventually';
import { inSteps } from './steps';
import { Workbench } from './workbench';
import { makeWorkspace } from './workspace';

/** Alphas in sight, from the top. */
async function alphas(view: Frame): Promise<number[]> {
  const column = await view.locator('.table-head [role=columnheader]').allTextContents();
  const index = column.findIndex((title) => title.trim() === 'α') + 1;
  assert.ok(index > 0, `no alpha among the columns ${column.join(', ')}`);
  // All at once: while results come in, rows that were in sight a moment ago are gone.
  const cells = await view.evaluate<[string, string][]>(
    `[...document.querySelectorAll('.table-body [role=row]')]
      .filter((row) => row.checkVisibility())
      .map((row) => [row.getAttribute('aria-rowindex'), row.querySelector('[aria-colindex="${index}"]').textContent])`,
  );
  // Rows are taken over while scrolling: their order in the document is not that on the screen.
  const values = cells.flatMap(([row, text]) => {
    const alpha = Number(/\d+\.\d+/.exec(text)?.[0] ?? NaN);
    return Number.isFinite(alpha) ? [{ row: Number(row), alpha }] : [];
  });
  return values.sort((a, b) => a.row - b.row).map(({ alpha }) => alpha);
}

describe('a person inspects a checkpoint', function () {
  inSteps(this);
  let folder: string;
  let workbench: Workbench;
  let view: Frame;
  let slider: Locator;
  const layer = 'model.layers.2.self_attn.q_proj.weight';

  before(async () => {
    folder = makeWorkspace();
    writeFileSync(path.join(folder, 'train.py'), `import torch\n\nw = state["${layer}"]\n`);
    workbench = await Workbench.open(folder);
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('failed');
  });

  it('offers Inspect Weights on checkpoints only', async () => {
    await workbench.menuEntry(workbench.explorerItem('model.safetensors'), 'Inspect Weights');
    await workbench.page.keyboard.press('Escape');
    await workbench.explorerItem('train.py').click({ button: 'right' });
    await workbench.page.locator('.context-view .action-item', { hasText: 'Rename' }).waitFor();
    assert.equal(await workbench.page.locator('.context-view .action-item', { hasText: 'Inspect Weights' }).count(), 0);
    await workbench.page.keyboard.press('Escape');
  });

  it('fills in the numbers and sorts by them', async () => {
    const entry = await workbench.menuEntry(workbench.explorerItem('model.safetensors'), 'Inspect Weights');
    await entry.click();
    view = await workbench.view('model.safetensors');
    await workbench.page.locator('.statusbar-item', { hasText: /Eigenscope: (CPU|GPU)/ }).waitFor();
    await view.getByRole('button', { name: 'Show as a list' }).click();
    const header = view.locator('.table-head [role=columnheader]', { hasText: /^α\s*$/ });
    const sortedBy = async (): Promise<string> => {
      await header.getByRole('button').click();
      const direction = await header.getAttribute('aria-sort');
      const sign = direction === 'ascending' ? 1 : -1;
      // Numbers are still coming in: rows keep moving to their places until the last one is there.
      await eventually(
        () => alphas(view),
        (values) =>
          values.length > 10 && values.every((value, index) => index === 0 || sign * (value - values[index - 1]!) >= 0),
      );
      return direction!;
    };
    assert.deepEqual([await sortedBy(), await sortedBy()].sort(), ['ascending', 'descending']);
  });

  it('filters by a few letters of the name', async () => {
    const filter = view.getByRole('textbox', { name: 'Filter tensors by name' });
    await filter.fill('l2qproj');
    await view.locator('.table-body [role=row]:visible', { hasText: layer }).waitFor();
  });

  it('opens a layer, and its numbers follow the rank slider', async () => {
    await view.locator('.table-body [role=row]:visible', { hasText: layer }).click();
    await view.locator('.layer h2', { hasText: layer }).waitFor();
    await view.locator('.layer svg.plot-svg:visible').first().waitFor();
    await workbench.screenshot('layer');
    await view.getByRole('tab', { name: /rank/i }).click();
    slider = view.getByRole('slider', { name: 'Rank' });
    await slider.waitFor();
    const error = view.locator('.rank-panel');
    await slider.fill('10');
    const atTen = await error.innerText();
    await slider.focus();
    await workbench.page.keyboard.press('ArrowRight');
    assert.equal(await slider.inputValue(), '11');
    const atEleven = await error.innerText();
    assert.notEqual(atEleven, atTen);
    await workbench.screenshot('ranks');
  });

  it('saves the layer at that rank under a name the person chooses', async () => {
    await view.getByRole('button', { name: 'Save As…' }).click();
    const target = path.join(folder, 'smaller.safetensors');
    await workbench.answerFileDialog(/-svd-rank\d+\.safetensors$/, target);
    await workbench.page.locator('.notification-list-item', { hasText: 'Saved smaller.safetensors' }).waitFor();
    assert.ok(existsSync(target));
    const bytes = readFileSync(target);
    const header = bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()));
    assert.match(header, /\[96,11\]/);
    assert.match(header, /\[11,96\]/);
    assert.ok(statSync(target).size < statSync(path.join(folder, 'model.safetensors')).size);
    await workbench.screenshot('saved');
  });

  async function exported(choose: () => Promise<void>, suggested: RegExp, name: string, end: string): Promise<string> {
    const target = path.join(folder, name);
    await choose();
    await workbench.answerFileDialog(suggested, target);
    const text = await eventually(
      () => Promise.resolve(existsSync(target) ? readFileSync(target, 'utf8') : ''),
      (written) => written.endsWith(end),
    );
    await workbench.page.locator('.notification-list-item', { hasText: `Saved ${name}.` }).waitFor();
    return text;
  }
  const fromMenu = (item: string) => async (): Promise<void> => {
    await view.getByRole('button', { name: 'Export', exact: true }).click();
    await view.getByRole('menuitem', { name: item }).click();
  };

  it('exports all numbers, as JSON and as CSV', async () => {
    const json = fromMenu('Save All Numbers as JSON…');
    const report = JSON.parse(await exported(json, /model-weights\.json$/, 'numbers.json', '\n')) as InspectReport;
    const { alpha } = report.layers.find(({ name }) => name === layer)!.metrics;
    assert.equal(report.layers.length, report.checkpoint.tensors);
    const csv = await exported(fromMenu('Save All Numbers as CSV…'), /model-weights\.csv$/, 'numbers.csv', '\n');
    const [header, ...lines] = csv.trim().split('\n');
    assert.equal(lines.length, report.layers.length);
    const cells = lines.find((line) => line.startsWith(`${layer},`))!.split(',');
    assert.equal(Number(cells[header!.split(',').indexOf('alpha')]), alpha);
  });

  it('saves a plot as PNG, and shows own numbers from a file', async () => {
    const { page } = workbench;
    await view.locator('.layer .plot:visible').first().getByRole('button', { name: 'Save plot' }).click();
    await view.getByRole('menuitem', { name: 'Save as PNG, Light…' }).click();
    const plot = path.join(folder, 'plot.png');
    await workbench.answerFileDialog(/\.png$/, plot);
    await page.locator('.notification-list-item', { hasText: 'Saved plot.png.' }).waitFor();
    assert.equal(readFileSync(plot).toString('hex', 0, 8), '89504e470d0a1a0a');
    const losses = path.join(folder, 'losses.csv');
    writeFileSync(losses, `name,loss\n${layer},0.125\nnowhere,1\n`);
    await workbench.runCommand('Eigenscope: Add Columns from File…');
    await workbench.answerFileDialog(/\/$/, losses);
    const said = 'losses.csv: 1 column for 1 layer. Not in this checkpoint: 1 name (nowhere).';
    await page.locator('.notification-list-item', { hasText: said }).waitFor();
    await workbench.screenshot('own-numbers');
  });

  it('saves a report from the palette, with the layer that was looked at', async () => {
    const palette = (): Promise<void> => workbench.runCommand('Eigenscope: Save Report…');
    const html = await exported(palette, /model-report\.html$/, 'report.html', '</html>\n');
    const data = JSON.parse(/id="report-data">(.*?)<\/script>/s.exec(html)![1]!) as ReportData;
    assert.equal(data.spectra[0]!.layer, layer);
    await workbench.screenshot('report-saved');
    const saved = workbench.page.locator('.notification-list-item', { hasText: 'Saved report.html.' });
    await saved.getByRole('button', { name: 'Open' }).click();
    await workbench.page.locator('.tab', { hasText: 'report.html' }).waitFor();
    await workbench.page.locator('.tab', { hasText: 'report.html' }).locator('.codicon-close').click();
    await workbench.page.locator('.tab', { hasText: 'report.html' }).waitFor({ state: 'detached' });
  });

  it('compresses from the palette, with a preview of what is typed', async () => {
    await workbench.runCommand('Eigenscope: Compress Layer…');
    const widget = workbench.page.locator('.quick-input-widget');
    const input = widget.locator('input').first();
    const choose = async (typed: string, entry: RegExp | string): Promise<void> => {
      await input.fill(typed);
      await widget.locator('.monaco-list-row', { hasText: entry }).first().waitFor();
      await workbench.page.keyboard.press('Enter');
    };
    await widget.getByText('Compress Layer: which one?').waitFor();
    // The layer beside the table is where a person begins.
    await widget.locator('.monaco-list-row.focused', { hasText: layer }).waitFor();
    await choose('layers.1.mlp.down', 'model.layers.1.mlp.down_proj.weight');
    await widget.getByText('model.layers.1.mlp.down_proj.weight: how far?').waitFor();
    await widget.locator('.monaco-list-row', { hasText: /95% of the energy.*rank \d+ of 96 · error/ }).waitFor();
    await input.fill('0.9');
    await widget.locator('.monaco-list-row', { hasText: /90% of the energy.*rank \d+ of 96/ }).waitFor();
    await input.fill('nonsense');
    await widget.locator('.monaco-list-row', { hasText: 'is not a rank' }).waitFor();
    await input.fill('12');
    await widget.locator('.monaco-list-row', { hasText: /Rank 12.*rank 12 of 96 · error .* of the bytes/ }).waitFor();
    await workbench.screenshot('palette');
    await workbench.page.keyboard.press('Enter');
    await choose('', 'Reconstructed matrix');
    const target = path.join(folder, 'palette.safetensors');
    await workbench.answerFileDialog(/-svd-rank\d+\.safetensors$/, target);
    await workbench.page
      .locator('.notification-list-item', { hasText: 'Saved palette.safetensors at rank 12' })
      .waitFor();
    assert.ok(existsSync(target));
  });

  /** The hover over the layer's name in Python, with its numbers. */
  async function hoverName(): Promise<Locator> {
    const { page } = workbench;
    await workbench.explorerItem('train.py').dblclick();
    const word = page
      .locator('.view-line', { hasText: 'q_proj' })
      .getByText(/q_proj/)
      .last();
    const hover = page.locator('.monaco-hover', { hasText: layer }).filter({ has: page.locator('img') });
    await workbench.untilHover(hover, () => workbench.pointAt(word));
    return hover;
  }

  it('shows the layer when its name is hovered in Python', async () => {
    const hover = await hoverName();
    assert.match(await hover.innerText(), /96 × 96 · F32 · 9,216 parameters/);
    assert.match(await hover.innerText(), /α \d|no power-law fit/);
    assert.equal(await hover.locator('img').count(), 1, 'the picture of the spectrum');
    await workbench.screenshot('hover');
    await hover.getByText('Compress…').first().click();
    view = await workbench.view('model.safetensors');
    await view.getByRole('slider', { name: 'Rank' }).waitFor();
  });

  for (const [theme, kind, name] of [
    ['Default Light Modern', 'vs', 'light'],
    ['Default Dark Modern', 'vs-dark', 'dark'],
    ['Default High Contrast', 'hc-black', 'high-contrast'],
    ['Default High Contrast Light', 'hc-light', 'high-contrast-light'],
  ] as const) {
    it(`comes back after a restart as it was left, in ${theme}`, async () => {
      await workbench.useTheme(theme, kind);
      await workbench.page.locator('.tab', { hasText: 'model.safetensors' }).click();
      view = await workbench.view('model.safetensors');
      await view.locator('.layer h2', { hasText: layer }).waitFor();
      await view.locator('.layer svg.plot-svg:visible').first().waitFor();
      const [text, background] = await view.evaluate<[string, string]>(
        '[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]',
      );
      assert.notEqual(text, background);
      await workbench.screenshot(`theme-${name}`);
      await hoverName();
      await workbench.screenshot(`hover-${name}`);
    });
  }
});
