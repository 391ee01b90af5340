/** What a person does with the table beyond reading it: finding names, menus of modules, going to the top. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { eventually } from '../../harness/eventually';
import { openView } from '../openView';
import { sentPlan } from '../planPage';
import { requests, screenshotFolder, violations } from '../viewPage';

describe('working with the table', () => {
  async function opened(query: Record<string, string> = {}, width = 1400): Promise<Page> {
    const page = await openView({ query, width });
    await page.locator('.table-body .table-row').first().waitFor();
    return page;
  }

  const table = (page: Page): Locator => page.getByRole('treegrid', { name: 'Tensors' });
  const active = (page: Page): Promise<string> =>
    page.evaluate(`document.querySelector('.table-row.active:not([hidden]) .row-label')?.textContent ?? ''`);
  const row = (page: Page, label: string): Locator =>
    page.locator('.table-body .table-row:visible').filter({ has: page.getByText(label, { exact: true }) });
  const find = (page: Page): Locator => page.getByRole('textbox', { name: 'Find in the table' });
  const count = (page: Page): Locator => page.locator('.find-count');

  /** What would stand in the clipboard: the page's own is another program's business. */
  async function watchClipboard(page: Page): Promise<() => Promise<string | undefined>> {
    await page.evaluate(
      `navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }`,
    );
    return () => page.evaluate('window.copied');
  }

  it('goes to the top when it is sorted, by mouse and by keyboard', async () => {
    const page = await opened();
    const scroll = (): Promise<number> => page.evaluate(`document.querySelector('.table').scrollTop`);
    const down = (): Promise<unknown> => page.evaluate(`document.querySelector('.table').scrollTop = 1200`);
    await down();
    await page.getByRole('columnheader', { name: 'Params' }).getByRole('button').click();
    assert.equal(await scroll(), 0);
    await down();
    await page.keyboard.press('Enter');
    assert.equal(await scroll(), 0);
    assert.equal(await page.getByRole('columnheader', { name: 'Params' }).getAttribute('aria-sort'), 'ascending');
  });

  it('finds names with Ctrl+F, in folded modules too, and hides no row', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Collapse all modules' }).click();
    const rows = Number(await table(page).getAttribute('aria-rowcount'));
    await table(page).focus();
    await page.keyboard.press('Control+f');
    await page.keyboard.type('Layers.3.mlp');
    await count(page).filter({ hasText: '1 of 1' }).waitFor();
    await eventually(
      () => active(page),
      (label) => label === 'mlp',
    );
    assert.ok(Number(await table(page).getAttribute('aria-rowcount')) > rows);
    await find(page).fill('k_proj');
    // It begins where the keyboard was.
    await count(page).filter({ hasText: '5 of 12: model.layers.4.self_attn.k_proj.weight' }).waitFor();
    await page.keyboard.press('Enter');
    await count(page).filter({ hasText: '6 of 12' }).waitFor();
    await page.keyboard.press('Shift+F3');
    for (let i = 0; i < 5; i++) await page.keyboard.press('Shift+Enter');
    await count(page).filter({ hasText: '12 of 12' }).waitFor();
    assert.equal(await page.locator('.current-match mark').innerText(), 'k_proj');
    await page.screenshot({ path: path.join(screenshotFolder, 'table-find.png') });
    await page.keyboard.press('Escape');
    await page.locator('.find-bar').waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate('document.activeElement.className'), 'table');
    assert.equal(await active(page), 'k_proj.weight');
    assert.equal(await page.locator('.table mark').count(), 0);
    assert.deepEqual(await violations(page), []);
  });

  it('finds with the mouse alone, and says what is not there', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    await page.keyboard.type('norm');
    await count(page).filter({ hasText: '1 of 25' }).waitFor();
    await page.getByRole('button', { name: 'Next match' }).click();
    await count(page).filter({ hasText: '2 of 25' }).waitFor();
    await page.getByRole('button', { name: 'Previous match' }).click();
    await count(page).filter({ hasText: '1 of 25' }).waitFor();
    await find(page).fill('nothing like it');
    await count(page).filter({ hasText: 'No match' }).waitFor();
    await page.getByRole('search').getByRole('button', { name: 'Close' }).click();
    await page.locator('.find-bar').waitFor({ state: 'hidden' });
  });

  it('inspects a block from its menu, and no other layer', async () => {
    const page = await opened({ inspected: '5' });
    await row(page, '0').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Inspect This Block' }).click();
    const [asked] = await requests(page, 'inspect');
    const { names } = asked as { names: string[] };
    assert.ok(names.length > 0 && names.every((name) => name.startsWith('model.layers.0.')), names.join());
  });

  it('copies the numbers of a block for a spreadsheet, by keyboard', async () => {
    const page = await opened();
    const copied = await watchClipboard(page);
    await table(page).focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowDown');
    await eventually(
      () => active(page),
      (label) => label === '0',
    );
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Copy Numbers' }).press('Enter');
    const lines = (await eventually(copied, (text) => text !== undefined))!.trimEnd().split('\n');
    assert.equal(lines.length, 1 + 9);
    const keys = lines[0]!.split('\t');
    assert.deepEqual(keys.slice(0, 3), ['name', 'shape', 'dtype']);
    const first = lines[1]!.split('\t');
    assert.equal(first[0], 'model.layers.0.self_attn.q_proj.weight');
    assert.equal(first[1], '512 × 512');
    assert.match(first[keys.indexOf('alpha')]!, /^\d\.\d{10,}$/, 'in full precision');
  });

  it('plans the compression of a block alone, and of all layers again', async () => {
    const page = await opened();
    await row(page, '0').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Compress These…' }).click();
    const only = page.getByRole('group', { name: 'Layers of this plan' });
    await only.getByText('Only model.layers.0: 7 layers').waitFor();
    await page.screenshot({ path: path.join(screenshotFolder, 'plan-only.png') });
    const plan = await sentPlan(page);
    for (const [name, layer] of Object.entries(plan.layers)) {
      if (name.startsWith('model.layers.0.')) continue;
      assert.ok('keep' in layer, name);
      assert.match(layer.why, /not among the layers chosen in the table|embedding|output/i);
    }
    assert.ok(Object.entries(plan.layers).some(([, layer]) => 'method' in layer));
    // Half of a twelfth of the blocks, and of nothing else.
    assert.ok(plan.target.value > 0.9 && plan.target.value < 1, String(plan.target.value));
    await only.getByRole('button', { name: 'All Layers' }).press('Enter');
    await only.waitFor({ state: 'hidden' });
    assert.equal(await page.getByLabel('Target in percent').inputValue(), '50');
  });

  const filter = (page: Page): Locator => page.getByRole('textbox', { name: 'Filter tensors by name' });
  const filtered = (page: Page): Promise<string[]> =>
    page.evaluate(`[...document.querySelectorAll('.table-body .table-row:not([hidden]) .row-label')]
      .map((label) => label.textContent).sort()`);
  /** A field shows its value a frame later. */
  const emptied = (page: Page): Promise<unknown> =>
    eventually(
      () => filter(page).inputValue(),
      (value) => value === '',
    );
  const GROUP = ['model.layers.10.mlp.down_proj.weight', 'model.layers.2.mlp.down_proj.weight'];

  it('shows the layers of a group of findings, by a filter that is seen and cleared', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Show in the table: down_proj, blocks 2 and 10' }).click();
    await page.locator('.toolbar .count', { hasText: '2 of 111 tensors' }).waitFor();
    assert.equal(await filter(page).inputValue(), 'finding=over role=down_proj');
    assert.deepEqual(await filtered(page), GROUP);
    assert.equal(await page.evaluate('document.activeElement.className'), 'table');
    await page.screenshot({ path: path.join(screenshotFolder, 'table-findings.png') });
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await emptied(page);
    assert.ok((await filtered(page)).length > 2);
    assert.equal(await page.getByRole('button', { name: 'Clear the filter' }).count(), 0);
  });

  it('shows them by keyboard: tab goes from the line of a group to its button', async () => {
    const page = await opened();
    const group = page.getByRole('button', { name: /^down_proj, blocks 2 and 10/ });
    await group.focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('.toolbar .count', { hasText: '2 of 111 tensors' }).waitFor();
    await filter(page).focus();
    await page.keyboard.press('Escape');
    await emptied(page);
  });

  it('keeps the open layer in sight when rows come back, when the tree unfolds, and when the window shrinks', async () => {
    const page = await opened();
    const name = 'model.layers.9.mlp.up_proj.weight';
    const inSight = (): Promise<boolean> =>
      page.evaluate(`(() => {
        const row = document.querySelector('.table-row[aria-selected=true]:not([hidden])');
        if (!row) return false;
        const [box, table] = [row.getBoundingClientRect(), document.querySelector('.table').getBoundingClientRect()];
        return box.top >= table.top && box.bottom <= table.bottom;
      })()`);
    const seen = (): Promise<unknown> => eventually(inSight, (is) => is);
    await filter(page).fill('layers.9.mlp.up');
    await page.locator('.toolbar .count', { hasText: '1 of 111 tensors' }).waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name }).waitFor();
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await seen();
    await page.getByRole('button', { name: 'Show as a list' }).click();
    await seen();
    await page.setViewportSize({ width: 1400, height: 500 });
    await seen();
    await page.setViewportSize({ width: 800, height: 700 });
    await seen();
  });

  const selected = (page: Page): Promise<string[]> =>
    page.evaluate(`[...document.querySelectorAll('.table-row[aria-selected=true]:not([hidden]) .row-label')]
      .map((label) => label.textContent)`);
  const bar = (page: Page): Locator => page.getByRole('group', { name: 'Selected rows' });

  it('chooses rows with Ctrl and Shift, and plans and saves them alone', async () => {
    const page = await opened();
    await row(page, 'q_proj.weight')
      .first()
      .click({ modifiers: ['Control'] });
    await row(page, 'o_proj.weight')
      .first()
      .click({ modifiers: ['Shift'] });
    assert.deepEqual(
      await selected(page),
      ['q', 'k', 'v', 'o'].map((part) => `${part}_proj.weight`),
    );
    assert.equal(await page.locator('.layer').isVisible(), false, 'it opens nothing');
    await row(page, 'k_proj.weight')
      .first()
      .click({ modifiers: ['Control'] });
    await bar(page).getByText('3 rows selected', { exact: true }).waitFor();
    await page.screenshot({ path: path.join(screenshotFolder, 'table-selection.png') });
    await bar(page).getByRole('button', { name: 'Save Numbers as CSV…' }).click();
    const names = ['q', 'v', 'o'].map((part) => `model.layers.0.self_attn.${part}_proj.weight`);
    assert.deepEqual(await requests(page, 'exportNumbers'), [{ format: 'csv', only: names }]);
    await bar(page).getByRole('button', { name: 'Compress These…' }).click();
    await page.getByText('Only 3 rows of the table: 3 layers').waitFor();
    assert.deepEqual(await violations(page), []);
  });

  it('chooses rows by keyboard, and lets go of them with Escape before it closes a layer', async () => {
    const page = await opened();
    const copied = await watchClipboard(page);
    assert.equal(await table(page).getAttribute('aria-multiselectable'), 'true');
    await table(page).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'model.embed_tokens.weight' }).waitFor();
    await table(page).focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Control+Space');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+ArrowUp');
    assert.deepEqual(await selected(page), ['q_proj.weight', 'k_proj.weight']);
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Copy Names' }).press('Enter');
    assert.equal(
      await eventually(copied, (text) => text !== undefined),
      'model.layers.0.self_attn.q_proj.weight\nmodel.layers.0.self_attn.k_proj.weight',
    );
    await page.keyboard.press('Control+a');
    await bar(page)
      .getByText(/^\d+ rows selected: 111 tensors and layers$/)
      .waitFor();
    await page.keyboard.press('Escape');
    await bar(page).waitFor({ state: 'hidden' });
    assert.deepEqual(await selected(page), ['embed_tokens.weight']);
    assert.equal(await page.locator('.layer').isVisible(), true);
    await page.keyboard.press('Escape');
    await page.locator('.layer').waitFor({ state: 'hidden' });
  });

  it('shows matrices only, by mouse and by keyboard, and remembers it', async () => {
    const page = await opened();
    const box = page.getByRole('checkbox', { name: 'Matrices only' });
    await page.getByRole('button', { name: 'Show as a list' }).click();
    const rows = async (): Promise<number> => Number(await table(page).getAttribute('aria-rowcount')) - 1;
    assert.equal(await rows(), 111);
    await box.click();
    assert.equal(await rows(), 86);
    await filter(page).fill('norm');
    await page.getByText('Untick “Matrices only” to see 25 other rows that do.').waitFor();
    await filter(page).fill('');
    await page.reload();
    await page.locator('.table-body .table-row').first().waitFor();
    assert.equal(await rows(), 86);
    await box.press('Space');
    assert.equal(await rows(), 111);
  });
});
