/** The layers that a plan is made of, and the plan that follows from what a person asks. */
import { denseBytes } from '../../extension/compression/plan/methodCosts';
import { preparePlan, type Planner } from '../../extension/compression/plan/planner';
import type { AllocatedPlan, CurvePoint, PlanRequest, PlanRest } from '../../extension/compression/plan/planRequest';
import type { Assignment } from '../../extension/shared/compression/assignments';
import {
  ALLOCATIONS,
  type Allocation,
  type LayerChoice,
  type PlanLayer,
} from '../../extension/shared/compression/plans';
import { choiceAtShare, type MethodChoice } from './choiceAtShare';
import type { OutOfReach } from './planInputs';
import type { PlanSettings } from './planSettings';

/** Allocations that answer within a frame; the ILP is the engine's. */
export type QuickAllocation = PlanRequest['allocation'];

export const QUICK_ALLOCATIONS = ALLOCATIONS.filter((each): each is QuickAllocation => each !== 'ilp');

let nextVersion = 0;

/** A plan, or why none can be made of what is asked. */
export type Planned = { readonly plan: AllocatedPlan } | { readonly problem: string };

export class PlanLayers {
  private readonly planner: Planner;
  private readonly byName: ReadonlyMap<string, PlanLayer>;
  /** Tells layers apart that are known better from those before. */
  readonly version = nextVersion++;

  constructor(
    readonly layers: readonly PlanLayer[],
    rest: PlanRest,
  ) {
    this.planner = preparePlan(layers, rest);
    this.byName = new Map(layers.map((layer) => [layer.name, layer]));
  }

  layer(name: string): PlanLayer | undefined {
    return this.byName.get(name);
  }

  /** @param out what the allocation does not decide about */
  plan(settings: PlanSettings, out: OutOfReach): Planned {
    try {
      return { plan: this.planner.allocate({ ...requestOf(settings), ...out }) };
    } catch (error) {
      // What cannot be asked together is said so; anything else is ours.
      if (!(error instanceof RangeError)) throw error;
      return { problem: error.message };
    }
  }

  /** The line of one allocation; empty where it cannot be asked with the rest. */
  curve(settings: PlanSettings, allocation: Allocation, points: number, out: OutOfReach): readonly CurvePoint[] {
    try {
      return this.planner.curve({ ...requestOf({ ...settings, allocation }), ...out }, points);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return [];
    }
  }

  /**
   * Rows and totals of a plan that was made elsewhere: by the engine, or before.
   *
   * @param layers those that are not named stay dense
   */
  described(
    settings: PlanSettings,
    out: OutOfReach,
    { layers, gap }: Pick<Assignment, 'layers' | 'gap'>,
  ): AllocatedPlan {
    const { allocation } = settings;
    const request = {
      ...requestOf({ ...settings, allocation: allocation === 'ilp' ? 'optimal' : allocation }),
      ...out,
    };
    return this.planner.described(request, layers, gap ?? undefined);
  }

  /** A choice for a layer that costs about this share of it: where a row begins that a person sets by hand. */
  proposal(name: string, choice: MethodChoice, share: number): LayerChoice {
    const layer = this.byName.get(name);
    return layer ? choiceAtShare(choice, layer, denseBytes(layer), share) : choice;
  }
}

function requestOf({ allocation, ...settings }: PlanSettings): PlanRequest {
  if (allocation === 'ilp') throw new RangeError('the integer programme is solved by the engine');
  return { ...settings, allocation };
}
