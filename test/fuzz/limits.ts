/** What one case may take. */
import os from 'node:os';

/** Opening a damaged checkpoint and reading a few megabytes of it; sound ones take some ten milliseconds. */
export const CASE_MILLISECONDS = 2000;

/**
 * The same as a busy machine takes for it: programs that share a core's units and caches slow one another down, beyond the
 * time that they wait.
 */
export function caseMilliseconds(): number {
  const busy = os.loadavg()[0]! > 2 * os.availableParallelism();
  return busy ? 2 * CASE_MILLISECONDS : CASE_MILLISECONDS;
}

/** A process that says nothing for so long, in its own time, hangs: it is ended from outside. */
export const HANG_MILLISECONDS = 30_000;

/** Above what the worker holds by itself: headers, one band of rows and the read-ahead of a decompressor. */
export const MEMORY_BYTES = 256 * 2 ** 20;
