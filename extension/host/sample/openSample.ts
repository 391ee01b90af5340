/** "Open Sample": makes the sample when it is first asked for, in the extension's own folder, and opens it. */
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SAMPLE_CONFIG, sampleElements, sampleHeader, sampleTensors } from './storyModel';

/** Says in the tab and the explorer what it is. */
const FILE = 'made-story-llama.safetensors';

/**
 * Makes the file if it is not there yet. Another window that makes it at the same time does no harm: the file appears whole.
 *
 * @param folder of the extension
 * @returns its path
 * @throws what the disk does
 */
export async function sampleFile(folder: string): Promise<string> {
  const place = path.join(folder, 'made-story-llama');
  const file = path.join(place, FILE);
  const tensors = sampleTensors();
  const header = sampleHeader(tensors);
  const bytes = tensors.reduce((sum, { shape }) => sum + 2 * shape.reduce((a, b) => a * b, 1), header.length);
  const found = await stat(file).catch(() => undefined); // not made yet
  if (found?.size === bytes) return file;
  await mkdir(place, { recursive: true });
  await writeFile(path.join(place, 'config.json'), `${JSON.stringify(SAMPLE_CONFIG, null, 2)}\n`);
  const partial = `${file}.${process.pid}.partial`;
  try {
    const handle = await open(partial, 'w');
    try {
      await handle.writeFile(header);
      for (const [seed, tensor] of tensors.entries()) {
        await handle.writeFile(sampleElements(tensor, seed));
        // The host has other things to do between two tensors.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      await handle.close();
    }
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return file;
}
