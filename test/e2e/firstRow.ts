/** How long a person waits for the table, in a real workbench: from the mouse button's release to the first row. */
import { rmSync } from 'node:fs';
import { Workbench } from './workbench';
import { makeWorkspace } from './workspace';

/** A new window goes on starting, extensions among it, for seconds after its files are listed. */
export const REST_MS = 8000;

/**
 * @param restMs how long a person looks at the new window before they click
 * @returns milliseconds of each opening
 */
export async function timesToFirstRow(openings: number, restMs: number): Promise<number[]> {
  const folder = makeWorkspace();
  const workbench = await Workbench.open(folder);
  try {
    const times: number[] = [];
    for (let opening = 0; opening < openings; opening++) {
      // The first view of a window: in a browser, later ones wait a second while Chromium replaces the service worker
      // that VS Code registers for each.
      const window = await workbench.freshWindow();
      // In turn a file that our editor opens by itself, and one of 28 MB in eight files.
      const name = opening % 2 === 0 ? 'model.safetensors' : 'model.json';
      await window.explorerItem('sentence-encoder').click();
      await window.page.waitForTimeout(restMs);
      const entry = await window.menuEntry(window.explorerItem(name), 'Inspect Weights');
      times.push(await window.timeToFirstRow(entry, name));
      await window.closeWindow();
    }
    return times;
  } finally {
    await workbench.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
