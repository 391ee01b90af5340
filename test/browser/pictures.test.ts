/** Plots that a person keeps: SVG and PNG, light and dark, with what they show and of what. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { eventually } from '../harness/eventually';
import { openLayer, openView } from './openView';
import { pictureAfter, savePicture } from './savedPicture';
import { screenshotFolder, violations } from './viewPage';

const PNG_SIGNATURE = '89504e470d0a1a0a';

describe('a plot as a picture', () => {
  const keep = (name: string, bytes: Buffer): void => writeFileSync(path.join(screenshotFolder, name), bytes);

  /** Colours of the corner, and of the darkest and the lightest pixel, as red + green + blue. */
  async function colours(page: Page, png: Buffer): Promise<{ corner: number; darkest: number; lightest: number }> {
    return page.evaluate(`(async () => {
      const bytes = Uint8Array.from(atob('${png.toString('base64')}'), (each) => each.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, image.width, image.height);
      let [darkest, lightest] = [765, 0];
      for (let at = 0; at < data.length; at += 4) {
        const sum = data[at] + data[at + 1] + data[at + 2];
        darkest = Math.min(darkest, sum);
        lightest = Math.max(lightest, sum);
      }
      return { corner: data[0] + data[1] + data[2], darkest, lightest };
    })()`);
  }

  it('has all of a plot that grew with its width', async () => {
    const page = await openLayer('model.layers.0.mlp.down_proj.weight', { width: 2400 });
    const plot = page.locator('.layer .esd').first();
    const drawn = Number(await plot.locator('svg.plot-svg').getAttribute('height'));
    assert.ok(drawn > 280, 'it grew');
    const { bytes } = await savePicture(page, plot, 'Save as SVG, Light…');
    const text = bytes.toString('utf8');
    const number = (place: RegExp): number => Number(place.exec(text)![1]);
    assert.ok(number(/<svg [^>]*height="(\d+)"/) >= number(/translate\(0,(\d+)\)/) + drawn);
  });

  it('has its title, the layer with its alpha, and the finding in it, light or dark', async () => {
    const page = await openLayer('model.layers.0.mlp.down_proj.weight');
    const plot = page.locator('.layer .esd').first();
    const finding = await plot.locator('.plot-finding').innerText();
    const before = await plot.screenshot();
    for (const [item, paper] of [
      ['Save as SVG, Light…', 'rgb(255, 255, 255)'],
      ['Save as SVG, Dark…', 'rgb(31, 31, 31)'],
    ] as const) {
      const { bytes } = await savePicture(page, plot, item);
      const text = bytes.toString('utf8');
      keep(`picture-${paper.length}.svg`, bytes);
      assert.ok(text.includes(`<rect width="100%" height="100%" fill="${paper}"/>`), item);
      assert.match(text, />Whole matrix<\/text>/);
      assert.match(text, />model\.layers\.0\.mlp\.down_proj\.weight · α \d+\.\d\d<\/text>/);
      // A halo is drawn below its text, not over it.
      assert.match(text, /<text [^>]*paint-order="stroke/);
      const ink = /<text [^>]*fill="rgb\((\d+), [^"]*"[^>]*>Whole matrix/.exec(text)![1];
      assert.ok(item.includes('Light') ? Number(ink) < 100 : Number(ink) > 180, ink);
      const words = [...text.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, line]) => line).join(' ');
      assert.ok(words.includes(finding.split(' ').slice(0, 4).join(' ')), words);
      assert.doesNotMatch(text, /class=|var\(|color\(|<script|<foreignObject/);
    }
    // The page looks as before.
    await page.mouse.move(-10, -10);
    await eventually(
      async () => (await plot.screenshot()).equals(before),
      (same) => same,
    );
    assert.deepEqual(await violations(page), []);
  });

  it('is a PNG of twice the size by keyboard alone, white or dark paper below what is drawn', async () => {
    const page = await openLayer('model.layers.0.mlp.down_proj.weight');
    const plot = page.locator('.layer .esd').first();
    for (const [downs, isLight] of [
      [2, true],
      [3, false],
    ] as const) {
      await plot.getByRole('button', { name: 'Save plot' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('menuitem', { name: 'Save as SVG, Light…' }).waitFor();
      for (let i = 0; i < downs; i++) await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      const { bytes, kind } = await pictureAfter(page, downs - 2);
      assert.equal(kind, 'png');
      assert.equal(bytes.toString('hex', 0, 8), PNG_SIGNATURE);
      const width = Number(await plot.locator('svg.plot-svg').getAttribute('width'));
      assert.equal(bytes.readUInt32BE(16), 2 * width);
      keep(`picture-${isLight ? 'light' : 'dark'}.png`, bytes);
      const { corner, darkest, lightest } = await colours(page, bytes);
      assert.equal(corner, isLight ? 765 : 3 * 31);
      assert.ok(isLight ? darkest < 300 : lightest > 500, `${darkest} to ${lightest}`);
    }
    assert.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Save plot');
    assert.deepEqual(await violations(page), []);
  });

  it('keeps a canvas behind its axes, in the colours of its paper', async () => {
    const page = await openView({ theme: 'dark' });
    const map = page.locator('.overview .plot').first();
    await map.locator('svg.plot-svg').waitFor();
    for (const theme of ['Light', 'Dark']) {
      const { bytes, name } = await savePicture(page, map, `Save as PNG, ${theme}…`);
      assert.equal(name, 'map-alpha');
      keep(`picture-map-${theme}.png`, bytes);
    }
    const { bytes } = await savePicture(page, map, 'Save as SVG, Light…');
    assert.match(bytes.toString('utf8'), />model\.safetensors<\/text>/);
  });

  it('takes a hostile name for text', async () => {
    const page = await openView({ query: { model: 'odd' } });
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('img');
    await page.locator('.table-body .table-row').first().click();
    await page.locator('.layer .esd svg.plot-svg').first().waitFor();
    const { bytes, name } = await savePicture(page, page.locator('.layer .esd').first(), 'Save as SVG, Light…');
    assert.equal(name, '_img_src_x_onerror_alert_1_.weight-Whole_matrix');
    const text = bytes.toString('utf8');
    assert.match(text, /&lt;img src=x onerror=alert\(1\)&gt;\.weight · α/);
    assert.doesNotMatch(text, /<img/);
    const elements = await page.evaluate<string[]>(
      `[...new Set([...new DOMParser().parseFromString(${JSON.stringify(text)}, 'image/svg+xml').querySelectorAll('*')].map((each) => each.localName))]`,
    );
    assert.ok(!elements.includes('parsererror'));
    assert.ok(
      elements.every((each) => ['svg', 'title', 'rect', 'text', 'g', 'path', 'line', 'circle', 'image'].includes(each)),
      elements.join(),
    );
    assert.deepEqual(await violations(page), []);
  });
});
