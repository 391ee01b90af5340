/** From code and logs to layers, as a person sees it: the line above a call, links, an explained message, a terminal. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { inSteps } from './steps';
import { Workbench } from './workbench';
import { makeWorkspace } from './workspace';

const LAYER = 'model.layers.1.self_attn.q_proj.weight';

const SOURCE = [
  'from safetensors.torch import load_file',
  '',
  'state = load_file("model.safetensors")',
  `w = state["${LAYER}"]`,
  '',
].join('\n');

const LOG = [
  'RuntimeError: Error(s) in loading state_dict for Decoder:',
  '\tMissing key(s) in state_dict: "layers.0.self_attn.q_proj.weight", "layers.1.self_attn.q_proj.weight". ',
  '\tsize mismatch for model.embed_tokens.weight: copying a param with shape torch.Size([256, 96]) from checkpoint, the shape in current model is torch.Size([260, 96]).',
  '',
].join('\n');

describe('layers in code and in logs', function () {
  inSteps(this);
  let folder: string;
  let workbench: Workbench;

  before(async () => {
    folder = makeWorkspace();
    writeFileSync(path.join(folder, 'load.py'), SOURCE);
    writeFileSync(path.join(folder, 'run.log'), LOG);
    workbench = await Workbench.open(folder);
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('in-code-failed');
  });

  const lens = (text: RegExp): Locator => workbench.page.locator('.codelens-decoration a', { hasText: text });

  it('says above the call what the checkpoint is, and opens it', async () => {
    await workbench.explorerItem('load.py').dblclick();
    await lens(/safetensors · .* MB · .* parameters/).waitFor();
    await workbench.page.locator('.detected-link', { hasText: 'q_proj' }).waitFor();
    await workbench.screenshot('in-code-lens');
    await lens(/^Open$/).click();
    await workbench.view('model.safetensors');
  });

  it('completes names as one types', async () => {
    const { page } = workbench;
    await page.locator('.tab', { hasText: 'load.py' }).click();
    await page.locator('.view-line', { hasText: 'w = state' }).click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('b = state["');
    const widget = page.locator('.suggest-widget.visible');
    await widget.locator('.monaco-list-row', { hasText: 'model.embed_tokens.weight' }).waitFor();
    await page.keyboard.type('3.mlp.down');
    const row = widget.locator('.monaco-list-row.focused', { hasText: 'model.layers.3.mlp.down_proj.weight' });
    await row.waitFor();
    await workbench.screenshot('in-code-completion');
    await page.keyboard.press('Enter');
    await page.locator('.view-line', { hasText: 'b = state["model.layers.3.mlp.down_proj.weight"]' }).waitFor();
    await page.keyboard.press('Control+s');
  });

  it('goes to the layer at the cursor, and back to the code', async () => {
    const { page } = workbench;
    await workbench.runCommand('Eigenscope: Go to Layer');
    const view = await workbench.view('model.safetensors');
    await view.locator('.layer h2', { hasText: 'model.layers.3.mlp.down_proj.weight' }).waitFor();
    await workbench.runCommand('Eigenscope: Find Layer in Code');
    await page.locator('.view-line', { hasText: 'b = state["' }).waitFor();
  });

  it('explains a missing key in a log', async () => {
    const { page } = workbench;
    await workbench.explorerItem('run.log').dblclick();
    const line = page.locator('.view-line', { hasText: 'Missing' });
    const hover = page.locator('.monaco-hover', { hasText: 'in front' });
    await workbench.untilHover(hover, () => workbench.pointAt(line.getByText('layers.0.self_attn').first()));
    const text = await hover.innerText();
    assert.match(text, /it is model\.layers\.0\.self_attn\.q_proj\.weight, 96 × 96 F32/);
    assert.match(text, /names have model\. in front/);
    assert.match(text, /all 2 missing keys/);
    await workbench.screenshot('in-code-message');
    await hover.getByText('Open model.layers.0.self_attn.q_proj.weight').click();
    const view = await workbench.view('model.safetensors');
    await view.locator('.layer h2', { hasText: 'model.layers.0.self_attn.q_proj.weight' }).waitFor();
  });
});
