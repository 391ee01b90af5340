/** The ranks that an axis shows. Pure. */

/**
 * @param domain of the axis, in ranks from 1 on
 * @param count singular values
 * @returns indexes of those in sight and one more on each side, so that the line goes on to the edge
 */
export function rankWindow([low, high]: readonly number[], count: number): { first: number; end: number } {
  const first = Math.min(Math.max(0, Math.ceil(low!) - 2), count);
  return { first, end: Math.max(first, Math.min(count, Math.floor(high!) + 1)) };
}
