/** Files of `../shared/cases`: inputs that once went wrong, with the right values in `CASES.md`. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { sharedFolder } from '../shared';

const folder = sharedFolder === undefined ? undefined : path.join(sharedFolder, 'cases');

/** Where a case lies. Skips the test that asks, with a line that says why, where the folder is not there. */
export function sharedCase(test: Mocha.Context, ...parts: string[]): string {
  const file = folder === undefined ? undefined : path.join(folder, ...parts);
  if (file !== undefined && existsSync(file)) return file;
  console.log(`        ${parts.join('/')} is not in ../shared/cases: skipped`);
  return test.skip();
}
