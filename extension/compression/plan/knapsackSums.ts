/**
 * The integer part of `knapsack.ts`: partial sums of choices whose reduced cost is within the gap between a solution and
 * the bound of the relaxation. Without a limit on their number the result is the best there is; with it, sums that are
 * near one another are merged and the better one is kept.
 */
import { smallestOf } from '../../shared/extremes';
import { hullPlace, type KnapsackItem } from './knapsackItem';

interface Start {
  readonly chosen: Uint32Array;
  readonly minimised: number;
  readonly bound: number;
}

interface Candidates {
  readonly item: number;
  readonly choices: number[];
  /** Changes of the two sums against the choice of the relaxation. */
  readonly capped: number[];
  readonly minimised: number[];
}

/** Partial sums in order of what is capped; each has what is minimised, its parent and the choice that led to it. */
interface Sums {
  readonly capped: Float64Array;
  readonly minimised: Float64Array;
  readonly parents: Uint32Array;
  readonly choices: Uint32Array;
}

/** With fewer partial sums at a time near ones are merged that should not be. */
const LEAST_SUMS = 16;

/** Differences below this share of the sums are rounding. */
const ROUNDING = 1e-13;

/**
 * @param price of the relaxation
 * @param work partial sums that may be made
 * @returns `proven` if no solution is better than the one returned
 */
export function improvedBySums(
  items: readonly KnapsackItem[],
  cap: number,
  price: number,
  start: Start,
  work: number,
): { chosen: Uint32Array; proven: boolean } {
  const gap = start.minimised - start.bound;
  if (gap <= ROUNDING * Math.abs(start.minimised)) return { chosen: start.chosen, proven: true };
  const base = Uint32Array.from(items, (item) => item.hull[hullPlace(item, price, 0, item.slopes.length)]!);
  const candidates = items
    .map((item, l) => candidatesOf(item, l, base[l]!, price, gap))
    .filter(({ choices }) => choices.length > 1)
    // Coarse ones first: the fine ones then close what is left.
    .sort((a, b) => coarseness(b) - coarseness(a) || a.item - b.item);
  const left = cap - items.reduce((sum, item, l) => sum + item.capped[base[l]!]!, 0);
  const total = items.reduce((sum, item, l) => sum + item.minimised[base[l]!]!, 0);
  const most = Math.floor(
    work /
      Math.max(
        1,
        candidates.reduce((sum, { choices }) => sum + choices.length, 0),
      ),
  );
  if (most < LEAST_SUMS) return { chosen: start.chosen, proven: false };

  // What later candidates can take away and give back, at most.
  const smallest = suffixSums(candidates.map(({ capped }) => smallestOf(capped)));
  const cheapest = suffixSums(
    candidates.map(({ capped, minimised }) => smallestOf(capped.map((value, i) => minimised[i]! + price * value))),
  );
  let proven = true;
  let sums: Sums = {
    capped: Float64Array.of(0),
    minimised: Float64Array.of(0),
    parents: Uint32Array.of(0),
    choices: Uint32Array.of(0),
  };
  const stages: Sums[] = [];
  for (const [stage, candidate] of candidates.entries()) {
    const made = extended(sums, candidate, {
      // Nothing brings it back within the cap.
      capped: left - smallest[stage + 1]!,
      // Even the cheapest end is no better than the solution at hand.
      priced: start.minimised - total + price * left - cheapest[stage + 1]!,
      price,
    });
    sums = undominated(made);
    if (sums.capped.length > most) {
      sums = thinned(sums, most, price);
      proven = false;
    }
    stages.push(sums);
    if (sums.capped.length === 0) return { chosen: start.chosen, proven };
  }
  let best = -1;
  for (let i = 0; i < sums.capped.length; i++) {
    if (sums.capped[i]! <= left && (best < 0 || sums.minimised[i]! < sums.minimised[best]!)) best = i;
  }
  if (best < 0 || total + sums.minimised[best]! >= start.minimised) return { chosen: start.chosen, proven };
  for (let stage = stages.length - 1; stage >= 0; stage--) {
    base[candidates[stage]!.item] = stages[stage]!.choices[best]!;
    best = stages[stage]!.parents[best]!;
  }
  return { chosen: base, proven };
}

/** Choices that a better solution can have: their reduced cost is within the gap. */
function candidatesOf(item: KnapsackItem, index: number, base: number, price: number, gap: number): Candidates {
  const { capped, minimised } = item;
  const least = minimised[base]! + price * capped[base]!;
  const found: Candidates = { item: index, choices: [], capped: [], minimised: [] };
  for (let i = 0; i < capped.length; i++) {
    if (minimised[i]! + price * capped[i]! - least > gap) continue;
    found.choices.push(i);
    found.capped.push(capped[i]! - capped[base]!);
    found.minimised.push(minimised[i]! - minimised[base]!);
  }
  return found;
}

/** The smallest step between two choices. */
function coarseness({ capped }: Candidates): number {
  let least = Infinity;
  for (let i = 1; i < capped.length; i++) least = Math.min(least, capped[i]! - capped[i - 1]!);
  return least;
}

/** At index i the sum of all from i on; one more than there are values. */
function suffixSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (let i = values.length - 1; i >= 0; i--) sums[i] = sums[i + 1]! + values[i]!;
  return sums;
}

/** Each sum with each choice, in order of what is capped. */
function extended(
  { capped, minimised }: Sums,
  { choices, capped: addedCapped, minimised: addedMinimised }: Candidates,
  most: { capped: number; priced: number; price: number },
): Sums {
  const places: number[] = [];
  const count = capped.length;
  const made = new Float64Array(count * choices.length);
  const value = new Float64Array(count * choices.length);
  for (let j = 0; j < choices.length; j++) {
    for (let i = 0; i < count; i++) {
      const c = capped[i]! + addedCapped[j]!;
      const m = minimised[i]! + addedMinimised[j]!;
      if (c > most.capped || m + most.price * c > most.priced) continue;
      const place = j * count + i;
      [made[place], value[place]] = [c, m];
      places.push(place);
    }
  }
  const order = Uint32Array.from(places).sort((a, b) => made[a]! - made[b]! || value[a]! - value[b]!);
  return {
    capped: Float64Array.from(order, (place) => made[place]!),
    minimised: Float64Array.from(order, (place) => value[place]!),
    parents: order.map((place) => place % count),
    choices: order.map((place) => choices[Math.floor(place / count)]!),
  };
}

/** Without sums that take no less and leave no less than another. */
function undominated(sums: Sums): Sums {
  let least = Infinity;
  const kept: number[] = [];
  for (let i = 0; i < sums.capped.length; i++) {
    if (sums.minimised[i]! >= least) continue;
    least = sums.minimised[i]!;
    kept.push(i);
  }
  return picked(sums, kept);
}

/** At most `most` sums: of those in each of as many equal ranges the one of the smallest priced sum. */
function thinned(sums: Sums, most: number, price: number): Sums {
  const { capped, minimised } = sums;
  const first = capped[0]!;
  const width = (capped.at(-1)! - first) / most;
  const kept: number[] = [];
  let range = -1;
  for (let i = 0; i < capped.length; i++) {
    const own = Math.min(most - 1, Math.floor((capped[i]! - first) / width));
    const priced = (at: number): number => minimised[at]! + price * capped[at]!;
    if (own !== range) kept.push(i);
    else if (priced(i) < priced(kept.at(-1)!)) kept[kept.length - 1] = i;
    range = own;
  }
  return picked(sums, kept);
}

function picked({ capped, minimised, parents, choices }: Sums, kept: readonly number[]): Sums {
  return {
    capped: Float64Array.from(kept, (i) => capped[i]!),
    minimised: Float64Array.from(kept, (i) => minimised[i]!),
    parents: Uint32Array.from(kept, (i) => parents[i]!),
    choices: Uint32Array.from(kept, (i) => choices[i]!),
  };
}
