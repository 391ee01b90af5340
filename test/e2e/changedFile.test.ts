/** A checkpoint that is written anew while its editor shows it, as a training run or a download does. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { inSteps } from './steps';
import { Workbench } from './workbench';

describe('a file that changes under its editor', function () {
  inSteps(this);
  let folder: string;
  let file: string;
  let workbench: Workbench;
  let view: Frame;

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-changed-'));
    file = path.join(folder, 'run.safetensors');
    write(file, 'before', 1);
    write(path.join(folder, 'other.safetensors'), 'other', 2);
    workbench = await Workbench.open(folder);
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('changed-failed');
  });

  function write(target: string, name: string, seed: number): void {
    const tensors = Array.from({ length: 6 }, (_, index) => ({
      name: `${name}.${index}.weight`,
      shape: [64, 48],
      values: uniform(64 * 48, seed + index),
    }));
    writeSafetensors(target, tensors);
  }

  const row = (name: string) => view.locator('.table-body [role=row]', { hasText: name });
  const told = () => view.getByText('run.safetensors: changed on disk while it was open');

  it('is told of, with the old table still there', async () => {
    await (await workbench.menuEntry(workbench.explorerItem('run.safetensors'), 'Inspect Weights')).click();
    view = await workbench.view('run.safetensors');
    await row('before').first().waitFor();
    write(`${file}.part`, 'after', 9);
    renameSync(`${file}.part`, file);
    await told().waitFor();
    assert.ok((await row('before').count()) > 0);
    await workbench.screenshot('changed');
  });

  it('is still told of where the tab was hidden meanwhile', async () => {
    await workbench.explorerItem('other.safetensors').dblclick();
    await (await workbench.view('other.safetensors')).locator('.table-body [role=row]').first().waitFor();
    await workbench.page.locator('.tab', { hasText: 'run.safetensors' }).click();
    view = await workbench.view('run.safetensors');
    await told().waitFor();
  });

  it('is shown anew when asked to, by the keyboard', async () => {
    await view.getByRole('button', { name: 'Reload', exact: true }).press('Enter');
    await row('after').first().waitFor();
    assert.equal(await row('before').count(), 0);
    await told().waitFor({ state: 'hidden' });
    await view.locator('.table:focus').waitFor();
    await workbench.screenshot('changed-reloaded');
  });

  it('that is removed is told of, and opens again once it is back', async () => {
    renameSync(file, `${file}.away`);
    await view.getByText('was removed while it was open').waitFor();
    await view.getByRole('button', { name: 'Reload', exact: true }).click();
    await view.getByText('This checkpoint could not be opened').waitFor();
    await workbench.screenshot('changed-removed');
    renameSync(`${file}.away`, file);
    await view.getByRole('button', { name: 'Try Again' }).click();
    await row('after').first().waitFor();
  });
});
