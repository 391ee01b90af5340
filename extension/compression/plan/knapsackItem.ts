/** The choices of one layer as a knapsack sees them: two sums that they add to, and their lower convex hull. */

/** Choices of one layer. `capped` rises or stays, `minimised` falls or stays. */
export interface KnapsackItem {
  readonly capped: Float64Array;
  readonly minimised: Float64Array;
  /** Indices of the choices on the lower convex hull, from the least of `capped` to the least of `minimised`. */
  readonly hull: Uint32Array;
  /** What a unit of `capped` saves between two of them, falling. */
  readonly slopes: Float64Array;
}

export function knapsackItem(capped: Float64Array, minimised: Float64Array): KnapsackItem {
  const hull: number[] = [];
  const slope = (a: number, b: number): number => (minimised[a]! - minimised[b]!) / (capped[b]! - capped[a]!);
  for (let i = 0; i < capped.length; i++) {
    if (hull.length > 0 && minimised[i]! >= minimised[hull.at(-1)!]!) continue; // saves nothing for its price
    // The same for less.
    if (hull.length > 0 && capped[i] === capped[hull.at(-1)!]) hull.pop();
    while (hull.length > 1 && slope(hull.at(-1)!, i) >= slope(hull.at(-2)!, hull.at(-1)!)) hull.pop();
    hull.push(i);
  }
  const slopes = Float64Array.from({ length: hull.length - 1 }, (_, j) => slope(hull[j]!, hull[j + 1]!));
  return { capped, minimised, hull: Uint32Array.from(hull), slopes };
}

/**
 * Place on the hull with the smallest `minimised + price · capped`: all steps that save more than the price are taken.
 *
 * @param low first place that is allowed
 * @param high last place that is allowed
 */
export function hullPlace({ slopes }: KnapsackItem, price: number, low: number, high: number): number {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (slopes[middle]! > price) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the last value that is at most `bound`; the first one is. */
export function lastWithin(ascending: Float64Array, bound: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ascending[middle]! <= bound) low = middle;
    else high = middle - 1;
  }
  return low;
}
