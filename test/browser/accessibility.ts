/** What axe-core finds in a page: the rules of WCAG 2.2, level AA, and its best practices. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { repositoryRoot } from '../harness/shared';

const AXE = readFileSync(path.join(repositoryRoot, 'node_modules/axe-core/axe.min.js'), 'utf8');

/**
 * @param within what is looked at: all of the page, or a part of it
 * @param rules all, or those that go by a theme's colours
 * @returns a line for each element that breaks a rule: the rule, what is wrong, the element */
export async function accessibilityFaults(
  page: Page,
  within = 'html',
  rules: 'all' | 'colours' = 'all',
): Promise<string[]> {
  const options = { resultTypes: ['violations'], ...(rules === 'colours' && { runOnly: ['color-contrast'] }) };
  await page.evaluate(`if (!window.axe) { ${AXE} }`);
  const { violations } = await page.evaluate<Pick<AxeResults, 'violations'>>(
    `axe.run(${JSON.stringify(within)}, ${JSON.stringify(options)}).then(({ violations }) => ({ violations }))`,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary = '', html }) => {
      const reasons = failureSummary
        .split('\n')
        .slice(1)
        .map((line) => line.trim());
      return `${id}: ${reasons.join(' ')} at ${target.join(' ')}: ${html.slice(0, 200)}`;
    }),
  );
}
