/**
 * `npm run screenshots [-- CHECKPOINT LAYER]`: the pictures of the top README, taken from a real VS Code. Look at
 * them before they are kept.
 */
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../harness/shared';
import { Workbench } from '../workbench';
import { folderWith, PICTURES, SAMPLE, SAMPLE_LAYER, SETTINGS } from './pictureModel';

/** Fading in and laying out follow an event without an event of their own. */
const SETTLE_MS = 1000;

/** A README is read over slow lines, too. */
const MOST_BYTES = 300_000;

const SIZE = { width: 1280, height: 800 };

/** A card and a few lines of code need less. */
const HOVER_HEIGHT = 500;

async function keep(workbench: Workbench, name: string): Promise<void> {
  const file = path.join(PICTURES, `${name}.png`);
  // The title names the folder, which is a temporary one.
  const title = await workbench.page.locator('.part.titlebar').boundingBox();
  const { width, height } = workbench.page.viewportSize()!;
  const y = title?.height ?? 0;
  await workbench.page.waitForTimeout(SETTLE_MS);
  await workbench.page.screenshot({ path: file, clip: { x: 0, y, width, height: height - y } });
  const { size } = statSync(file);
  console.log(`${path.relative(repositoryRoot, file)}: ${Math.round(size / 1000)} kB`);
  if (size > MOST_BYTES) throw new Error(`${name}.png is larger than ${MOST_BYTES / 1000} kB`);
}

async function main(): Promise<void> {
  const [checkpoint = SAMPLE, layer = SAMPLE_LAYER] = process.argv.slice(2);
  const folder = folderWith(checkpoint);
  mkdirSync(PICTURES, { recursive: true });
  writeFileSync(path.join(folder, 'train.py'), trainingScript(layer));
  const workbench = await Workbench.open(folder, { settings: SETTINGS });
  try {
    await workbench.page.setViewportSize(SIZE);
    await workbench.explorerItem('model').click();
    const name = path.basename(checkpoint);
    await (await workbench.menuEntry(workbench.explorerItem(name), 'Inspect Weights')).click();
    const view = await workbench.view(name);
    await workbench.runCommand('View: Close Primary Side Bar');
    const status = workbench.page.locator('.statusbar-item', { hasText: /Eigenscope: (CPU|GPU \(\w+\))$/ });
    await status.waitFor({ timeout: 120_000 });
    await keep(workbench, 'table');

    await view.getByRole('textbox', { name: 'Filter tensors by name' }).fill(layer);
    await view
      .locator('.table-body [role=row]:visible', { hasText: path.posix.basename(layer) })
      .first()
      .click();
    await view.locator('.layer h2', { hasText: layer }).waitFor();
    await view.locator('.layer svg.plot-svg:visible').first().waitFor();
    // Its neighbours, so that its row is in sight.
    await view.getByRole('textbox', { name: 'Filter tensors by name' }).fill(/^([^./]+[./]){3}/.exec(layer)?.[0] ?? '');
    await keep(workbench, 'layer');

    await workbench.runCommand('View: Show Explorer');
    await workbench.explorerItem('train.py').dblclick();
    await workbench.runCommand('View: Close Primary Side Bar');
    await workbench.page.setViewportSize({ ...SIZE, height: HOVER_HEIGHT });
    const word = workbench.page.locator('.view-line', { hasText: 'rank' }).locator('span', { hasText: layer }).last();
    const hover = workbench.page.locator('.monaco-hover', { hasText: layer });
    const withPicture = hover.filter({ has: workbench.page.locator('img') });
    await workbench.untilHover(withPicture, () => workbench.pointAt(word));
    await keep(workbench, 'hover');
  } finally {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function trainingScript(layer: string): string {
  return [
    '"""Replace a layer by one of lower rank, then fine-tune."""',
    'import torch',
    '',
    'state = torch.load("model.pt", weights_only=True)',
    '',
    `rank_of = {"${layer}": 48}`,
    '',
    'for name, rank in rank_of.items():',
    '    u, s, vt = torch.linalg.svd(state[name], full_matrices=False)',
    '    state[name] = (u[:, :rank] * s[:rank]) @ vt[:rank]',
    '',
  ].join('\n');
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
