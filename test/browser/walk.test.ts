/** A walk through every view, in every theme, wide and narrow: nothing is cut, and each view is kept as a picture. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { ModelSaving } from '../../extension/shared/compression/modelSaving';
import { eventually } from '../harness/eventually';
import { accessibilityFaults } from './accessibility';
import { cutTexts } from './cutText';
import { openView } from './openView';
import { choose, planRow } from './planPage';
import { openUnusual } from './unusual';
import { themes } from './themes';
import { notify, screenshotFolder, violations } from './viewPage';

/** The end of a run, with a path and a note that are long. */
const SAVED: ModelSaving = {
  ...{ state: 'done', target: '/home/someone/models/llama-58m/llama-58m-onnx-compressed', layout: 'onnx' },
  result: {
    ...{ path: '/home/someone/models/llama-58m/llama-58m-onnx-compressed', files: ['model.onnx'], layers: [] },
    notes: [
      'lm_head.weight holds the same numbers as model.embed_tokens.weight (tied weights): compressed once, for all.',
    ],
    bytes: { before: 141e6, after: 75.2e6, tensors: 70.7e6 },
  },
};

const DEAD = 'model.layers.3.mlp.up_proj.weight';

describe('a walk through all views', () => {
  for (const theme of themes) {
    for (const width of [1500, 900]) {
      it(`finds nothing cut in ${theme.name} at ${width} pixels`, async () => {
        let page!: Page;
        const cut: string[] = [];
        const faults: string[] = [];
        const keep = async (name: string): Promise<void> => {
          await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
          cut.push(...(await cutTexts(page)).map((text) => `${name}: ${text}`));
          // Rules go by structure and colours, not by width; those of structure are the same in every theme.
          if (width === 1500) {
            const rules = theme === themes[0] ? 'all' : 'colours';
            const isNew = (await page.locator('.layer:visible').count()) > 0 ? '.layer' : 'html';
            faults.push(...(await accessibilityFaults(page, isNew, rules)).map((text) => `${name}: ${text}`));
          }
          // Playwright's screenshots bring a style element of their own, which the policy rightly refuses.
          assert.deepEqual(await violations(page), []);
          const file = path.join(screenshotFolder, `${name}-${theme.name}-${width}.png`);
          await page.screenshot({ path: file });
          await page.evaluate('window.mockHost.violations.length = 0');
          assert.ok(statSync(file).size > 4000);
        };
        const open = async (query: Record<string, string>): Promise<void> => {
          page = await openView({ theme: theme.name, width, height: 900, query });
        };
        const openLayer = async (name: string): Promise<void> => {
          const filter = page.getByRole('textbox', { name: 'Filter tensors by name' });
          await filter.fill(name);
          // Into the table, at the first row, and that row's layer.
          await page.keyboard.press('Enter');
          await page.keyboard.press('Enter');
          await page.locator('.layer-name', { hasText: name }).waitFor();
          await page.locator('.layer-body vscode-panels, .layer-message.error').first().waitFor();
          await filter.fill('');
        };
        const tab = async (name: string): Promise<void> => {
          await page.getByRole('tab', { name, exact: true }).click();
          await page.getByRole('tab', { name, exact: true, selected: true }).waitFor();
        };

        await open({ problems: '2' });
        await page.locator('.unusual-item').first().waitFor();
        await keep('overview');
        await page.getByText('2 problems in this checkpoint').click();
        await keep('problems');
        await page.getByText('2 problems in this checkpoint').click();
        await page.getByRole('button', { name: 'How to filter' }).click();
        await page.locator('.filter-help').waitFor();
        await keep('filter-help');
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Choose columns' }).click();
        await page.locator('.column-chooser').waitFor();
        await keep('columns');
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Show as a list' }).click();
        await keep('list');
        await page.getByRole('button', { name: 'Show as a tree' }).click();
        await openLayer('layers.0.self_attn.k_proj.weight');
        await page.getByRole('slider', { name: 'Start of the tail, xmin' }).first().waitFor();
        await keep('spectrum');
        await tab('Ranks and compression');
        await page.getByRole('slider', { name: 'Rank' }).waitFor();
        await page.locator('.compression .numbers').first().waitFor();
        await keep('ranks');
        await page.locator('.layer-body').evaluate('(body) => (body.scrollTop = body.scrollHeight)');
        await keep('compression');
        await tab('Parts');
        await keep('parts');
        await tab('Elements');
        await keep('elements');
        await tab('Matrix');
        await page.locator('.heat-map .cell-cursor').waitFor();
        await keep('matrix');
        await tab('All numbers');
        await keep('numbers');
        await openLayer('lm_head.weight');
        await keep('layer-error');

        await open({ loaded: 'ilp', indefinite: '', blocks: '' });
        await page.locator('.header-actions').getByRole('button', { name: 'Compress Model…' }).click();
        await page.locator('.plan-table .table-body [role=row]').first().waitFor();
        await eventually(
          () => page.locator('.plan .curve-legend li').count(),
          (count) => count === 5,
        );
        await keep('plan');
        await planRow(page, 'layers.0.self_attn.q_proj.weight').click();
        await page.getByRole('slider', { name: 'Rank of this layer' }).fill('100');
        await page.locator('.plan-table .table-row.edited').waitFor();
        await notify(page, 'modelSaving', SAVED);
        await page.getByRole('button', { name: 'Inspect the Result' }).waitFor();
        await keep('plan-saved');
        await page.getByRole('button', { name: 'Load Plan…' }).click();
        await page.getByText('These rows are those of the loaded plan.').waitFor();
        await page.getByRole('button', { name: 'Use Statistics…' }).click();
        await page.getByText('Statistics statistics.safetensors').click();
        await choose(page, 'Allocation', 'Uniform');
        await choose(page, 'Method', 'SVD-LLM');
        await page.getByText('statistics that cannot be used').first().waitFor();
        await keep('plan-statistics');

        await open({ shard: 'alone', inspected: '20', changed: '' });
        await notify(page, 'engine', { state: 'stopped', message: 'The engine stays off.', failed: [DEAD] });
        await page.getByText('The engine stays off.').waitFor();
        await keep('banners');
        await open({ inspected: '20', shard: 'whole' });
        await notify(page, 'queue', { done: 20, total: 111, active: [DEAD] });
        await notify(page, 'engine', { state: 'running', message: '', failed: [DEAD] });
        await page.getByRole('button', { name: 'Inspect Again' }).waitFor();
        await keep('engine-died');

        await open({ model: 'long' });
        await page.locator('.table-row').nth(3).waitFor();
        await keep('long');
        await openLayer('26.self_attn.out_proj.base_layer');
        await keep('long-layer');
        await tab('All numbers');
        await keep('long-numbers');

        await open({ model: 'odd' });
        await page.locator('.unusual-item').first().waitFor();
        await keep('odd');
        for (const name of ['tiny.weight', 'zero.weight', 'broken.weight', 'conv1.weight']) {
          await openLayer(name);
          await keep(`layer-${name.split('.')[0]!}`);
        }
        await open({ model: 'lora' });
        await openLayer('h.0.attn.delta_weight');
        await keep('lora');
        await tab('Ranks and compression');
        await keep('lora-ranks');
        await tab('Matrix');
        await keep('lora-matrix');

        await open({ fail: 'text' });
        await page.getByRole('button', { name: 'Open as Text' }).waitFor();
        await keep('failed');
        assert.deepEqual(cut, []);
        assert.deepEqual(faults, []);
      });
    }
  }

  it('reaches all tabs of a layer where the view is narrow', async () => {
    const page = await openView({ width: 480, height: 900 });
    await openUnusual(page);
    await page.locator('.layer svg.plot-svg').first().waitFor();
    const tabs = page.locator('.layer vscode-panel-tab');
    const cut = await cutTexts(page);
    assert.deepEqual(cut, []);
    await tabs.last().click();
    await page.getByRole('tab', { name: 'All numbers', selected: true }).waitFor();
    const [tab, pane] = await Promise.all([tabs.last().boundingBox(), page.locator('.layer-body').boundingBox()]);
    assert.ok(
      tab!.x >= pane!.x && tab!.x + tab!.width <= pane!.x + pane!.width,
      'the tab that was turned to is in sight',
    );
    await page.screenshot({ path: path.join(screenshotFolder, 'narrow-tabs.png') });
  });

  it('shows alpha, by both methods, beside an open layer and in a narrow view', async () => {
    for (const [width, model] of [
      [1500, 'llama'],
      [1500, 'long'],
      [1400, 'llama'],
      [900, 'llama'],
      [900, 'long'],
    ] as const) {
      const page = await openView({ width, query: { model } });
      await openUnusual(page);
      await page.locator('.layer svg.plot-svg').first().waitFor();
      const table = await page.locator('.table').boundingBox();
      // Types of twenty letters leave no room for more than the first.
      for (const name of model === 'long' && width === 1500 ? ['α'] : ['α', 'FARMS α']) {
        const head = await page.getByRole('columnheader', { name, exact: true }).boundingBox();
        assert.ok(head!.x + head!.width <= table!.x + table!.width, `${name} of ${model} at ${width} pixels`);
      }
    }
  });

  it('means alpha over the layers with a verdict only', async () => {
    const page = await openView({ query: { model: 'odd' } });
    const row = (label: string): Locator => page.locator('.table-row', { has: page.getByText(label, { exact: true }) });
    const judged = row('state_dict').locator('.cell[title="Mean of 2 layers with a verdict"]');
    await judged.waitFor();
    // An optimizer's moment has an alpha, and nobody can say of what.
    assert.equal(await row('optimizer.state').locator('.cell[title$="with a verdict"]').count(), 0);
  });
});
