/** What opens over the page, in all themes: menus, panels, lines that come and go. axe-core looks at each while it is open. */
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';
import { accessibilityFaults } from './accessibility';
import { openLayer, openView } from './openView';
import { themes, type Theme } from './themes';
import { violations } from './viewPage';

describe('what opens over the page', () => {
  const menu = (page: Page): Locator => page.getByRole('menu');
  const button = (page: Page, name: string | RegExp): Locator => page.getByRole('button', { name }).first();

  /** Opens something, waits until it is there, and says by a selector where. Escape closes it. */
  type Opening = (page: Page) => Promise<string>;

  const inTable: Record<string, Opening> = {
    'the menu of a row': async (page) => {
      await page.locator('.table-body .table-row').nth(1).click({ button: 'right' });
      await menu(page).waitFor();
      return '.popup';
    },
    'the chooser of columns': async (page) => {
      await button(page, /^Choose columns/).click();
      await page.getByRole('dialog', { name: 'Columns' }).waitFor();
      return '.popup';
    },
    'the help of the filter': async (page) => {
      await button(page, 'How to filter').click();
      await page.getByRole('dialog').waitFor();
      return '.popup';
    },
    'the menu of exports': async (page) => {
      await button(page, 'Export').click();
      await menu(page).waitFor();
      return '.popup';
    },
    'the menu of a plot': async (page) => {
      await button(page, 'Save plot').click();
      await menu(page).waitFor();
      return '.popup';
    },
    'the list of the map’s numbers': async (page) => {
      await page.locator('.model-map vscode-dropdown').click();
      await page.getByRole('option').first().waitFor();
      return '.model-map';
    },
    'the line that finds names': async (page) => {
      await button(page, 'Find').click();
      await page.keyboard.type('q_proj');
      await page.locator('.find-count', { hasText: '1 of 12' }).waitFor();
      return '.find-bar';
    },
    'the bar of chosen rows': async (page) => {
      for (const row of [1, 4]) {
        await page
          .locator('.table-body .table-row')
          .nth(row)
          .click({ modifiers: ['Control'] });
      }
      await page.getByRole('group', { name: 'Selected rows' }).waitFor();
      return '.tensors';
    },
  };

  async function faultsOf(page: Page, theme: Theme, openings: Readonly<Record<string, Opening>>): Promise<string[]> {
    // Rules of structure are the same in every theme.
    const rules = theme === themes[0] ? 'all' : 'colours';
    const faults: string[] = [];
    for (const [name, open] of Object.entries(openings)) {
      const where = await open(page);
      faults.push(...(await accessibilityFaults(page, where, rules)).map((fault) => `${name}: ${fault}`));
      await page.keyboard.press('Escape');
      await menu(page).waitFor({ state: 'detached' });
    }
    return faults;
  }

  for (const theme of themes) {
    it(`has no fault in ${theme.name}, over the table`, async () => {
      const page = await openView({ theme: theme.name });
      await page.locator('.table-body .table-row').first().waitFor();
      assert.deepEqual(await faultsOf(page, theme, inTable), []);
      assert.deepEqual(await violations(page), []);
    });

    it(`has no fault in ${theme.name}, over a layer`, async () => {
      const page = await openLayer('model.layers.0.self_attn.q_proj.weight', { theme: theme.name });
      await page.getByRole('tab', { name: 'Values' }).click();
      const inLayer: Record<string, Opening> = {
        'the menu of values': async () => {
          await page.getByRole('button', { name: 'Save as .npy…' }).click();
          await menu(page).waitFor();
          return '.popup';
        },
        'the list of methods': async () => {
          await page.getByRole('tab', { name: 'Ranks and compression' }).click();
          await page.getByRole('combobox', { name: 'Method' }).click();
          await page.getByRole('option').first().waitFor();
          return '.layer';
        },
      };
      assert.deepEqual(await faultsOf(page, theme, inLayer), []);
    });
  }
});
