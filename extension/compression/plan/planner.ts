/**
 * Shares a budget among the layers of a model: what the plan view and the terminal ask (science.md §8). Pure. What does not
 * depend on the request is made once, so that a slider is answered within a frame.
 */
import { layerMethod } from '../../shared/compression/methodTable';
import type { LayerChoice, LayerPlan, PlanLayer, PlanTarget } from '../../shared/compression/plans';
import { family, type Family, type FamilyLayer } from './families';
import { hullSolution, solveKnapsack } from './knapsack';
import { knapsackItem, type KnapsackItem } from './knapsackItem';
import { DENSE, layerOptions, preparedLayer, type LayerOptions, type PreparedLayer, type Unit } from './layerOptions';
import { largestRank } from './methodCosts';
import { planRow, planTotals } from './planRows';
import { standings, type Standing } from './participation';
import type { AllocatedPlan, CurvePoint, PlanRequest, PlanRest, PlanTotals } from './planRequest';

/** Relative slack of a budget: a decimal, a product and a sum are each off by ε/2 (see `FactorPair`). */
const SLACK = 8 * Number.EPSILON;

/** Partial sums for one allocation: some milliseconds. */
const WORK = 40_000;

/** Halvings of a level; a double has no finer steps in 0 … 1. */
const MAX_BISECTIONS = 53;

/** Those of a point of a curve: more than a screen shows. */
const CURVE_BISECTIONS = 24;

/** Settings of options that are kept: going back and forth between two methods or multiples builds nothing anew. */
const KEPT_SETTINGS = 4;

export class Planner {
  private readonly prepared: readonly PreparedLayer[];
  private readonly kept = new Map<string, ReadonlyMap<PreparedLayer, LayerOptions>>();
  private readonly items = new WeakMap<LayerOptions, Map<string, KnapsackItem>>();
  private readonly whole: { readonly bytes: number; readonly parameters: number };

  constructor(
    layers: readonly PlanLayer[],
    readonly rest: PlanRest,
  ) {
    this.prepared = layers.map(preparedLayer);
    this.whole = this.prepared.reduce(
      (sum, { dense }) => ({ bytes: sum.bytes + dense.bytes, parameters: sum.parameters + dense.parameters }),
      rest,
    );
  }

  /**
   * @throws RangeError for a target outside 0 … 1, a pattern that is no regular expression, an adapter without a rank, or a
   *   method whose error σ does not tell, if the allocation goes by errors
   */
  allocate(request: PlanRequest): AllocatedPlan {
    assertRequest(request);
    const standing = standings(this.prepared, request);
    if (request.pinned && !request.rebalance) {
      const { pinned: _, ...unpinned } = request;
      const { layers } = this.allocate(unpinned);
      const plans = standing.map((own, l) =>
        own.kind === 'pinned' ? own.plan : layers[this.prepared[l]!.layer.name]!,
      );
      return this.finished(request, standing, plans);
    }
    if (layerMethod(request.method.method).stores === 'adapter') return this.adapters(request, standing);
    const { layers, places } = this.participants(standing, request);
    const fixed = this.fixed(standing, request);
    const solution = solve(this.problem(layers, fixed, request));
    const plans = standing.map((own): LayerPlan =>
      own.kind === 'pinned' ? own.plan : { keep: 'dense', why: whyDense(own) },
    );
    places.forEach((place, l) => {
      plans[place] = planOf(request.method, layers[l]!, solution.chosen[l]!);
    });
    return this.finished(request, standing, plans, solution.gap);
  }

  /**
   * Size against error for budgets from the least that is possible to the whole model.
   *
   * @param request of its target the kind is read: what the curve counts
   * @returns in order of size; fewer points if several budgets give the same plan, none if errors are not known
   */
  curve(request: PlanRequest, points: number): CurvePoint[] {
    const kind = request.target.kind === 'parameters' ? 'parameters' : 'size';
    const asked: PlanRequest = { ...request, target: { kind, value: 1 } };
    assertRequest(asked);
    if (layerMethod(request.method.method).stores === 'adapter') return [];
    const standing = standings(this.prepared, asked);
    const { layers } = this.participants(standing, asked);
    const fixed = this.fixed(standing, asked);
    const problem = this.problem(layers, fixed, asked);
    const unit = unitOf(asked.target);
    const least = costOf(layers, new Uint32Array(layers.length));
    const most = layers.reduce((sum, { options }) => sum + options.cost.at(-1)!, 0);
    const energy = problem.weights.reduce((sum, weight) => sum + weight, fixed.energy);
    const choices = curveChoices(problem);
    const found: CurvePoint[] = [];
    for (let i = 0; i < points; i++) {
      const cap = (least + ((most - least) * i) / Math.max(1, points - 1)) * (1 + SLACK);
      const chosen = choices(cap);
      const share = (this.rest[unit] + fixed[unit] + costOf(layers, chosen)) / (this.whole[unit] || 1);
      const lost = lostOf(layers, problem.weights, chosen) + fixed.lost;
      const error = energy === 0 ? 0 : Math.sqrt(lost / energy);
      if (!Number.isNaN(error) && found.at(-1)?.share !== share) found.push({ share, error });
    }
    return found;
  }

  private problem(layers: readonly FamilyLayer[], fixed: Fixed, request: PlanRequest): Problem {
    const weights = layers.map(({ prepared }) => (request.relative ? 1 : prepared.energy));
    const { target } = request;
    const unit = unitOf(target);
    const energy = weights.reduce((sum, weight) => sum + weight, fixed.energy);
    const cap =
      target.kind === 'error'
        ? target.value ** 2 * energy * (1 + SLACK) - fixed.lost
        : target.value * this.whole[unit] * (1 + SLACK) - this.rest[unit] - fixed[unit];
    const items = (): KnapsackItem[] =>
      layers.map(({ options }, l) => this.item(options, weights[l]!, target.kind === 'error'));
    return { layers, weights, request, cap, items };
  }

  private item(options: LayerOptions, weight: number, capsError: boolean): KnapsackItem {
    const key = `${weight} ${capsError}`;
    const known = this.items.get(options) ?? new Map<string, KnapsackItem>();
    this.items.set(options, known);
    let item = known.get(key);
    if (!item) {
      const error = options.lost.map((lost) => lost * weight);
      item = capsError ? knapsackItem(error.reverse(), options.cost.toReversed()) : knapsackItem(options.cost, error);
      known.set(key, item);
    }
    return item;
  }

  /** The layers that are decided about, and their places among all. */
  private participants(
    standing: readonly Standing[],
    { method, multiple, target }: PlanRequest,
  ): { layers: FamilyLayer[]; places: number[] } {
    const places = standing.flatMap((own, l) => (own.kind === 'takes part' ? [l] : []));
    const unit = unitOf(target);
    const options = this.optionsOf(method, multiple, unit);
    const layers = places.map((place) => {
      const prepared = this.prepared[place]!;
      return { prepared, options: options.get(prepared)! };
    });
    return { layers, places };
  }

  private optionsOf(method: LayerChoice, multiple: number, unit: Unit): ReadonlyMap<PreparedLayer, LayerOptions> {
    const { rank: _, ...choice } = method;
    const key = JSON.stringify([choice, multiple, unit]);
    let found = this.kept.get(key);
    if (!found) {
      found = new Map(this.prepared.map((each) => [each, layerOptions(each, choice, multiple, unit)]));
      if (this.kept.size >= KEPT_SETTINGS) this.kept.delete(this.kept.keys().next().value!);
      this.kept.set(key, found);
    }
    return found;
  }

  /** What the layers take and lose that the allocation does not decide about. */
  private fixed(standing: readonly Standing[], request: PlanRequest): Fixed {
    const rows = standing.flatMap((own, l) => {
      if (own.kind === 'takes part') return [];
      const prepared = this.prepared[l]!;
      const plan: LayerPlan = own.kind === 'pinned' ? own.plan : { keep: 'dense', why: '' };
      const row = planRow(prepared, plan, own);
      const weight = own.kind === 'pinned' && row.error !== null ? (request.relative ? 1 : prepared.energy) : 0;
      return [{ row, weight }];
    });
    return rows.reduce(
      (sum, { row, weight }) => ({
        bytes: sum.bytes + row.bytes.after,
        parameters: sum.parameters + row.parameters.after,
        energy: sum.energy + weight,
        lost: sum.lost + weight * (row.error ?? 0) ** 2,
      }),
      { bytes: 0, parameters: 0, energy: 0, lost: 0 },
    );
  }

  /** Adapters are added to what is there: a person says their rank, and no target decides about them. */
  private adapters(request: PlanRequest, standing: readonly Standing[]): AllocatedPlan {
    const plans = standing.map((own, l): LayerPlan => {
      if (own.kind === 'pinned') return own.plan;
      if (own.kind !== 'takes part') return { keep: 'dense', why: whyDense(own) };
      const { rank, ...choice } = request.method;
      const most = largestRank(choice, this.prepared[l]!.layer);
      return { ...choice, rank: Math.min(rank!, most) };
    });
    const { why: _, ...made } = this.finished(request, standing, plans);
    return { ...made, feasible: true };
  }

  private finished(
    request: PlanRequest,
    standing: readonly Standing[],
    plans: readonly LayerPlan[],
    gap?: number,
  ): AllocatedPlan {
    const rows = plans.map((plan, l) => planRow(this.prepared[l]!, plan, standing[l]!));
    const totals = planTotals(rows, this.prepared, standing, this.rest, request.relative ?? false);
    const reached = reachedOf(request.target, totals);
    const feasible = reached !== null && reached <= request.target.value * (1 + SLACK);
    const missing = rows.filter((_, l) => standing[l]!.kind === 'missing').map(({ name }) => name);
    return {
      layers: Object.fromEntries(rows.map(({ name, plan }) => [name, plan])),
      rows,
      totals,
      feasible,
      reached,
      ...(!feasible && { why: whyNot(request, reached, missing.length) }),
      missing,
      ...(gap !== undefined && { gap }),
    };
  }
}

/** @param rest what the checkpoint holds beside these layers */
export function preparePlan(layers: readonly PlanLayer[], rest: PlanRest): Planner {
  return new Planner(layers, rest);
}

interface Fixed {
  readonly bytes: number;
  readonly parameters: number;
  readonly energy: number;
  readonly lost: number;
}

interface Problem {
  readonly layers: readonly FamilyLayer[];
  /** From shares that are lost to what is minimised. */
  readonly weights: readonly number[];
  readonly request: PlanRequest;
  /** Of the cost of these layers, or of their squared error. */
  readonly cap: number;
  readonly items: () => KnapsackItem[];
}

function unitOf(target: PlanTarget): Unit {
  return target.kind === 'size' ? 'bytes' : 'parameters';
}

function solve(problem: Problem): { chosen: Uint32Array; gap?: number } {
  const { layers, request, cap } = problem;
  const { kind } = request.target;
  if (request.allocation !== 'optimal') return { chosen: level(problem, family(layers, request), MAX_BISECTIONS) };
  const solution = solveKnapsack(problem.items(), cap, WORK);
  if (!solution) {
    // Nothing meets the target: the least cost, or the least error.
    return { chosen: Uint32Array.from(layers, ({ options }) => (kind === 'error' ? options.ranks.length - 1 : 0)) };
  }
  const { chosen } = solution;
  if (kind !== 'error') return { chosen, gap: solution.minimised - solution.bound };
  return { chosen: chosen.map((index, l) => layers[l]!.options.ranks.length - 1 - index) };
}

/** From a budget to the choices of a curve's point. */
function curveChoices(problem: Problem): (cap: number) => Uint32Array {
  const { layers, request } = problem;
  if (request.allocation === 'optimal') {
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

function costOf(layers: readonly FamilyLayer[], chosen: Uint32Array): number {
  let sum = 0;
  for (let l = 0; l < layers.length; l++) sum += layers[l]!.options.cost[chosen[l]!]!;
  return sum;
}

function lostOf(layers: readonly FamilyLayer[], weights: readonly number[], chosen: Uint32Array): number {
  return layers.reduce((sum, { options }, l) => sum + weights[l]! * options.lost[chosen[l]!]!, 0);
}

function planOf(method: LayerChoice, { options }: FamilyLayer, index: number): LayerPlan {
  const rank = options.ranks[index]!;
  const { rank: _, ...choice } = method;
  if (rank === DENSE) {
    const why = options.ranks.length === 1 ? 'no rank is smaller than the layer itself' : 'is best kept whole';
    return { keep: 'dense', why };
  }
  return rank === 0 ? choice : { ...choice, rank };
}

function whyDense(standing: Standing): string {
  return standing.kind === 'left out' || standing.kind === 'missing' ? standing.why : '';
}

function reachedOf({ kind }: PlanTarget, { bytes, parameters, error }: PlanTotals): number | null {
  if (kind === 'error') return error;
  const { before, after } = kind === 'size' ? bytes : parameters;
  return before === 0 ? 1 : after / before;
}

function whyNot({ target }: PlanRequest, reached: number | null, missing: number): string {
  const inspected = missing === 0 ? '' : `; ${missing} of the layers were not inspected`;
  if (reached === null) return `the error is not known before it is run${inspected}`;
  const shown = Number((100 * reached).toPrecision(3));
  return target.kind === 'error'
    ? `the error of these layers is ${shown} % at least${inspected}`
    : `the ${target.kind === 'size' ? 'size' : 'share of parameters'} is ${shown} % at least with these layers and this method${inspected}`;
}

function assertRequest({ target, method, allocation }: PlanRequest): void {
  const { kind, value } = target;
  if (!(value >= 0 && value <= 1)) throw new RangeError(`a target of ${value} is not within 0 and 1`);
  const { stores, rank } = layerMethod(method.method);
  if (stores === 'adapter') {
    if (method.rank === undefined) {
      throw new RangeError(`${method.method} makes an adapter, whose rank no target decides: give it a rank`);
    }
    return;
  }
  if (method.method === 'tensor-train' && (kind === 'error' || allocation === 'optimal' || allocation === 'welore')) {
    throw new RangeError(
      'the error of tensor-train is not known before it is run: choose a size or parameters, and uniform or an alpha',
    );
  }
  if (
    rank === undefined &&
    (allocation === 'welore' || allocation === 'farms-alpha' || allocation === 'alphapruning')
  ) {
    throw new RangeError(`${method.method} has no rank that ${allocation} could share out: choose optimal or uniform`);
  }
}
