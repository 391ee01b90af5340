/**
 * `npm run film`: the animated picture of the README, from a real VS Code: open a checkpoint, look at the map, go to a
 * layer, drag the start of its tail, plan the compression of the model, save the plan. Look at it before it is kept.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../harness/shared';
import { Workbench } from '../workbench';
import { Film } from './film';
import { folderWith, PICTURES, SAMPLE, SETTINGS } from './pictureModel';

/** Larger ones are not loaded by a page of extensions that someone leafs through. */
const MOST_BYTES = 3_000_000;

const SIZE = { width: 1280, height: 800 };

async function main(): Promise<void> {
  const folder = folderWith(SAMPLE);
  mkdirSync(PICTURES, { recursive: true });
  const workbench = await Workbench.open(folder, { settings: SETTINGS });
  try {
    const { page } = workbench;
    await page.setViewportSize(SIZE);
    await workbench.explorerItem('model').click();
    const name = path.basename(SAMPLE);
    const item = workbench.explorerItem(name);
    // Before the extension is known, the menu lacks its entries.
    await workbench.menuEntry(item, 'Inspect Weights');
    await page.keyboard.press('Escape');
    // The title names the folder, which is a temporary one.
    const top = Math.ceil((await page.locator('.part.titlebar').boundingBox())?.height ?? 0);
    const film = await Film.of(page, { x: 0, y: top, width: SIZE.width, height: SIZE.height - top });
    await film.hold(1500);

    await film.click(item, { button: 'right' });
    await film.settled(700);
    await film.click(page.locator('.context-view .action-item', { hasText: 'Inspect Weights' }).first());
    const view = await workbench.view(name);
    await workbench.runCommand('View: Close Primary Side Bar');
    await page.locator('.statusbar-item', { hasText: /Eigenscope: (CPU|GPU \(\w+\))$/ }).waitFor();
    await film.settled(4000);

    const map = view.locator('.model-map canvas');
    await film.moveTo(map, { x: 0.1, y: 0.1 });
    await film.settled(800);
    await film.click(map, { at: { x: 0.3, y: 0.75 } });
    await view.locator('.layer svg.plot-svg:visible').first().waitFor();
    await film.settled(4000);

    await film.drag(view.locator('.layer .tail-handle').first(), { x: -60, y: 0 });
    await film.settled(3000);
    await film.click(view.getByRole('button', { name: 'Close (Escape)' }));
    await film.settled(600);

    await film.click(view.locator('.overview').getByRole('button', { name: 'Compress Model…' }));
    await view.getByRole('heading', { name: 'Compression plan' }).waitFor();
    await film.settled(2000);
    const slider = view.getByRole('slider', { name: 'Target' });
    await film.moveTo(slider);
    for (const target of ['75', '70', '65', '60', '55']) {
      await slider.fill(target);
      await film.settled(600);
    }
    await film.hold(1500);
    await film.click(view.getByRole('button', { name: 'Save Plan…' }));
    const plan = path.join(folder, 'model', 'model.eigenplan.json');
    await workbench.answerFileDialog(/model\.eigenplan\.json$/, plan);
    await view.getByText(`Saved ${plan}.`).waitFor();
    await film.settled(2000);

    const bytes = await film.gif();
    const file = path.join(PICTURES, 'film.gif');
    console.log(`${path.relative(repositoryRoot, file)}: ${Math.round(bytes.length / 1000)} kB, ${film.seconds} s`);
    if (bytes.length > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES / 1000} kB and was not kept`);
    writeFileSync(file, bytes);
  } finally {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
