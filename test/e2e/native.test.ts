/** What VS Code itself shows of the extension: settings and status bar. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { inSteps } from './steps';
import { Workbench } from './workbench';

const BLOCKS = 60;

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
});
