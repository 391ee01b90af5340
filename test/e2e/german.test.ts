/** A window of VS Code in German: its menus, the page, hovers and what is said of a damaged file. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inSteps } from './steps';
import { Workbench } from './workbench';
import { makeWorkspace } from './workspace';

const LAYER = 'model.layers.1.self_attn.q_proj.weight';

describe('a German window', function () {
  inSteps(this);
  let folder: string;
  let workbench: Workbench;

  before(async () => {
    folder = makeWorkspace();
    const whole = readFileSync(path.join(folder, 'model.safetensors'));
    writeFileSync(path.join(folder, 'cut.safetensors'), whole.subarray(0, whole.length / 2));
    writeFileSync(path.join(folder, 'pointer.safetensors'), 'version https://git-lfs.github.com/spec/v1\nsize 12345\n');
    writeFileSync(path.join(folder, 'load.py'), `state = load_file("model.safetensors")\nw = state["${LAYER}"]\n`);
    workbench = await Workbench.open(folder, { language: 'de' });
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('german-failed');
  });

  it('has German menus, and a German page with German numbers', async () => {
    const entry = await workbench.menuEntry(workbench.explorerItem('model.safetensors'), 'Gewichte untersuchen');
    await entry.click();
    const view = await workbench.view('model.safetensors');
    await view.getByRole('button', { name: 'Modell komprimieren …' }).first().waitFor();
    await view.getByRole('heading', { name: 'Blöcke und Rollen' }).waitFor();
    await view.getByText(/^α: Median \d,\d/).waitFor();
    assert.equal(await view.evaluate('document.documentElement.lang'), 'de');
    await workbench.screenshot('german-overview');
  });

  it('names commands in German, and in English beside it', async () => {
    const { page } = workbench;
    await workbench.runCommand('Eigenscope: Protokoll anzeigen');
    await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  });

  it('hovers in German', async () => {
    const { page } = workbench;
    await workbench.explorerItem('load.py').dblclick();
    await page.locator('.codelens-decoration a', { hasText: /^Öffnen$/ }).waitFor();
    const word = page.locator('.view-line', { hasText: 'w = state' }).getByText('q_proj').first();
    const hover = page.locator('.monaco-hover', { hasText: 'Öffnen' });
    await workbench.untilHover(hover, () => workbench.pointAt(word));
    await workbench.screenshot('german-hover');
  });

  it('explains in German what is wrong with a file', async () => {
    const { page } = workbench;
    await workbench.explorerItem('cut.safetensors').dblclick();
    const view = await workbench.view('cut.safetensors');
    await view
      .getByText(/endet zu früh, nach [\d,.]+ Bytes: .* fehlen oder sind abgeschnitten; laden Sie sie neu/)
      .waitFor();
    await workbench.explorerItem('pointer.safetensors').dblclick();
    await page.locator('.tab.active', { hasText: 'pointer.safetensors' }).waitFor();
    const told = /ist ein Git-LFS-Verweis auf eine Datei von 12,345 Bytes.*führen Sie „git lfs pull“ aus/;
    await page.frameLocator('iframe.webview.ready >> nth=-1').frameLocator('iframe').getByText(told).waitFor();
    await workbench.screenshot('german-problem');
  });
});
