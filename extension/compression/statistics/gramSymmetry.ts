/**
 * How far an entry of a Gram matrix may be from its mirror image: both are the same sum, rounded. torch's products xᵀx are
 * exactly symmetric on a CPU, in float32, float16 and bfloat16. Between sums over other batches of the same 8192 inputs,
 * float32 differs by 2.5e-7 of √(C_ii·C_jj), and bfloat16 products that are summed in float32 by 0.4 of what is allowed.
 * Sums in bfloat16 itself have lost a hundredth: their halves must come from one product.
 */

/** Two roundings to bfloat16, in which some programs multiply and store. Beside the entry's own magnitude. */
const ENTRY_ROUNDING = 2 ** -7;

/** Sums of many float32 products in another order. Beside √(C_ii·C_jj), as terms of the sum may cancel. */
const SUM_ROUNDING = 1e-3;

/** @param most √(C_ii·C_jj) */
export function areMirrored(a: number, b: number, most: number): boolean {
  return Math.abs(a - b) <= ENTRY_ROUNDING * Math.max(Math.abs(a), Math.abs(b)) + SUM_ROUNDING * most;
}
