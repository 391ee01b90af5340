/** An ONNX model as a person compresses and then evaluates it: plan, save, Evaluate, inputs, the report. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { node } from '../harness/checkpoints/onnxWriter';
import { randomMatrix } from '../harness/numbers/denseReference';
import { npy } from '../harness/onnx/modelInputs';
import { madeModel, weight } from '../harness/onnx/onnxModels';
import { onnxruntimeExists } from '../harness/onnxruntime';
import { inSteps } from './steps';
import { Workbench } from './workbench';

const WIDTH = 64;

describe('a person evaluates a compressed model', function () {
  if (!onnxruntimeExists) return;
  inSteps(this);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-e2e-'));
  const target = path.join(folder, 'smaller');
  let workbench: Workbench;
  let view: Frame;

  before(async () => {
    const { bytes } = madeModel({
      ...{ inputs: { x: [4, WIDTH] }, outputs: { logits: 2 } },
      weights: [weight('first', [WIDTH, WIDTH]), weight('second', [WIDTH, WIDTH])],
      nodes: [
        node('MatMul', { inputs: ['x', 'first'], output: 'hidden' }),
        node('MatMul', { inputs: ['hidden', 'second'], output: 'logits' }),
      ],
    });
    writeFileSync(path.join(folder, 'model.onnx'), bytes);
    const data = Float32Array.from(randomMatrix(4, WIDTH, 1));
    writeFileSync(path.join(folder, 'x.npy'), npy({ shape: [4, WIDTH], data }));
    workbench = await Workbench.open(folder);
  });
  after(async () => {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await workbench.screenshot('evaluate-failed');
  });

  async function pick(question: string, entry: string): Promise<void> {
    const widget = workbench.page.locator('.quick-input-widget');
    await widget.locator(`input[placeholder="${question}"]`).waitFor();
    await widget.locator('.monaco-list-row', { hasText: entry }).first().click();
  }

  /** Types into the input box that says `prompt`. */
  async function answer(prompt: string, text: string): Promise<void> {
    const widget = workbench.page.locator('.quick-input-widget');
    await widget.getByText(prompt).waitFor();
    await widget.locator('input').first().fill(text);
    await workbench.page.keyboard.press('Enter');
  }

  it('runs it for statistics of its inputs, and uses them at once', async () => {
    const entry = await workbench.menuEntry(workbench.explorerItem('model.onnx'), 'Compress Model…');
    await entry.click();
    view = await workbench.view('model.onnx');
    await view.getByRole('button', { name: 'Use Statistics…' }).click();
    await pick('Statistics of the inputs', 'Run the Model on Random Inputs');
    await answer('How many random inputs?', '3');
    await answer('Shapes of inputs', '');
    const random = path.join(folder, 'model.random-inputs.safetensors');
    await workbench.answerFileDialog(/model\.random-inputs\.safetensors$/, random);
    await view
      .getByText('Statistics model.random-inputs.safetensors (random inputs): 2 of 2 layers, 12 tokens.')
      .waitFor();
    await view.getByText('Made from random inputs: they say nothing of real ones').waitFor();
    await view.getByRole('button', { name: 'Use Statistics…' }).click();
    await pick('Statistics of the inputs', 'Run the Model on a File of Inputs');
    await workbench.answerFileDialog(new RegExp(`${path.basename(folder)}/?$`), path.join(folder, 'x.npy'));
    const file = path.join(folder, 'model.statistics.safetensors');
    await workbench.answerFileDialog(/model\.statistics\.safetensors$/, file);
    await view.getByText('Statistics model.statistics.safetensors: 2 of 2 layers, 4 tokens.').click();
    await view.getByRole('button', { name: 'Compute Conditions' }).click();
    // Four tokens of 64 inputs.
    await view.getByRole('region', { name: 'Layers with statistics' }).getByText('singular').first().waitFor();
    await workbench.screenshot('calibrated');
    await view.getByRole('button', { name: 'Back to the Table' }).click();
  });

  it('saves it as ONNX', async () => {
    // Low rank alone saves nothing of random numbers; the overview offers it nevertheless.
    await view.getByText(/^No saving by low rank alone/).waitFor();
    await view.locator('.overview').getByRole('button', { name: 'Compress Model…' }).click();
    await view.getByText(/Optimal: [\d.]+% of the size at [\d.]+% error \(2 of 2 layers compressed\)/).waitFor();
    await view.getByRole('button', { name: 'Save Compressed Model…' }).click();
    await pick('For which program?', 'ONNX');
    await workbench.answerFileDialog(/model-onnx$/, target);
    await view.getByText(/^Saved .*smaller: 2 layers compressed/).waitFor();
    assert.ok(existsSync(path.join(target, 'model.onnx')));
  });

  it('runs both on its inputs, and shows what came out', async () => {
    await view.getByRole('button', { name: 'Evaluate…' }).click();
    await pick('Which inputs?', 'A File…');
    await workbench.answerFileDialog(new RegExp(`${path.basename(folder)}/?$`), path.join(folder, 'x.npy'));
    const lines = workbench.page.locator('.monaco-editor .view-line');
    await lines.filter({ hasText: /Evaluation.of.a.compressed.model/ }).waitFor();
    // The editor draws spaces as those that do not break.
    await lines
      .filter({ hasText: /^\|.`logits`.\|\s+[\d.]+.\|\s+[\d.]+.\|\s+[\d.]+.%.\|\s+[\d.e-]+.nats.\(logits\).\|$/ })
      .waitFor();
    await workbench.screenshot('evaluated');
  });
});
