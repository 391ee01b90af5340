/** The table of tensors as a person uses it: sorting, filtering, folding, keyboard, 100 000 rows. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { metricTable } from '../../extension/shared/metricTable';
import { eventually } from '../harness/eventually';
import { openView } from './openView';
import { requests, screenshotFolder, violations } from './viewPage';

/** Stands in the empty field. */
const PLACEHOLDER = 'Name, alpha>6, dtype:bf16, 64x172';

describe('the table of tensors', () => {
  async function opened(query: Record<string, string> = {}): Promise<Page> {
    const page = await openView({ query });
    await page.locator('.table-body .table-row').first().waitFor();
    return page;
  }

  /** Rows are drawn with the next frame, after the key or the click is answered. */
  const drawn = (page: Page): Promise<void> =>
    page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())))');

  /** Text of one part of each row in sight, in reading order; all at one moment, because rows are reused. */
  async function texts(page: Page, selector: string): Promise<string[]> {
    await drawn(page);
    return page.evaluate(`[...document.querySelectorAll('.table-body .table-row:not([hidden])')]
      .map((row) => ({ at: Number(row.getAttribute('aria-rowindex')), part: row.querySelector('${selector}') }))
      .sort((a, b) => a.at - b.at)
      .map(({ part }) => part.innerText)`);
  }

  const labels = (page: Page): Promise<string[]> => texts(page, '.row-label');

  function header(page: Page, name: string): Locator {
    return page.getByRole('columnheader', { name, exact: true });
  }

  async function column(page: Page, name: string): Promise<string[]> {
    const at = await header(page, name).getAttribute('aria-colindex');
    return texts(page, `[aria-colindex="${at}"]`);
  }

  const numberIn = (text: string): number => Number(text.replace(/[^\d.eE-]/g, ''));

  it('shows the module tree with numbered blocks in order and single children folded into one row', async () => {
    const page = await opened();
    const shown = await labels(page);
    assert.deepEqual(shown.slice(0, 6), ['model', 'embed_tokens.weight', 'layers', '0', 'self_attn', 'q_proj.weight']);
    assert.deepEqual(await violations(page), []);
  });

  it('sorts by a metric, largest first, then smallest, then as in the file', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Show as a list' }).click();
    const alpha = header(page, 'α');
    await alpha.getByRole('button').click();
    assert.equal(await alpha.getAttribute('aria-sort'), 'descending');
    const falling = (await column(page, 'α')).map(numberIn);
    assert.deepEqual(
      falling,
      falling.toSorted((a, b) => b - a),
    );
    await alpha.getByRole('button').click();
    assert.equal(await alpha.getAttribute('aria-sort'), 'ascending');
    const rising = (await column(page, 'α')).map(numberIn);
    assert.deepEqual(
      rising,
      rising.toSorted((a, b) => a - b),
    );
    assert.ok(rising[0]! < falling[0]!);
    await alpha.getByRole('button').click();
    assert.equal(await alpha.getAttribute('aria-sort'), 'none');
    assert.equal((await labels(page))[0], 'model.embed_tokens.weight');
  });

  it('marks alpha outside 2 to 6 with a shape and words, not by colour alone', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Show as a list' }).click();
    await header(page, 'α').getByRole('button').click();
    const cell = page.locator('.cell.heat-under').first();
    assert.match(await cell.innerText(), /^▲ /);
    assert.match((await cell.getAttribute('title'))!, /under-trained/);
    const tint = await page.evaluate("getComputedStyle(document.querySelector('.cell.heat-under')).backgroundColor");
    assert.notEqual(tint, 'rgba(0, 0, 0, 0)');
  });

  it('shows an alpha without the evidence for a verdict in grey, with a mark and the reason', async () => {
    const page = await opened();
    const cell = page.locator('.cell.heat-none').first();
    assert.match(await cell.innerText(), /^○ [\d.]+$/);
    assert.match((await cell.getAttribute('title'))!, /^no verdict on α .*: .+/);
    await page.getByText(/\d+ of \d+ layers give enough evidence for a verdict/).waitFor();
  });

  it('filters by scattered letters, marks what matched and says how many are left', async () => {
    const page = await opened();
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('layers.3 kproj');
    await page.locator('.count').filter({ hasText: 'of 111 tensors' }).waitFor();
    const shown = await labels(page);
    assert.equal(shown[0], 'model.layers.3.self_attn.k_proj.weight');
    const marked = await page.locator('.table-row').nth(1).locator('mark').allInnerTexts();
    assert.ok(marked.join('').includes('k_proj') || marked.join('').includes('kproj'), marked.join('|'));
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('zzzz');
    await page.getByText('Nothing matches “zzzz”.').waitFor();
  });

  it('shows the ends of whole names that are too long, where they differ', async () => {
    const page = await opened();
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('layers.3.self_attn.k_proj');
    await drawn(page);
    const [first, last, box] = await page.evaluate<{ left: number; right: number }[]>(`(() => {
      const label = document.querySelector('.table-body .table-row:not([hidden]) .row-label');
      label.style.maxWidth = '120px';
      const texts = [];
      const walk = document.createTreeWalker(label, NodeFilter.SHOW_TEXT);
      while (walk.nextNode()) texts.push(walk.currentNode);
      const letter = (node, at) => {
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        return range.getBoundingClientRect();
      };
      const end = texts.at(-1);
      return [letter(texts[0], 0), letter(end, end.length - 1), label.getBoundingClientRect()]
        .map(({ left, right }) => ({ left, right }));
    })()`);
    assert.ok(last!.right <= box!.right + 1 && last!.left >= box!.left, 'the last letter is in sight');
    assert.ok(first!.right <= box!.left + 1, 'the first letter is cut off');
  });

  it('filters by numbers, types and shapes, and follows results that come later', async () => {
    const page = await opened({ inspected: '20' });
    const filter = page.getByRole('textbox', { name: 'Filter tensors by name' });
    const count = page.locator('.count');
    const found = async (typed: string): Promise<number> => {
      await filter.fill(typed);
      await count.filter({ hasText: 'of 111 tensors' }).waitFor();
      return parseInt(await count.innerText(), 10);
    };
    assert.equal(await found('dtype:f32'), 25);
    assert.equal(await found('512×1376'), 12);
    assert.equal(await found('mlp dtype:bf16'), 36);
    const before = await found('alpha>0');
    const late = 'model.layers.11.self_attn.q_proj.weight';
    await page.evaluate(`window.mockHost.notify('results', [window.mockHost.resultOf('${late}')])`);
    await count.filter({ hasText: `${before + 1} of 111 tensors` }).waitFor();
    await filter.fill('alfa>6');
    await page.getByText('No column is called “alfa”.').waitFor();
  });

  it('says what can be typed into the filter, and tries an example', async () => {
    const page = await opened();
    const filter = page.getByRole('textbox', { name: 'Filter tensors by name' });
    assert.equal(await page.locator('.toolbar vscode-text-field').getAttribute('placeholder'), PLACEHOLDER);
    await page.getByRole('button', { name: 'How to filter' }).press('Enter');
    const help = page.getByRole('dialog', { name: 'How to filter' });
    await help.getByRole('button', { name: 'norm', exact: true }).waitFor();
    await page.screenshot({ path: path.join(screenshotFolder, 'filter-help.png') });
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'How to filter');
    await page.keyboard.press('Enter');
    await help.getByRole('button', { name: 'alpha>6' }).press('Enter');
    await page.locator('.count').filter({ hasText: 'of 111 tensors' }).waitFor();
    assert.equal(await filter.inputValue(), 'alpha>6');
    await filter.and(page.locator(':focus')).waitFor();
  });

  it('is walked, folded, unfolded and opened by keyboard', async () => {
    const page = await opened();
    const table = page.getByRole('treegrid', { name: 'Tensors' });
    const activeLabel = async (): Promise<string> => {
      const id = await table.getAttribute('aria-activedescendant');
      return page.locator(`#${id} .row-label`).innerText();
    };
    const active = page.locator('.table-row.active');
    // Rows are drawn with the next frame, after the key is answered.
    const expanded = (state: string): Promise<unknown> =>
      eventually(
        () => active.getAttribute('aria-expanded'),
        (now) => now === state,
      );
    await table.focus();
    await table.press('ArrowDown');
    await table.press('ArrowDown');
    await eventually(activeLabel, (label) => label === 'layers');
    await table.press('ArrowLeft');
    await expanded('false');
    assert.deepEqual(await labels(page), ['model', 'embed_tokens.weight', 'layers', 'norm.weight', 'lm_head.weight']);
    await table.press('ArrowRight');
    await expanded('true');
    await table.press('ArrowRight');
    await eventually(activeLabel, (label) => label === '0');
    await table.press('ArrowLeft');
    await table.press('ArrowLeft');
    await eventually(activeLabel, (label) => label === 'layers');
    await table.press('End');
    await eventually(activeLabel, (label) => label === 'lm_head.weight');
    await table.press('Home');
    await eventually(activeLabel, (label) => label === 'model');
    await table.press('PageDown');
    const paged = Number(await active.getAttribute('aria-rowindex'));
    assert.ok(paged > 10, `PageDown went to row ${paged}`);
    await table.press('Home');
    await table.press('ArrowDown');
    await table.press('Enter');
    await page.getByRole('heading', { name: 'model.embed_tokens.weight' }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.layer').waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate('document.activeElement.className'), 'table');
  });

  it('sends typed letters to the filter', async () => {
    const page = await opened();
    await page.getByRole('treegrid').focus();
    await page.keyboard.type('lm_h');
    await page.locator('.count').filter({ hasText: '1 of 111' }).waitFor();
  });

  it('opens a menu with the keyboard and compresses from it', async () => {
    const page = await opened();
    const table = page.getByRole('treegrid');
    await table.focus();
    await table.press('ArrowDown');
    await table.press('Shift+F10');
    const menu = page.getByRole('menu');
    await menu.getByRole('menuitem', { name: 'Compress…' }).press('Enter');
    await page.getByRole('spinbutton', { name: 'Rank' }).waitFor();
    assert.equal(await page.evaluate('document.activeElement.labels[0].textContent'), 'Rank');
  });

  it('adds a column that is chosen, and remembers it', async () => {
    const page = await opened();
    assert.equal(await header(page, 'tail mass').count(), 0);
    await page.getByRole('button', { name: 'Choose columns' }).click();
    await page.getByRole('checkbox', { name: 'tail mass' }).click();
    await header(page, 'tail mass').waitFor({ state: 'attached' });
    await page.keyboard.press('Escape');
    await page.reload();
    await header(page, 'tail mass').waitFor({ state: 'attached' });
  });

  it('has a column for every number, statistics of tensors without a spectrum among them', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Choose columns' }).click();
    const offered = await page.getByRole('checkbox').allInnerTexts();
    for (const { label } of metricTable) assert.ok(offered.includes(label), label);
    for (const label of ['FARMS α', 'rank WeLore', 'min', 'max', 'mean', 'std', 'zeros', 'NaN', 'Inf']) {
      assert.ok(offered.includes(label), label);
    }
    await page.getByRole('checkbox', { name: 'std', exact: true }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('model.norm.weight');
    assert.deepEqual((await column(page, 'std'))[0], '0.1100');
  });

  it('says why a row has no alpha once, not in every cell', async () => {
    const page = await opened();
    await page.getByRole('textbox', { name: 'Filter tensors by name' }).fill('model.norm.weight');
    await drawn(page);
    const titles = await page.locator('.table-body .table-row:not([hidden]) [role=gridcell][title="1-D tensor"]').all();
    assert.equal(titles.length, 1);
  });

  it('is one stop in the tab order for the header, with the arrow keys along it', async () => {
    const page = await opened();
    assert.equal(await page.locator('.sort-button[tabindex="0"]').count(), 1);
    await header(page, 'Name').getByRole('button').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    assert.equal(await header(page, 'Type').getAttribute('aria-sort'), 'ascending');
  });

  it('keeps the selection of a row under the pointer', async () => {
    const page = await opened();
    const row = page.locator('.table-body .table-row', { hasText: 'embed_tokens.weight' });
    await row.click();
    await page.getByRole('heading', { name: 'model.embed_tokens.weight' }).waitFor();
    const colour = (): Promise<string> =>
      page.evaluate(`getComputedStyle(document.querySelector('.table-row[aria-selected=true]')).backgroundColor`);
    const hovered = await colour();
    await page.mouse.move(5, 5);
    assert.equal(await colour(), hovered);
  });

  it('asks for the rows in sight first while layers are being inspected', async () => {
    const page = await opened({ inspected: 'none' });
    await page.evaluate('window.mockHost.notify("queue", { done: 1, total: 111, active: [] })');
    await page.getByText('1 of 111 layers').waitFor();
    await page.mouse.move(300, 700);
    await page.mouse.wheel(0, 1200);
    const [first] = await eventually(
      () => requests(page, 'prioritise'),
      (asked) => asked.length > 0,
    );
    const { names } = first as { names: string[] };
    assert.ok(names.length > 5 && names.every((name) => name.startsWith('model.')));
  });

  it('has a row for each of 100 000 tensors and draws a screenful', async () => {
    const page = await opened({ model: 'many', count: '100000' });
    const table = page.getByRole('treegrid');
    // 100 blocks with an expert module of 1000 each: all rows are there, a screenful exists.
    assert.equal(await table.getAttribute('aria-rowcount'), String(100_000 + 100 + 1 + 1));
    const indexes = (): Promise<number[]> =>
      page.evaluate(`[...document.querySelectorAll('.table-body .table-row')]
        .filter((row) => row.checkVisibility())
        .map((row) => Number(row.getAttribute('aria-rowindex')))`);
    assert.ok((await indexes()).length < 80);
    await page.evaluate(`document.querySelector('.table').scrollTop = 1e9`);
    await eventually(indexes, (rows) => rows.includes(100_000 + 100 + 1 + 1));
    assert.ok((await indexes()).length < 80);
    assert.deepEqual(await violations(page), []);
  });
});
