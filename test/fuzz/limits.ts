/** What one case may take. */

/** Opening a damaged checkpoint and reading a few megabytes of it; sound ones take some ten milliseconds. */
export const CASE_MILLISECONDS = 2000;

/** A process that says nothing for so long hangs, even on a machine with much else to do: it is ended from outside. */
export const HANG_MILLISECONDS = 30_000;

/** Above what the worker holds by itself: headers, one band of rows and the read-ahead of a decompressor. */
export const MEMORY_BYTES = 256 * 2 ** 20;
