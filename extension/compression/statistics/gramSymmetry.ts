/** How far an entry of a Gram matrix may be from its mirror image: both are the same sum, rounded. */

/** Two roundings to bfloat16, in which some programs multiply and store. Beside the entry's own magnitude. */
const ENTRY_ROUNDING = 2 ** -7;

/** Sums of many float32 products in another order. Beside √(C_ii·C_jj), as terms of the sum may cancel. */
const SUM_ROUNDING = 1e-3;

/** @param most √(C_ii·C_jj) */
export function areMirrored(a: number, b: number, most: number): boolean {
  return Math.abs(a - b) <= ENTRY_ROUNDING * Math.max(Math.abs(a), Math.abs(b)) + SUM_ROUNDING * most;
}
