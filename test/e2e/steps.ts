/** Suites whose tests each start where the one before them ended. */
import type { Suite } from 'mocha';

/**
 * Fails the suite at the step after one that failed. Not mocha's `bail`, which leaves the suite out without a word where a
 * test of any other suite failed before.
 */
export function inSteps(suite: Suite): void {
  let failed: string | undefined;
  suite.beforeEach('the step before', () => {
    if (failed !== undefined) throw new Error(`the rest was not tried: "${failed}" failed`);
  });
  suite.afterEach('the step before', function () {
    if (this.currentTest?.state === 'failed') failed = this.currentTest.title;
  });
}
