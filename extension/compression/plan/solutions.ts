/** Finds the option of each layer that meets a target: the optimal one by a knapsack, the others by one level for all. */
import { family, type Family, type FamilyLayer } from './families';
import { hullSolution, solveKnapsack } from './knapsack';
import type { KnapsackItem } from './knapsackItem';
import type { PlanRequest } from './planRequest';

/** Partial sums for one allocation: some milliseconds. */
const WORK = 20_000;

/** Halvings of a level; a double has no finer steps in 0 … 1. */
const MAX_BISECTIONS = 53;

/** Those of a point of a curve: more than a screen shows. */
const CURVE_BISECTIONS = 24;

export interface Problem {
  readonly layers: readonly FamilyLayer[];
  /** From shares that are lost to what is minimised. */
  readonly weights: readonly number[];
  readonly request: PlanRequest;
  /** Of the cost of these layers, or of their squared error. */
  readonly cap: number;
  readonly items: () => KnapsackItem[];
}

export function solve(problem: Problem): { chosen: Uint32Array; gap?: number } {
  const { layers, request, cap } = problem;
  const { kind } = request.target;
  if (!isOptimal(request)) return { chosen: level(problem, family(layers, request), MAX_BISECTIONS) };
  const solution = solveKnapsack(problem.items(), cap, WORK);
  if (!solution) {
    // Nothing meets the target: the least cost, or the least error.
    return { chosen: Uint32Array.from(layers, ({ options }) => (kind === 'error' ? options.ranks.length - 1 : 0)) };
  }
  const { chosen } = solution;
  const gap = relativeGap(solution);
  if (kind !== 'error') return { chosen, gap };
  return { chosen: chosen.map((index, l) => layers[l]!.options.ranks.length - 1 - index), gap };
}

/** Found by a knapsack, not by one level for all. */
function isOptimal({ allocation }: PlanRequest): boolean {
  return allocation === 'optimal' || allocation === 'optimal-gram';
}

/** How much better any other solution is at most, over what this one has. */
export function relativeGap({ minimised, bound }: { readonly minimised: number; readonly bound: number }): number {
  return minimised > 0 ? Math.max(0, minimised - bound) / minimised : 0;
}

/** From a budget to the choices of a curve's point. */
export function curveChoices(problem: Problem): (cap: number) => Uint32Array {
  const { layers, request } = problem;
  if (isOptimal(request)) {
    const items = problem.items();
    return (cap) => hullSolution(items, cap, CURVE_BISECTIONS);
  }
  const at = family(layers, request);
  return (cap) => level({ ...problem, cap }, at, CURVE_BISECTIONS);
}

/** The level that meets the target: the highest within a budget, the lowest within an error. */
function level({ layers, weights, request, cap }: Problem, at: Family, halvings: number): Uint32Array {
  const capsError = request.target.kind === 'error';
  const within = (chosen: Uint32Array): boolean =>
    (capsError ? lostOf(layers, weights, chosen) : costOf(layers, chosen)) <= cap;
  // The end that is surely within the cap, if anything is; the other one is tried first.
  let [good, bad] = capsError ? [1, 0] : [0, 1];
  if (within(at(bad))) return at(bad);
  for (let step = 0; step < halvings; step++) {
    const middle = (good + bad) / 2;
    if (within(at(middle))) good = middle;
    else bad = middle;
  }
  return at(good);
}

export function costOf(layers: readonly FamilyLayer[], chosen: Uint32Array): number {
  let sum = 0;
  for (let l = 0; l < layers.length; l++) sum += layers[l]!.options.cost[chosen[l]!]!;
  return sum;
}

export function lostOf(layers: readonly FamilyLayer[], weights: readonly number[], chosen: Uint32Array): number {
  return layers.reduce((sum, { options }, l) => sum + weights[l]! * options.lost[chosen[l]!]!, 0);
}
