/** Text that can be read in every theme, above all where a theme leaves a colour out. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { leastContrasts, LEAST_CONTRAST } from './contrast';
import { openView } from './openView';
import { themes } from './themes';

describe('text', () => {
  async function readable(page: Page, ...selectors: string[]): Promise<void> {
    for (const [selector, contrast] of await leastContrasts(page, selectors)) {
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
      const tint = '.cell:is(.heat-under, .heat-over)';
      await readable(page, '.table-row.active .row-label', '.table-row.active .cell.end', `.table-row.active ${tint}`);
      await page.keyboard.press('Shift+F10');
      await page.getByRole('menu').waitFor();
      await readable(page, '.menu-item:focus', '.menu-item:last-child');
      await page.keyboard.press('Enter');
      await page.locator('.layer svg.plot-svg').first().waitFor();
      await readable(
        page,
        ".table-row[aria-selected='true'] .row-label",
        `.table-row[aria-selected='true'] ${tint}`,
        '.layer-facts',
        '.reading dt',
        '.reading dd',
        '.verdict',
      );
    });
  }
});
