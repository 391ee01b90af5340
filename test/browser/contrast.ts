/** Measures in the page how well text stands out from what lies behind it. */
import type { Page } from 'playwright-core';

/** What WCAG asks of text of this size. */
export const LEAST_CONTRAST = 4.5;

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

/** Least contrast of each selector's text; 0 where nothing is found. */
export function leastContrasts(page: Page, selectors: readonly string[]): Promise<[string, number][]> {
  return page.evaluate(`(${CONTRASTS})(${JSON.stringify(selectors)})`);
}
