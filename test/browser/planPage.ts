/** The plan view as page tests use it. */
import type { Locator, Page } from 'playwright-core';
import type { CompressionPlan } from '../../extension/shared/compression/plans';
import { eventually } from '../harness/eventually';
import { openView } from './openView';
import { requests, type ViewOptions } from './viewPage';

/** Opens a checkpoint and its plan. */
export async function openPlan(options: ViewOptions): Promise<Page> {
  const page = await openView(options);
  await page.locator('.header-actions').getByRole('button', { name: 'Compress Model…' }).click();
  await page.locator('.plan-table .table-body [role=row]').first().waitFor();
  return page;
}

export async function choose(page: Page, dropdown: string, option: string | RegExp): Promise<void> {
  await page.getByRole('combobox', { name: dropdown, exact: true }).click();
  await page.getByRole('option', { name: option }).click();
}

/** Asks for the plan to be saved. @returns what the host was sent */
export async function sentPlan(page: Page): Promise<CompressionPlan> {
  const before = (await requests(page, 'savePlan')).length;
  await page.getByRole('button', { name: 'Save Plan…' }).click();
  const sent = (await eventually(
    () => requests(page, 'savePlan'),
    (all) => all.length > before,
  )) as { plan: CompressionPlan }[];
  return sent.at(-1)!.plan;
}

/** As `sentPlan`; waits until the page says so. */
export async function savedPlan(page: Page): Promise<CompressionPlan> {
  const plan = await sentPlan(page);
  await page.getByText('Saved /checkpoints/llama-58m/model.eigenplan.json.').waitFor();
  return plan;
}

export function planRow(page: Page, layer: string): Locator {
  return page.locator('.plan-table [role=row]', { hasText: layer });
}

export async function planCell(page: Page, column: string, layer: string): Promise<string> {
  const heads = await page.locator('.plan-table [role=columnheader]').allTextContents();
  return planRow(page, layer)
    .locator(`[aria-colindex="${heads.indexOf(column) + 1}"]`)
    .innerText();
}

/** Until what was changed is drawn. */
export function frames(page: Page): Promise<unknown> {
  return page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}
