/** The plan view as page tests use it. */
import type { Page } from 'playwright-core';
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
