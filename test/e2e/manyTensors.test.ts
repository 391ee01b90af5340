/** A mixture of experts of 100 000 small tensors: whatever streams in, a person's click and scroll come first. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { eventually } from '../harness/eventually';
import { generator, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { inSteps } from './steps';
import { Workbench } from './workbench';

const TENSORS = 100_000;

function makeExperts(folder: string): void {
  const next = generator(3);
  const values = Float32Array.from({ length: 24 * 16 }, () => 2 * next() - 1);
  const tensors = Array.from({ length: TENSORS }, (_, index) => {
    const expert = `model.layers.${Math.floor(index / 1000)}.experts.${Math.floor((index % 1000) / 2)}`;
    return { name: `${expert}.${index % 2 === 0 ? 'up' : 'down'}_proj.weight`, shape: [24, 16], values };
  });
  writeSafetensors(path.join(folder, 'experts.safetensors'), tensors);
}

describe('100 000 tensors', function () {
  inSteps(this);
  let folder: string;
  let workbench: Workbench;
  let view: Frame;

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-many-'));
    makeExperts(folder);
    workbench = await Workbench.open(folder);
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('many-failed');
  });

  const done = async (): Promise<number> =>
    Number(await view.locator('.header .progress-track').getAttribute('aria-valuenow'));

  /** Cells of the rows in sight that hold a number under α. */
  async function numbersInSight(): Promise<number> {
    const titles = await view.locator('.table-head [role=columnheader]').allTextContents();
    const column = titles.findIndex((title) => title.trim() === 'α') + 1;
    const cells = await view.locator(`.table-body [role=row]:visible [aria-colindex="${column}"]`).allTextContents();
    return cells.filter((text) => /\d\.\d/.test(text)).length;
  }

  it('show their table after the click', async () => {
    const entry = await workbench.menuEntry(workbench.explorerItem('experts.safetensors'), 'Inspect Weights');
    const milliseconds = await workbench.timeToFirstRow(entry, 'experts.safetensors');
    console.log(`      first row after ${milliseconds.toFixed(0)} ms`);
    view = await workbench.view('experts.safetensors');
  });

  it('fill in where a person scrolled to, long before they are done', async () => {
    await view.getByRole('button', { name: 'Show as a list' }).click();
    await eventually(done, (count) => count > 0);
    const scrolled = Date.now();
    await view.evaluate(
      `(() => { const table = document.querySelector('.table'); table.scrollTop = 0.8 * table.scrollHeight; })()`,
    );
    await view.locator('.table-body [role=row]:visible', { hasText: 'layers.79.' }).first().waitFor();
    await eventually(numbersInSight, (count) => count > 5);
    console.log(`      numbers in sight after ${Date.now() - scrolled} ms, ${await done()} of ${TENSORS} done`);
    assert.ok((await done()) < 0.7 * TENSORS, `${await done()} are done`);
  });

  it('are cancelled while they stream in', async () => {
    const clicked = Date.now();
    await view.getByRole('button', { name: 'Cancel', exact: true }).click();
    await view.getByRole('button', { name: 'Inspect All' }).waitFor();
    const milliseconds = Date.now() - clicked;
    const inspected = await view.locator('.header .progress-text').innerText();
    console.log(`      cancelled after ${milliseconds} ms: ${inspected}`);
    await workbench.page.waitForTimeout(1000);
    assert.equal(await view.locator('.header .progress-text').innerText(), inspected);
  });
});
