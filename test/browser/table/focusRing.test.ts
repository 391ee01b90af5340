/** What has the focus has a ring in the theme's own colour, wherever the tab key goes: a browser's own ring is black in light. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { openView } from '../openView';
import { themes } from '../themes';

/** More stops than the page has: the tab key comes round. */
const MOST_STOPS = 60;

/** The element that has the focus, in the page and in each shadow tree: what it is, and its outline. */
const RINGS = `(() => {
  const rings = [];
  for (let at = document.activeElement; at; at = at.shadowRoot?.activeElement) {
    const { outlineStyle: style, outlineColor: colour, outlineWidth: width } = getComputedStyle(at);
    const what = at.getAttribute('aria-label') ?? at.className.baseVal ?? at.className;
    rings.push({ what: at.tagName.toLowerCase() + ' ' + what, style, colour, width: parseFloat(width) });
  }
  return rings;
})()`;

interface Ring {
  what: string;
  style: string;
  colour: string;
  width: number;
}

describe('the ring of the focus', () => {
  async function drawnRings(page: Page): Promise<Ring[]> {
    const rings: Ring[] = [];
    for (let stop = 0; stop < MOST_STOPS; stop++) {
      await page.keyboard.press('Tab');
      rings.push(...(await page.evaluate<Ring[]>(RINGS)));
    }
    return rings.filter(({ style, width }) => style !== 'none' && width > 0);
  }

  for (const { name, variables } of themes.filter(({ name: each }) => each === 'light' || each === 'high-contrast')) {
    it(`has the colour of the theme in ${name}, by keyboard through all of the page`, async () => {
      const page = await openView({ theme: name, width: 1500 });
      await page.locator('.unusual-item').first().waitFor();
      await page.locator('.table-body .table-row', { hasText: 'embed_tokens' }).first().click();
      await page.locator('.layer svg.plot-svg').first().waitFor();
      const colour = await page.evaluate<string>(`(() => {
        const probe = document.body.appendChild(document.createElement('i'));
        probe.style.color = '${variables.focusBorder!}';
        const { color } = getComputedStyle(probe);
        probe.remove();
        return color;
      })()`);
      const rings = await drawnRings(page);
      assert.ok(rings.length > 10, `${rings.length} rings`);
      assert.deepEqual(
        rings.filter((ring) => ring.style === 'auto' || ring.colour !== colour),
        [],
      );
    });
  }
});
