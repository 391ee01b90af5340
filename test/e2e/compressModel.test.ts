/** Compressing a whole model as a person does: overview, Compress Model, slider, a row by hand, save, the result. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import type { CompressionPlan } from '../../extension/shared/compression/plans';
import { eventually } from '../harness/eventually';
import { inSteps } from './steps';
import { Workbench } from './workbench';
import { makeWorkspace } from './workspace';

/** Where a view says which file it shows. */
const SHOWN_PATH = `document.querySelector('#app .file-name')?.title`;

const LAYER = 'model.layers.2.self_attn.q_proj.weight';

describe('a person compresses a model', function () {
  inSteps(this);
  let folder: string;
  let workbench: Workbench;
  let view: Frame;
  const planFile = (): string => path.join(folder, 'model.eigenplan.json');

  before(async () => {
    folder = makeWorkspace();
    workbench = await Workbench.open(folder);
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('compress-failed');
  });

  const row = (name = LAYER): Locator => view.locator('.plan-table [role=row]', { hasText: name });
  const size = (): Promise<string> =>
    view.getByRole('region', { name: 'The whole model' }).locator('tr', { hasText: 'Size' }).innerText();

  /** Chooses an entry of a quick pick that asks `question`. */
  async function pick(question: string, entry: string): Promise<void> {
    const widget = workbench.page.locator('.quick-input-widget');
    await widget.locator(`input[placeholder="${question}"]`).waitFor();
    await widget.locator('.monaco-list-row', { hasText: entry }).first().click();
  }

  it('plans it from the overview, once its layers are inspected', async () => {
    const entry = await workbench.menuEntry(workbench.explorerItem('model.safetensors'), 'Inspect Weights');
    await entry.click();
    view = await workbench.view('model.safetensors');
    await view.locator('.overview').getByRole('button', { name: 'Compress Model…' }).click();
    await view.getByRole('heading', { name: 'Compression plan' }).waitFor();
    // The plan grows with what is inspected.
    await row().getByText('Truncated SVD').waitFor();
    await eventually(
      () => view.locator('.plan').innerText(),
      (text) => /of the size at [\d.]+% error/.test(text) && !/not inspected|are inspected/.test(text),
    );
    await workbench.screenshot('plan');
  });

  it('follows the slider', async () => {
    const before = await size();
    await view.getByRole('slider', { name: 'Target' }).fill('70');
    await eventually(size, (text) => text !== before);
    assert.match(await size(), /-30%|-3[01]\.\d%/);
  });

  it('sets one layer by hand', async () => {
    await row().click();
    await view.getByRole('slider', { name: 'Rank of this layer' }).fill('20');
    await row().locator('[aria-colindex="3"]', { hasText: /^20$/ }).waitFor();
    await workbench.screenshot('plan-row');
  });

  it('comes back as it was left, in another theme, when the window is loaded anew', async () => {
    // In what a page keeps, which is text within text: the plan is open, with that rank.
    await workbench.untilRemembered([String.raw`plan\W+open\W+true[^]*q_proj[^]*rank\W+20\D`]);
    await workbench.useTheme('Default High Contrast Light', 'hc-light');
    view = await workbench.view('model.safetensors');
    await view.getByRole('heading', { name: 'Compression plan' }).waitFor();
    await row().locator('[aria-colindex="3"]', { hasText: /^20$/ }).waitFor();
    assert.equal(await view.getByLabel('Target in percent').inputValue(), '70');
    await workbench.screenshot('plan-restored');
  });

  it('saves the plan as a file', async () => {
    await view.getByRole('button', { name: 'Save Plan…' }).click();
    await workbench.answerFileDialog(/model\.eigenplan\.json$/, planFile());
    await view.getByText(`Saved ${planFile()}.`).waitFor();
    const plan = JSON.parse(readFileSync(planFile(), 'utf8')) as CompressionPlan;
    assert.deepEqual(plan.layers[LAYER], { method: 'svd', rank: 20 });
    assert.deepEqual(plan.target, { kind: 'size', value: 0.7 });
  });

  it('saves the compressed model, and offers to inspect it', async () => {
    await view.getByRole('button', { name: 'Save Compressed Model…' }).click();
    await pick('For which program?', 'safetensors with parts');
    await pick('Type of the new tensors', 'As stored');
    await pick('Size of the files', '5 GB a file');
    const target = path.join(folder, 'smaller');
    await workbench.answerFileDialog(/model-safetensors$/, target);
    await view.getByText(/^Saved .*smaller: \d+ layers compressed/).waitFor();
    assert.equal(await view.getByText(`Saved ${planFile()}.`).count(), 0, 'the plan is no news any more');
    await workbench.screenshot('plan-saved');
    const files = readdirSync(target).filter((name) => name.endsWith('.safetensors'));
    assert.equal(files.length, 1);
    const bytes = readFileSync(path.join(target, files[0]!));
    const header = bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()));
    assert.match(header, /\[96,20\]/);
    const share = bytes.length / statSync(path.join(folder, 'model.safetensors')).size;
    assert.ok(share > 0.6 && share <= 0.72, `${share} of the size`);
    assert.ok(existsSync(path.join(folder, 'model.safetensors')));
    await view.getByRole('button', { name: 'Inspect the Result' }).click();
    // It has the name of the original, in another folder.
    const result = await eventually(
      async () => {
        for (const frame of workbench.page.frames()) {
          const title = await frame.evaluate<unknown>(SHOWN_PATH).catch(() => null);
          if (typeof title === 'string' && title.startsWith(target)) return frame;
        }
        return null;
      },
      (frame) => frame !== null,
    );
    await result!.getByText(/^\d+ computed, not stored$/).waitFor();
    await workbench.screenshot('plan-result');
    // The weight that stood there is one row again, of its two factors.
    await result!.getByRole('textbox', { name: /filter/i }).fill(LAYER);
    await result!.locator('.table-row:visible', { hasText: LAYER, hasNotText: '.product0' }).click();
    await result!.getByText(/^W = A·B, computed from its factors: \d+ of 20 directions hold 95 % of ‖W‖²\.$/).waitFor();
    await workbench.screenshot('plan-result-layer');
  });
});
