/** What VS Code itself shows of the extension: settings, status bar, and a view that comes back as it was left. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { eventually } from '../harness/eventually';
import { TOP_ROW } from '../browser/table/topRow';
import { inSteps } from './steps';
import { Workbench } from './workbench';

const BLOCKS = 60;
const LAYER = 'blocks.2.mlp.weight';

/** Blocks of small matrices whose rows become weaker, so that there is a tail to fit. */
function writeModel(file: string): void {
  const sides = [48, 32] as const;
  const tensors = Array.from({ length: BLOCKS }, (_, block) =>
    ['attn', 'mlp'].map((role, at) => ({
      name: `blocks.${block}.${role}.weight`,
      shape: [...sides],
      values: uniform(sides[0] * sides[1], 2 * block + at + 1).map(
        (value, i) => value / (1 + Math.floor(i / sides[1])),
      ),
    })),
  );
  writeSafetensors(file, tensors.flat());
}

const FINDING = `document.querySelector('.layer .esd .plot-finding').textContent`;

const SCROLLED = `document.querySelector('.layer-body').scrollTop`;

describe('the extension as a part of VS Code', function () {
  inSteps(this);
  let folder: string;
  let workbench: Workbench;
  let view: Frame;

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-native-'));
    writeModel(path.join(folder, 'blocks.safetensors'));
    workbench = await Workbench.open(folder);
    await (await workbench.menuEntry(workbench.explorerItem('blocks.safetensors'), 'Inspect Weights')).click();
    view = await workbench.view('blocks.safetensors');
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('native-failed');
  });

  it('names the device in words in the status bar', async () => {
    const item = workbench.page.locator('.statusbar-item', { hasText: /^\s*Eigenscope: CPU$/ });
    await item.waitFor();
    assert.equal(await item.locator('a').getAttribute('aria-label'), 'Eigenscope: CPU');
  });

  it('shows its own settings and no others', async () => {
    const { page } = workbench;
    await view.getByRole('button', { name: 'Settings' }).click();
    const editor = page.locator('.settings-editor');
    await editor.locator('.setting-item-contents').first().waitFor();
    assert.match(await editor.locator('.search-container').innerText(), /@ext:eigenscope\.eigenscope/);
    const categories = await editor.locator('.setting-item-category').allInnerTexts();
    assert.ok(categories.length > 3);
    for (const category of categories) assert.match(category, /^Eigenscope/);
    await workbench.screenshot('native-settings');
    await page.locator('.tab', { hasText: 'Settings' }).locator('.codicon-close').click();
  });

  it('finds names with Ctrl+F, which VS Code leaves to the view', async () => {
    view = await workbench.view('blocks.safetensors');
    await view.locator('.table').focus();
    await workbench.page.keyboard.press('Control+f');
    await view.getByRole('textbox', { name: 'Find in the table' }).and(view.locator(':focus')).waitFor();
    await workbench.page.keyboard.type('blocks.59');
    await view.locator('.find-count', { hasText: '1 of 1' }).waitFor();
    await workbench.page.keyboard.press('Escape');
    await view.locator('.find-bar').waitFor({ state: 'hidden' });
  });

  it('comes back after a restart with the xmin that was dragged, and where it was scrolled to', async () => {
    view = await workbench.view('blocks.safetensors');
    await view.getByRole('button', { name: 'Show as a list' }).click();
    // What was found lies at the end.
    await view.locator('.table').focus();
    await workbench.page.keyboard.press('Control+Home');
    await view.locator('.table-body [role=row]:visible', { hasText: LAYER }).click();
    await view.locator('.layer h2', { hasText: LAYER }).waitFor();
    const handle = view.getByRole('slider', { name: 'Start of the tail, xmin' }).first();
    await handle.focus();
    for (let step = 0; step < 4; step++) await workbench.page.keyboard.press('ArrowRight');
    await eventually(
      () => view.evaluate<string>(FINDING),
      (text) => text.includes('chosen by hand'),
    );
    // A wheel scrolls smoothly: what is at the top then changes for a while.
    await view.evaluate(`document.querySelector('.table').scrollTop = 800`);
    await eventually(
      () => view.evaluate<string>(TOP_ROW),
      (name) => /^blocks\.(1\d|2\d)/.test(name),
    );
    await view.evaluate(`document.querySelector('.layer-body').scrollTop = 120`);
    const scrolled = (): Promise<number> => view.evaluate<number>(SCROLLED);
    await eventually(scrolled, (pixels) => pixels > 0);
    // Both move on while the view lays itself out: what is kept is where they come to rest.
    let [top, depth] = ['', 0];
    await eventually(
      async () => {
        const before = `${top} ${depth}`;
        await workbench.page.waitForTimeout(500);
        [top, depth] = [await view.evaluate<string>(TOP_ROW), await scrolled()];
        return before === `${top} ${depth}`;
      },
      (rests) => rests,
    );
    const dragged = await view.evaluate<string>(FINDING);
    // What rests is kept by the page, and written down by VS Code a little later.
    await workbench.untilRemembered([`scroll[^0-9a-z]+${depth}`, `top[^0-9a-z]+${top.replaceAll('.', '\\.')}`]);
    await workbench.reload();
    view = await workbench.view('blocks.safetensors');
    await view.locator('.layer .esd').first().waitFor();
    assert.equal(await view.evaluate<string>(FINDING), dragged);
    await eventually(
      () => view.evaluate<string>(TOP_ROW),
      (name) => name === top,
    );
    await eventually(scrolled, (pixels) => Math.abs(pixels - depth) <= 1);
    await workbench.screenshot('native-after');
  });
});
