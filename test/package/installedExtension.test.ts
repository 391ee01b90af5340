/**
 * The package for this platform, installed into a real VS Code that has no other extension of ours: as it is, then
 * without onnxruntime's library, then with one that ends each process that loads it.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { inSteps } from '../e2e/steps';
import { Workbench } from '../e2e/workbench';
import { safetensorsHeader } from '../harness/checkpoints/madeCheckpoints';
import { eventually } from '../harness/eventually';
import { packagePath } from '../harness/package/package';
import platforms from '../harness/package/platforms';

const PLATFORM = `${process.platform}-${process.arch}`;

const LAYER = 'model.layers.0.mlp.up_proj.weight';

/** Larger than the layers that worker threads compute alone (`WORKER_SIDE`): onnxruntime is wanted for it. */
const SHAPE = [640, 512];

/** A native module whose loading ends the process, as that of a library built for another processor does. */
const DEADLY = `
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void end(void) {
  fputs("illegal instruction\\n", stderr);
  _exit(70);
}`;

/** Windows in which the time to activate is measured. */
const ACTIVATIONS = 3;

/** A new window goes on starting, extensions among it, for seconds after its files are listed. */
const REST_MS = 8000;

/** What a search for checkpoints might start, it starts by then. */
const SETTLE_MS = 2000;

/** A layer with a decaying spectrum, made of seeded random numbers. */
function writeCheckpoint(file: string): void {
  const { header, dataBytes } = safetensorsHeader([{ name: LAYER, shape: SHAPE }], 'F32', 4);
  const values = new Float32Array(dataBytes / 4);
  let state = 7;
  for (let index = 0; index < values.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[index] = (state / 2 ** 32 - 0.5) / (1 + (index % SHAPE[1]!) / 16);
  }
  writeFileSync(file, Buffer.concat([header, Buffer.from(values.buffer)]));
}

/** Opens a checkpoint from the explorer and waits for its numbers. @returns its view and the layer's cells */
async function inspected(workbench: Workbench, name: string): Promise<{ view: Frame; cells: string[] }> {
  const entry = await workbench.menuEntry(workbench.explorerItem(name), 'Inspect Weights');
  await entry.click();
  const view = await workbench.view(name);
  await view.getByRole('button', { name: 'Show as a list' }).click();
  const row = view.locator('.table-body [role=row]:visible', { hasText: LAYER });
  const cells = await eventually(
    () => row.locator('[role=gridcell]').allInnerTexts(),
    (texts) => texts.filter((text) => /^\d+\.\d+/.test(text.trim())).length >= 3,
  );
  return { view, cells };
}

/** What the status bar says of the device, and more when pointed at. */
async function deviceStatus(workbench: Workbench, device: string): Promise<string> {
  const item = workbench.page.locator('.statusbar-item', { hasText: device });
  await item.waitFor();
  const told = workbench.page.locator('.monaco-hover', { hasText: 'Eigenscope multiplies' });
  await workbench.untilHover(told, () => workbench.pointAt(item));
  return told.innerText();
}

/** Names of the extensions that are activated, by VS Code's own list. */
async function activatedExtensions(workbench: Workbench): Promise<string[]> {
  const texts = await workbench.page.evaluate<[string, string][]>(
    `[...document.querySelectorAll('.runtime-extensions-editor .extension')].map((row) =>
      ['.name', '.activation-time'].map((part) => row.querySelector(part)?.textContent ?? ''))`,
  );
  return texts.flatMap(([name, time]) => (/\d+ms/.test(time) ? [name] : []));
}

/**
 * Stands for the bundle and writes how many milliseconds loading and `activate` took. The times in VS Code's list of
 * running extensions also count what the host does for others meanwhile.
 */
function timedBundle(bundle: string, measured: string): string {
  return `const started = performance.now();
const { activate } = require(${JSON.stringify(bundle)});
const loaded = performance.now() - started;
exports.activate = (context) => {
  const called = performance.now();
  const api = activate(context);
  const taken = loaded + performance.now() - called;
  require('node:fs').writeFileSync(${JSON.stringify(measured)}, taken.toFixed(1) + '\\n');
  return api;
};
`;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Command lines of processes that run a program of the installed package, or have loaded a library of it. */
function processesOf(extensions: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const uses =
        command.includes(`${extensions}/eigenscope`) || readFileSync(`/proc/${pid}/maps`, 'utf8').includes(extensions);
      return uses ? [command] : [];
    } catch {
      return []; // it has ended meanwhile, or is another user's
    }
  });
}

describe('the installed package', function () {
  inSteps(this);
  if (!platforms[PLATFORM]?.onnxruntime.length) {
    console.log(`    NOT RUN: no package with onnxruntime is made for ${PLATFORM}`);
    return;
  }

  let folder: string;
  let workbench: Workbench;
  let healthy: string[];
  /** Folders without a checkpoint. */
  let bare: Record<'python' | 'text', string>;

  /** Where the package's native files lie, once it is installed. */
  function libraries(): string {
    const extensions = path.join(workbench.userData, 'extensions');
    const [own] = readdirSync(extensions).filter((name) => name.startsWith('eigenscope.eigenscope'));
    assert.ok(own, `not among the installed extensions: ${readdirSync(extensions).join(', ')}`);
    const binaries = 'dist/node_modules/onnxruntime-node/bin/napi-v6';
    return path.join(extensions, own, binaries, PLATFORM.replace('-', '/'));
  }

  /** A window of its own, whose engine has no results of former ones. */
  async function nextWindow(opened = folder): Promise<void> {
    await workbench.closeWindow();
    rmSync(path.join(workbench.userData, 'User/globalStorage/eigenscope.eigenscope'), { recursive: true, force: true });
    workbench = await workbench.freshWindow(opened);
  }

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-installed-'));
    for (const name of ['healthy', 'without', 'deadly']) writeCheckpoint(path.join(folder, `${name}.safetensors`));
    writeFileSync(path.join(folder, 'train.py'), `import torch\n\nw = state["${LAYER}"]\n`);
    bare = {
      python: mkdtempSync(path.join(os.tmpdir(), 'eigenscope-python-')),
      text: mkdtempSync(path.join(os.tmpdir(), 'eigenscope-text-')),
    };
    writeFileSync(path.join(bare.python, 'train.py'), 'import torch\n');
    writeFileSync(path.join(bare.text, 'notes.txt'), 'nothing here\n');
    const vsix = packagePath(PLATFORM);
    assert.ok(existsSync(vsix), `${vsix} is missing: npm run package makes it`);
    workbench = await Workbench.open(bare.text, { vsix });
  });
  after(async () => {
    await workbench.close();
    for (const each of [folder, ...Object.values(bare)]) rmSync(each, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('installed-failed');
  });

  it('is not even activated where there is nothing for it', async () => {
    await workbench.runCommand('Developer: Show Running Extensions');
    await workbench.page.waitForTimeout(REST_MS);
    const names = await activatedExtensions(workbench);
    assert.ok(names.length > 0 && !names.includes('Eigenscope'), names.join(', '));
  });

  it('starts nothing in a folder of Python without a checkpoint', async () => {
    const bundle = path.join(libraries(), '../../../../../../extension.js');
    const measured = path.join(workbench.userData, 'activation.json');
    renameSync(bundle, `${bundle}.real.js`);
    writeFileSync(bundle, timedBundle(`${bundle}.real.js`, measured));
    const times: number[] = [];
    for (let window = 0; window < ACTIVATIONS; window++) {
      await nextWindow(bare.python);
      await workbench.explorerItem('train.py').dblclick();
      await workbench.page.locator('.view-line', { hasText: 'import torch' }).waitFor();
      const text = await eventually(
        () => Promise.resolve(existsSync(measured) ? readFileSync(measured, 'utf8') : ''),
        (written) => written.endsWith('\n'),
      );
      times.push(Number(text));
      rmSync(measured);
      await workbench.page.waitForTimeout(SETTLE_MS);
    }
    renameSync(`${bundle}.real.js`, bundle);
    console.log(`    loading and activating took ${times.join(', ')} ms, median ${median(times)} ms`);
    if (process.platform === 'linux') assert.deepEqual(processesOf(path.join(workbench.userData, 'extensions')), []);
  });

  it('opens a checkpoint and computes with the onnxruntime in it', async () => {
    await nextWindow();
    const { cells } = await inspected(workbench, 'healthy.safetensors');
    healthy = cells;
    if (process.platform === 'linux') {
      const started = processesOf(path.join(workbench.userData, 'extensions'));
      assert.ok(
        started.some((command) => command.includes('engine.js')),
        started.join('; '),
      );
    }
    const status = await deviceStatus(workbench, 'Eigenscope: CPU');
    assert.match(status, /multiplies large layers on the CPU, in float64, with \d+ threads?\./);
    assert.doesNotMatch(status, /slower than onnxruntime/);
    await workbench.screenshot('installed-table');
  });

  it('saves a layer at a lower rank', async () => {
    const view = await workbench.view('healthy.safetensors');
    await view.locator('.table-body [role=row]:visible', { hasText: LAYER }).click();
    await view.getByRole('tab', { name: /rank/i }).click();
    await view.getByRole('slider', { name: 'Rank' }).fill('12');
    await view.getByRole('button', { name: 'Save As…' }).click();
    const target = path.join(folder, 'smaller.safetensors');
    await workbench.answerFileDialog(/-svd-(rank|energy)\d+\.safetensors$/, target);
    await workbench.page.locator('.notification-list-item', { hasText: 'Saved smaller.safetensors' }).waitFor();
    const bytes = readFileSync(target);
    const header = bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()));
    assert.match(header, /\[640,12\]/);
    assert.match(header, /\[12,512\]/);
  });

  it('tells of the layer when its name is pointed at', async () => {
    await workbench.explorerItem('train.py').dblclick();
    const name = workbench.page
      .locator('.view-line', { hasText: 'up_proj' })
      .getByText(/up_proj/)
      .last();
    const hover = workbench.page
      .locator('.monaco-hover', { hasText: LAYER })
      .filter({ has: workbench.page.locator('img') });
    await workbench.untilHover(hover, () => workbench.pointAt(name));
    assert.match(await hover.innerText(), /640 × 512 · F32/);
    assert.equal(await hover.locator('img').count(), 1, 'the picture of the spectrum');
    await workbench.screenshot('installed-hover');
  });

  it('computes the same without onnxruntime’s library, and says why it is slower', async () => {
    rmSync(
      path.join(
        libraries(),
        platforms[PLATFORM]!.onnxruntime.find((name) => !name.endsWith('.node'))!,
      ),
    );
    await nextWindow();
    const { cells } = await inspected(workbench, 'without.safetensors');
    assert.deepEqual(cells, healthy);
    const status = await deviceStatus(workbench, 'Eigenscope: CPU');
    assert.match(status, /slower than onnxruntime, which cannot be used here/);
    assert.match(status, /CPU: Not used: onnxruntime: .*(cannot open shared object|not found|no such file)/i);
    await workbench.screenshot('installed-without');
  });

  it('computes the same with a library that ends each process that loads it, and says why it is slower', async () => {
    const binding = path.join(libraries(), 'onnxruntime_binding.node');
    if (!deadlyModule(binding)) return;
    await nextWindow();
    const { cells } = await inspected(workbench, 'deadly.safetensors');
    assert.deepEqual(cells, healthy);
    const status = await deviceStatus(workbench, 'Eigenscope: CPU');
    assert.match(status, /CPU: Not used: onnxruntime: its trial ended with status 70: illegal instruction/);
    assert.equal(await workbench.page.locator('.notification-list-item').count(), 0, 'no engine died');
    await workbench.screenshot('installed-deadly');
  });
});

/** Puts a module there that ends whoever loads it. False, with a line, where there is no compiler. */
function deadlyModule(file: string): boolean {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-deadly-'));
  try {
    const source = path.join(scratch, 'deadly.c');
    writeFileSync(source, DEADLY);
    execFileSync('gcc', ['-shared', '-fPIC', '-o', path.join(scratch, 'deadly.node'), source]);
    copyFileSync(path.join(scratch, 'deadly.node'), file);
    return true;
  } catch (error) {
    console.log(`    NOT RUN: gcc is needed (${(error as Error).message})`);
    return false;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
