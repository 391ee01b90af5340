/**
 * A window that is loaded anew with several checkpoints in sight, as after a restart: their names and shapes are equal, their
 * values are not. Each view must show its own file's, in the columns that were chosen once for the workspace.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { patience } from '../harness/machineSpeed';
import { inSteps } from './steps';
import { WITHOUT_SERVICE_WORKER, Workbench } from './workbench';

/** Views, and loads of the window with them. `test/vscode/restore.test.ts` has twenty more openings, and deaths. */
const LOADS = { 2: 5, 4: 3 };

const SIDE = 48;
const SCALES = [2, 3, 4, 5];

const nameOf = (scale: number): string => `scale-${scale}.safetensors`;

/** s · diag(1, …), so that λ₁ is s² in the very digits. */
function diagonal(scale: number): Float32Array {
  const values = new Float32Array(SIDE * SIDE);
  for (let i = 0; i < SIDE; i++) values[i * (SIDE + 1)] = scale * (1 - i / (2 * SIDE));
  return values;
}

/** The number of the one row in the column of λ₁, once it is there. */
const LARGEST = `(() => {
  const headers = [...document.querySelectorAll('[role=columnheader]')];
  const column = headers.find((header) => header.textContent.trim().startsWith('λ₁'))?.getAttribute('aria-colindex');
  const row = [...document.querySelectorAll('.table-body [role=row]')].find((each) => each.textContent.includes('48 × 48'));
  return row?.querySelector('[aria-colindex="' + column + '"]')?.textContent ?? '';
})()`;

describe('views that come back when the window is loaded anew', function () {
  inSteps(this);
  let folder: string;
  let workbench: Workbench;
  /** Views that stand open. */
  let opened = 0;

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-restored-'));
    for (const scale of SCALES) {
      const tensors = [
        { name: 'fc.weight', shape: [SIDE, SIDE], values: diagonal(scale) },
        { name: 'fc.bias', shape: [SIDE], values: new Float32Array(SIDE).fill(scale) },
      ];
      writeSafetensors(path.join(folder, nameOf(scale)), tensors);
    }
    workbench = await Workbench.open(folder, { scripts: [WITHOUT_SERVICE_WORKER] });
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('restored-failed');
  });

  /** The first as any file, the others to its side. */
  async function openBeside(scale: number): Promise<void> {
    const label = scale === SCALES[0] ? 'Inspect Weights' : 'Open to the Side';
    await (await workbench.menuEntry(workbench.explorerItem(nameOf(scale)), label)).click();
    await workbench.view(nameOf(scale));
  }

  /** Beside each other there is no room for λ₁. The first view says so for the workspace, which is every later view's. */
  async function showAllColumns(): Promise<void> {
    const view = await workbench.view(nameOf(SCALES[0]!));
    await view.getByRole('button', { name: /^Choose columns/ }).click();
    const fit = view.getByRole('checkbox', { name: 'Only columns that fit' });
    await fit.click();
    await fit.press('Escape');
  }

  /** Reads every view as soon as it has a number. */
  async function assertOwnNumbers(scales: readonly number[], when: string): Promise<void> {
    const shown = await Promise.all(
      scales.map(async (scale) => {
        for (const end = Date.now() + patience(); Date.now() < end;) {
          const view = await workbench.view(nameOf(scale));
          const text = await view.evaluate<string>(LARGEST).catch(() => ''); // the page is just replaced
          if (/\d/.test(text)) return Number(text);
          await workbench.page.waitForTimeout(100);
        }
        return undefined;
      }),
    );
    assert.deepEqual(
      shown,
      scales.map((scale) => scale ** 2),
      when,
    );
  }

  /** Else VS Code's own wait for its service workers decides, which can be for ever. */
  function assertNoServiceWorkers(count: number): void {
    const frames = workbench.page.frames().filter((frame) => frame.url().includes('swVersion='));
    assert.equal(frames.length, count);
    for (const frame of frames) assert.match(frame.url(), /disableServiceWorker/);
  }

  for (const [count, loads] of Object.entries(LOADS)) {
    it(`show their own files' numbers, ${count} of them, ${loads} times`, async () => {
      const scales = SCALES.slice(0, Number(count));
      for (const scale of scales.slice(opened)) {
        await openBeside(scale);
        if (scale === SCALES[0]) await showAllColumns();
      }
      opened = scales.length;
      await assertOwnNumbers(scales, 'when opened');
      assertNoServiceWorkers(scales.length);
      await workbench.untilRemembered(scales.map((scale) => nameOf(scale).replaceAll('.', '\\.')));
      for (let load = 1; load <= loads; load++) {
        await workbench.reload();
        await assertOwnNumbers(scales, `load ${load}`);
      }
      await workbench.screenshot(`restored-${count}`);
    });
  }
});
