/** Frobenius norms of large matrices. */
import type { Poll } from '../linalg/kernels/kernels';

/** Elements between two polls: some 5 ms. */
const ELEMENTS_AT_ONCE = 2 ** 22;

/** √Σx² */
export function frobenius(x: Float64Array, poll?: Poll): number {
  let sum = 0;
  for (let start = 0; start < x.length; start += ELEMENTS_AT_ONCE) {
    const end = Math.min(x.length, start + ELEMENTS_AT_ONCE);
    let part = 0;
    for (let i = start; i < end; i++) part += x[i]! * x[i]!;
    sum += part;
    poll?.(end / x.length);
  }
  return Math.sqrt(sum);
}

/** part/whole; 0 if both are 0, as for a zero matrix. */
export function relativeTo(whole: number, part: number): number {
  return part === 0 ? 0 : part / whole;
}
