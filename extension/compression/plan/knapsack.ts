/**
 * One choice for each layer, so that the sum of what is minimised is smallest while the sum of what is capped stays within
 * the cap: the multiple-choice knapsack problem. The linear relaxation on the convex hulls of the choices is solved by
 * bisection of a price. Branch and bound decides about long steps of a hull, such as from the last rank to staying dense;
 * short ones that do not fit are left to `knapsackSums.ts`.
 *
 * @see Sinha & Zoltners 1979, "The multiple-choice knapsack problem" (hulls, reduced costs, branching on a hull's step)
 */
import { hullPlace, lastWithin, type KnapsackItem } from './knapsackItem';
import { improvedBySums } from './knapsackSums';

export interface KnapsackSolution {
  /** Index of the choice of each item. */
  readonly chosen: Uint32Array;
  readonly minimised: number;
  /** No solution has a smaller sum. Equal to `minimised` if this one was proved to be the best. */
  readonly bound: number;
  /** What a unit of the cap is worth, by the relaxation. */
  readonly price: number;
}

/** Halvings of the price's logarithm: a double has no finer steps. */
const MAX_BISECTIONS = 64;

/** Relaxations that are solved for one solution. */
const MAX_NODES = 8;

/** @returns undefined if even the smallest choices exceed the cap */
export function solveKnapsack(items: readonly KnapsackItem[], cap: number, work: number): KnapsackSolution | undefined {
  const everything = Uint32Array.from(items, ({ hull }) => hull.at(-1)!);
  if (sumOf(items, 'capped', everything) <= cap) {
    const minimised = sumOf(items, 'minimised', everything);
    return { chosen: everything, minimised, bound: minimised, price: 0 };
  }
  const nothing = Uint32Array.from(items, ({ hull }) => hull[0]!);
  if (sumOf(items, 'capped', nothing) > cap) return undefined;

  const first = relaxed(
    items,
    cap,
    nothing.map(() => 0),
    Uint32Array.from(items, ({ slopes }) => slopes.length),
  );
  let best = rounded(items, cap, first!);
  const open = [first!];
  for (let nodes = 1; nodes < MAX_NODES && open.length > 0; nodes += 2) {
    open.sort((a, b) => b.bound - a.bound);
    const node = open.pop()!;
    if (node.bound >= best.minimised || node.step === undefined) continue;
    for (const child of branches(items, cap, node, node.step)) {
      const solution = rounded(items, cap, child);
      if (solution.minimised < best.minimised) best = solution;
      if (child.bound < best.minimised) open.push(child);
    }
  }
  const { bound, price } = first!;
  const { chosen, proven } = improvedBySums(items, cap, price, { ...best, bound }, work);
  fill(items, chosen, cap);
  const minimised = sumOf(items, 'minimised', chosen);
  return { chosen, minimised, bound: proven ? minimised : Math.min(minimised, bound), price };
}

/**
 * What the hulls alone give: within the cap, and no more than one step of a hull away from the best. For curves.
 *
 * @param halvings of the price's logarithm
 */
export function hullSolution(items: readonly KnapsackItem[], cap: number, halvings: number): Uint32Array {
  const low = new Uint32Array(items.length);
  const high = Uint32Array.from(items, ({ slopes }) => slopes.length);
  const { above } = criticalPrice(items, cap, low, high, halvings);
  return Uint32Array.from(items, (item) => item.hull[hullPlace(item, above, 0, item.slopes.length)]!);
}

/** The relaxation where the place on each hull lies within `low` and `high`. */
interface Node {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  readonly price: number;
  readonly places: Uint32Array;
  readonly bound: number;
  /** The item whose next step exceeds the cap, the longest of them; undefined if nothing is left to decide. */
  readonly step: number | undefined;
}

/** @returns undefined if nothing is within the cap */
function relaxed(items: readonly KnapsackItem[], cap: number, low: Uint32Array, high: Uint32Array): Node | undefined {
  const used = (places: Uint32Array): number =>
    items.reduce((sum, { capped, hull }, l) => sum + capped[hull[places[l]!]!]!, 0);
  if (used(low) > cap) return undefined;
  const { above, below } = criticalPrice(items, cap, low, high, MAX_BISECTIONS);
  const at = (price: number): Uint32Array =>
    Uint32Array.from(items, (item, l) => hullPlace(item, price, low[l]!, high[l]!));
  const places = at(above);
  const beyond = at(below);
  let [step, longest] = [undefined as number | undefined, 0];
  for (let l = 0; l < items.length; l++) {
    if (places[l] === beyond[l]) continue;
    const { capped, hull } = items[l]!;
    const length = capped[hull[places[l]! + 1]!]! - capped[hull[places[l]!]!]!;
    if (length > longest) [step, longest] = [l, length];
  }
  const bound = items.reduce((sum, { capped, minimised, hull }, l) => {
    const i = hull[places[l]!]!;
    return sum + minimised[i]! + above * capped[i]!;
  }, -above * cap);
  return { low, high, price: above, places, bound, step };
}

/** Without the step, and with it. */
function branches(items: readonly KnapsackItem[], cap: number, { low, high, places }: Node, step: number): Node[] {
  const without = relaxed(items, cap, low, high.with(step, places[step]!));
  const taken = relaxed(items, cap, low.with(step, places[step]! + 1), high);
  return [without, taken].filter((node) => node !== undefined);
}

function rounded(
  items: readonly KnapsackItem[],
  cap: number,
  { places }: Node,
): { chosen: Uint32Array; minimised: number } {
  const chosen = Uint32Array.from(items, ({ hull }, l) => hull[places[l]!]!);
  fill(items, chosen, cap);
  return { chosen, minimised: sumOf(items, 'minimised', chosen) };
}

/**
 * Prices on both sides of the one at which the cap is met: what the hulls choose at `above` is within it, and at `below` it
 * is not, unless everything is.
 */
function criticalPrice(
  items: readonly KnapsackItem[],
  cap: number,
  low: Uint32Array,
  high: Uint32Array,
  halvings: number,
): { above: number; below: number } {
  let [below, above] = [Infinity, 0];
  for (const [l, { slopes }] of items.entries()) {
    if (low[l]! >= high[l]!) continue;
    below = Math.min(below, slopes[high[l]! - 1]!);
    above = Math.max(above, slopes[low[l]!]!);
  }
  if (above === 0) return { above, below: above };
  // At the largest slope nothing is taken; below the smallest everything is.
  below /= 2;
  for (let step = 0; step < halvings; step++) {
    const middle = Math.sqrt(below) * Math.sqrt(above);
    if (!(middle > below && middle < above)) break;
    let used = 0;
    for (let l = 0; l < items.length; l++) {
      const item = items[l]!;
      used += item.capped[item.hull[hullPlace(item, middle, low[l]!, high[l]!)]!]!;
    }
    if (used <= cap) above = middle;
    else below = middle;
  }
  return { above, below };
}

/** Spends what is left: each time the change that saves most of those that fit. */
function fill(items: readonly KnapsackItem[], chosen: Uint32Array, cap: number): void {
  let left = cap - sumOf(items, 'capped', chosen);
  for (;;) {
    let [best, to, most] = [-1, -1, 0];
    for (let l = 0; l < items.length; l++) {
      const { capped, minimised } = items[l]!;
      const now = chosen[l]!;
      const reach = lastWithin(capped, capped[now]! + left);
      const saved = minimised[now]! - minimised[reach]!;
      if (saved > most) [best, to, most] = [l, reach, saved];
    }
    if (best < 0) return;
    const { capped } = items[best]!;
    left -= capped[to]! - capped[chosen[best]!]!;
    chosen[best] = to;
  }
}

function sumOf(items: readonly KnapsackItem[], values: 'capped' | 'minimised', chosen: Uint32Array): number {
  let sum = 0;
  for (let l = 0; l < items.length; l++) sum += items[l]![values][chosen[l]!]!;
  return sum;
}
