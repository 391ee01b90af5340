/**
 * Shares a budget among the layers of a model: what the plan view and the terminal ask (science.md §8). Pure. What does not
 * depend on the request is made once, so that a slider is answered within a frame.
 */
import { layerMethod } from '../../shared/compression/methodTable';
import type { LayerChoice, LayerPlan, PlanLayer, PlanTarget } from '../../shared/compression/plans';
import { assertRequest, assertTarget } from './assertRequest';
import type { FamilyLayer } from './families';
import { knapsackItem, type KnapsackItem } from './knapsackItem';
import {
  chosenOptions,
  DENSE,
  energyOf,
  isCounted,
  layerOptions,
  preparedLayer,
  type Goal,
  type LayerOptions,
  type PreparedLayer,
  type Unit,
} from './layerOptions';
import { largestRank } from './methodCosts';
import { planRow, planTotals } from './planRows';
import { costOf, curveChoices, lostOf, solve, type Problem } from './solutions';
import { standings, type Standing } from './participation';
import type { AllocatedPlan, CurvePoint, PlanRequest, PlanRest, PlanTotals } from './planRequest';

const BEST_WHOLE = 'is best kept whole';
const NO_RANK_IS_SMALLER = 'no rank is smaller than the layer itself';

/** Relative slack of a budget: a decimal, a product and a sum are each off by ε/2 (see `FactorPair`). */
const SLACK = 8 * Number.EPSILON;

/** Settings of options that are kept: going back and forth between two methods or multiples builds nothing anew. */
const KEPT_SETTINGS = 4;

export class Planner {
  private readonly prepared: readonly PreparedLayer[];
  private readonly kept = new Map<string, ReadonlyMap<PreparedLayer, LayerOptions>>();
  private readonly items = new WeakMap<LayerOptions, Map<string, KnapsackItem>>();
  /** As the checkpoint stores it. */
  private readonly whole: { readonly bytes: number; readonly parameters: number };
  /** `rest` in a saved model. */
  private readonly restAfter: { readonly bytes: number; readonly parameters: number };

  constructor(
    layers: readonly PlanLayer[],
    readonly rest: PlanRest,
  ) {
    this.prepared = layers.map(preparedLayer);
    this.restAfter = { bytes: rest.savedBytes ?? rest.bytes, parameters: rest.parameters };
    this.whole = this.prepared.filter(isCounted).reduce(
      (sum, { layer, dense }) => ({
        bytes: sum.bytes + layer.storedBytes,
        parameters: sum.parameters + dense.parameters,
      }),
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
    if (standsAlone(request)) {
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
   * Rows and totals of a plan that was made elsewhere: loaded from a file, or by integer programming.
   *
   * @param layers those that are not named stay dense
   * @param gap as in `AllocatedPlan`
   */
  described(request: PlanRequest, layers: Readonly<Record<string, LayerPlan>>, gap?: number): AllocatedPlan {
    const standing = standings(this.prepared, request);
    const plans = this.prepared.map(({ layer: { name } }, l): LayerPlan => {
      const own = Object.hasOwn(layers, name) ? layers[name] : undefined;
      return own ?? { keep: 'dense', why: whyDense(standing[l]!) };
    });
    return this.finished(request, standing, plans, gap);
  }

  /**
   * The problem of giving each layer one of a few choices, or of leaving it dense.
   *
   * @param choicesOf a layer; choices whose error is not known are left out
   * @throws RangeError as `allocate`
   */
  assignment(request: PlanRequest, choicesOf: (layer: PlanLayer) => readonly LayerChoice[]): PlannedAssignment {
    assertTarget(request.target);
    const standing = standings(this.prepared, request);
    const unit = unitOf(request.target);
    const places = standing.flatMap((own, l) => (own.kind === 'takes part' ? [l] : []));
    const layers = places.map((place) => {
      const prepared = this.prepared[place]!;
      return { prepared, ...chosenOptions(prepared, choicesOf(prepared.layer), unit) };
    });
    const { cap, weights } = this.problem(layers, this.fixed(standing, request), request);
    const capsError = request.target.kind === 'error';
    return {
      cap,
      layers: layers.map(({ prepared, options: { cost, lost }, choices }, l) => {
        const error = lost.map((share) => share * weights[l]!);
        const plans = choices.map((choice): LayerPlan => choice ?? { keep: 'dense', why: BEST_WHOLE });
        return {
          name: prepared.layer.name,
          capped: capsError ? error.reverse() : cost,
          minimised: capsError ? cost.toReversed() : error,
          plans: capsError ? plans.reverse() : plans,
        };
      }),
    };
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
    // The line shows errors of weights, whatever the allocation minimises.
    const shown =
      goalOf(asked) === 'weights'
        ? problem
        : this.problem(this.participants(standing, asked, 'weights').layers, fixed, asked, 'weights');
    const unit = unitOf(asked.target);
    const least = costOf(layers, new Uint32Array(layers.length));
    const most = layers.reduce((sum, { options }) => sum + options.cost.at(-1)!, 0);
    const energy = shown.weights.reduce((sum, weight) => sum + weight, fixed.energy);
    const choices = curveChoices(problem);
    const found: CurvePoint[] = [];
    for (let i = 0; i < points; i++) {
      const cap = (least + ((most - least) * i) / Math.max(1, points - 1)) * (1 + SLACK);
      const chosen = choices(cap);
      const share = (this.restAfter[unit] + fixed[unit] + costOf(layers, chosen)) / (this.whole[unit] || 1);
      const lost = lostOf(shown.layers, shown.weights, chosen) + fixed.lost;
      const error = energy === 0 ? 0 : Math.sqrt(lost / energy);
      if (!Number.isNaN(error) && found.at(-1)?.share !== share) found.push({ share, error });
    }
    return found;
  }

  private problem(layers: readonly FamilyLayer[], fixed: Fixed, request: PlanRequest, goal = goalOf(request)): Problem {
    const weights = layers.map(({ prepared }) => (request.relative ? 1 : energyOf(prepared, goal)));
    const { target } = request;
    const unit = unitOf(target);
    const energy = weights.reduce((sum, weight) => sum + weight, fixed.energy);
    const cap =
      target.kind === 'error'
        ? target.value ** 2 * energy * (1 + SLACK) - fixed.lost
        : target.value * this.whole[unit] * (1 + SLACK) - this.restAfter[unit] - fixed[unit];
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
    { allocation, method, multiple, target }: PlanRequest,
    goal = goalOf({ allocation }),
  ): { layers: FamilyLayer[]; places: number[] } {
    const places = standing.flatMap((own, l) => (own.kind === 'takes part' ? [l] : []));
    const unit = unitOf(target);
    const options = this.optionsOf(method, multiple, unit, goal);
    const layers = places.map((place) => {
      const prepared = this.prepared[place]!;
      return { prepared, options: options.get(prepared)! };
    });
    return { layers, places };
  }

  private optionsOf(
    method: LayerChoice,
    multiple: number,
    unit: Unit,
    goal: Goal,
  ): ReadonlyMap<PreparedLayer, LayerOptions> {
    const { rank: _, ...choice } = method;
    const key = JSON.stringify([choice, multiple, unit, goal]);
    let found = this.kept.get(key);
    if (!found) {
      found = new Map(this.prepared.map((each) => [each, layerOptions(each, choice, multiple, unit, goal)]));
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
      if (!isCounted(prepared)) return [];
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
    // Rows that were made elsewhere have reasons of their own.
    const missing = rows.filter(({ plan }, l) => {
      const own = standing[l]!;
      return own.kind === 'missing' && 'keep' in plan && plan.why === own.why;
    });
    return {
      layers: Object.fromEntries(rows.map(({ name, plan }) => [name, plan])),
      rows,
      totals,
      feasible,
      reached,
      ...(!feasible && { why: whyNot(request, reached, missing.length) }),
      missing: missing.map(({ name }) => name),
      ...(gap !== undefined && { gap }),
    };
  }
}

/** @param rest what the checkpoint holds beside these layers */
export function preparePlan(layers: readonly PlanLayer[], rest: PlanRest): Planner {
  return new Planner(layers, rest);
}

/** One of a few plans for each layer: their sums stay within the cap, and another is to be smallest. */
export interface PlannedAssignment {
  readonly cap: number;
  readonly layers: readonly {
    readonly name: string;
    /** Rises. */
    readonly capped: Float64Array;
    /** Falls. */
    readonly minimised: Float64Array;
    readonly plans: readonly LayerPlan[];
  }[];
}

interface Fixed {
  readonly bytes: number;
  readonly parameters: number;
  readonly energy: number;
  readonly lost: number;
}

function goalOf({ allocation }: Pick<PlanRequest, 'allocation'>): Goal {
  return allocation === 'optimal-gram' ? 'outputs' : 'weights';
}

/** An error is met in as few bytes as possible: quantising saves no parameters. */
function unitOf({ kind }: PlanTarget): Unit {
  return kind === 'parameters' ? 'parameters' : 'bytes';
}

function planOf(method: LayerChoice, { options }: FamilyLayer, index: number): LayerPlan {
  const rank = options.ranks[index]!;
  const { rank: _, ...choice } = method;
  if (rank === DENSE) {
    if (options.ranks.length > 1) return { keep: 'dense', why: BEST_WHOLE };
    const ranked = layerMethod(method.method).rank !== undefined;
    return { keep: 'dense', why: ranked ? NO_RANK_IS_SMALLER : 'the method makes it no smaller' };
  }
  return rank === 0 ? choice : { ...choice, rank };
}

/** Rows were set by hand, and the others do not make up for them. */
function standsAlone({ pinned = {}, rebalance }: Pick<PlanRequest, 'pinned' | 'rebalance'>): boolean {
  return Object.keys(pinned).length > 0 && !rebalance;
}

function whyDense(standing: Standing): string {
  return standing.kind === 'left out' || standing.kind === 'missing' ? standing.why : '';
}

function reachedOf({ kind }: PlanTarget, { bytes, parameters, error }: PlanTotals): number | null {
  if (kind === 'error') return error;
  const { before, after } = kind === 'size' ? bytes : parameters;
  return before === 0 ? 1 : after / before;
}

function whyNot({ target, pinned, rebalance }: PlanRequest, reached: number | null, missing: number): string {
  const inspected = missing === 0 ? '' : `; ${missing} of the layers were not inspected`;
  if (reached === null) return `the error is not known before it is run${inspected}`;
  const shown = Number((100 * reached).toPrecision(tellingDigits(reached, target.value)));
  if (standsAlone({ pinned, rebalance })) return `the rows that were set by hand take it to ${shown} %${inspected}`;
  return target.kind === 'error'
    ? `the error of these layers is ${shown} % at least${inspected}`
    : `the ${target.kind === 'size' ? 'size' : 'share of parameters'} is ${shown} % at least with these layers and this method${inspected}`;
}

/** Digits of a share that is not the target's: three, or as many as tell them apart. */
export function tellingDigits(reached: number, target: number): number {
  let digits = 3;
  while (digits < 9 && reached.toPrecision(digits) === target.toPrecision(digits)) digits++;
  return digits;
}
