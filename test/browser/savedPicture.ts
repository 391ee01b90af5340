/** A plot's picture, saved as a person does it. */
import type { Locator, Page } from 'playwright-core';
import { eventually } from '../harness/eventually';

export interface SavedPicture {
  name: string;
  kind: 'svg' | 'png';
  bytes: Buffer;
}

/** How many pictures the page handed to its host so far. */
function count(page: Page): Promise<number> {
  return page.evaluate(`window.mockHost.requests.filter((each) => each.method === 'savePicture').length`);
}

/** The last picture, once there are more than `before`. */
export async function pictureAfter(page: Page, before: number): Promise<SavedPicture> {
  await eventually(
    () => count(page),
    (saved) => saved > before,
  );
  const { text, ...rest } = await page.evaluate<Omit<SavedPicture, 'bytes'> & { text: string }>(`(() => {
    const { bytes, ...rest } = window.mockHost.requests.findLast((each) => each.method === 'savePicture').params;
    return { ...rest, text: bytes.toBase64?.() ?? btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join('')) };
  })()`);
  return { ...rest, bytes: Buffer.from(text, 'base64') };
}

/** @param item of the plot's menu, `Save as SVG, Light…` */
export async function savePicture(page: Page, plot: Locator, item: string): Promise<SavedPicture> {
  const before = await count(page);
  await plot.getByRole('button', { name: 'Save plot' }).first().click();
  await page.getByRole('menuitem', { name: item }).click();
  return pictureAfter(page, before);
}
