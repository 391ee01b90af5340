/** The largest and the least of any number of values: `Math.max(...values)` overflows the stack beyond some 120 000. */

/** −∞ without any, or `least` where none is larger; NaN where one is. */
export function largestOf(values: Iterable<number>, least = -Infinity): number {
  let largest = least;
  for (const value of values) largest = Math.max(largest, value);
  return largest;
}

/** ∞ without any; NaN where one is. */
export function smallestOf(values: Iterable<number>): number {
  let smallest = Infinity;
  for (const value of values) smallest = Math.min(smallest, value);
  return smallest;
}
