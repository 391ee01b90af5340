/** The list of unusual layers, as a person uses it. */
import type { Page } from 'playwright-core';

/** Opens the first unusual layer; a group is unfolded for it. */
export async function openUnusual(page: Page): Promise<void> {
  const first = page.locator('.unusual-item').first();
  await first.waitFor();
  if ((await first.getAttribute('aria-expanded')) === 'false') await first.click();
  await page.locator('.unusual-item:not(.unusual-group)').first().click();
}
