/** Text that can be read in every theme, above all where a theme leaves a colour out. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { openView } from './openView';
import { themes } from './themes';

/** What WCAG asks of text of this size. */
const LEAST_CONTRAST = 4.5;

/** Least contrast of each selector's text with what lies behind it, translucent layers mixed; 0 where nothing is found. */
const CONTRASTS = `(selectors) => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const channels = (colour) => {
    if (!known.has(colour)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
      known.set(colour, { rgb: [red, green, blue], alpha: alpha / 255 });
    }
    return known.get(colour);
  };
  const over = ({ rgb, alpha }, below) => below.map((value, i) => alpha * rgb[i] + (1 - alpha) * value);
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    return over(channels(getComputedStyle(element).backgroundColor), behind(element.parentElement));
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (element) => {
    const ground = behind(element);
    const text = over(channels(getComputedStyle(element).color), ground);
    const [low, high] = [luminance(ground), luminance(text)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  return selectors.map((selector) => {
    const found = [...document.querySelectorAll(selector)].filter((element) => element.offsetParent !== null);
    return [selector, found.length === 0 ? 0 : Math.min(...found.map(contrast))];
  });
}`;

describe('text', () => {
  async function readable(page: Page, ...selectors: string[]): Promise<void> {
    const found = await page.evaluate<[string, number][]>(`(${CONTRASTS})(${JSON.stringify(selectors)})`);
    for (const [selector, contrast] of found) {
      assert.ok(contrast >= LEAST_CONTRAST, `${selector} has a contrast of ${contrast.toFixed(2)}`);
    }
  }

  for (const { name } of themes) {
    it(`can be read in ${name}`, async () => {
      const page = await openView({ theme: name, query: { problems: '1' } });
      await page.locator('.unusual-item').first().waitFor();
      await readable(
        page,
        ...['.file-name', '.architecture', '.facts', '.badge', '.banner p', '.unusual-name', '.unusual-reason'],
        ...['.plot-finding', '.sort-button', '.table-body .cell.end', '.cell.mean'],
      );
      // Every heat colour comes into sight: the largest alphas, then the smallest.
      await page.getByRole('button', { name: 'Show as a list' }).click();
      const alpha = page.getByRole('columnheader', { name: 'α', exact: true });
      for (const heat of ['.cell.heat-under', '.cell.heat-over']) {
        await alpha.getByRole('button').click();
        await page.locator(`${heat}:visible`).first().waitFor();
        await readable(page, heat, '.cell.heat');
      }
      const table = page.getByRole('treegrid');
      await table.focus();
      await page.keyboard.press('ArrowDown');
      await readable(page, '.table-row.active .row-label', '.table-row.active .cell.end');
      await page.keyboard.press('Shift+F10');
      await page.getByRole('menu').waitFor();
      await readable(page, '.menu-item:focus', '.menu-item:last-child');
      await page.keyboard.press('Enter');
      await page.locator('.layer svg.plot-svg').first().waitFor();
      await readable(
        page,
        ".table-row[aria-selected='true'] .row-label",
        '.layer-facts',
        '.reading dt',
        '.reading dd',
        '.verdict',
      );
    });
  }
});
