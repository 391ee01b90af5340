/** What one case may take, on the machine that `test/harness/machineSpeed.js` measures others by. */

/**
 * Opening a damaged checkpoint and reading a few megabytes of it. Sound ones take some ten milliseconds; the slowest in the
 * corpus spend the whole budget of an opening (`openingBudget.ts`), half of this at most. Time that the process waited for
 * a processor does not count.
 */
export const CASE_MILLISECONDS = 4000;

/** How often a case that took too long or too much runs again, alone in a fresh process, before that is called a fault. */
export const REPEATS = 3;

/** A process that says nothing for so long, in its own time, hangs: it is ended from outside. */
export const HANG_MILLISECONDS = 60_000;

/** Above what the worker holds by itself: headers, one band of rows and the read-ahead of a decompressor. */
export const MEMORY_BYTES = 256 * 2 ** 20;
