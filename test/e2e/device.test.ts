/** The device in the status bar: what it says, and choosing another one. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { Locator } from 'playwright-core';
import { Workbench } from './workbench';
import { makeWorkspace } from './workspace';

describe('a person chooses a device', function () {
  this.bail(true);
  let folder: string;
  let workbench: Workbench;
  let item: Locator;

  before(async function () {
    this.timeout(180_000);
    folder = makeWorkspace();
    workbench = await Workbench.open(folder);
    const entry = await workbench.menuEntry(workbench.explorerItem('model.safetensors'), 'Inspect Weights');
    await entry.click();
    await workbench.view('model.safetensors');
    item = workbench.page.locator('.statusbar-item', { hasText: 'float64' });
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('device-failed');
  });

  it('reads device, precision and reasons in the status bar', async () => {
    await item.waitFor();
    await item.hover();
    const tooltip = workbench.page.locator('.workbench-hover', { hasText: 'Eigenscope multiplies large layers on' });
    await tooltip.waitFor();
    assert.match((await tooltip.textContent()) ?? '', /\((float64)\), with \d+ threads.*Click to choose a device/s);
    await workbench.screenshot('device-tooltip');
  });

  it('sees every device of the platform, and chooses the CPU', async () => {
    await item.click();
    const rows = workbench.page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'Automatic' }).waitFor();
    const labels = await rows.locator('.label-name').allTextContents();
    assert.ok(labels.some((label) => label.includes('CPU')) && labels.some((label) => label.includes('WebGPU')));
    await workbench.screenshot('device-choice');
    await rows.filter({ hasText: 'Float64; always there' }).click();
    await item.waitFor();
    await item.click();
    await rows.filter({ hasText: 'Automatic' }).waitFor();
    // The check mark is an icon: it is the row's own description that names it.
    const chosen = rows.filter({ has: workbench.page.locator('.codicon-check') });
    await chosen.filter({ hasText: 'CPU' }).waitFor();
    await workbench.page.keyboard.press('Escape');
  });
});
