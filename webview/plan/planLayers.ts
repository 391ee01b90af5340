/** The layers that a plan is made of, and the plan that follows from what a person asks. */
import { denseBytes } from '../../extension/compression/plan/methodCosts';
import { preparePlan, type Planner } from '../../extension/compression/plan/planner';
import type { AllocatedPlan, CurvePoint, PlanRequest, PlanRest } from '../../extension/compression/plan/planRequest';
import {
  ALLOCATIONS,
  type Allocation,
  type CompressionPlan,
  type LayerChoice,
  type PlanLayer,
} from '../../extension/shared/compression/plans';
import { choiceAtShare, type MethodChoice } from './choiceAtShare';
import { sameLayerPlan, type PlanSettings } from './planSettings';

/** Allocations that answer within a frame; the ILP is the engine's. */
export type QuickAllocation = PlanRequest['allocation'];

export const QUICK_ALLOCATIONS = ALLOCATIONS.filter((each): each is QuickAllocation => each !== 'ilp');

/** A plan, or why none can be made of what is asked. */
export type Planned = { readonly plan: AllocatedPlan } | { readonly problem: string };

export class PlanLayers {
  private readonly planner: Planner;
  private readonly byName: ReadonlyMap<string, PlanLayer>;

  constructor(layers: readonly PlanLayer[], rest: PlanRest) {
    this.planner = preparePlan(layers, rest);
    this.byName = new Map(layers.map((layer) => [layer.name, layer]));
  }

  layer(name: string): PlanLayer | undefined {
    return this.byName.get(name);
  }

  plan(settings: PlanSettings): Planned {
    try {
      return { plan: this.planner.allocate(requestOf(settings)) };
    } catch (error) {
      // What cannot be asked together is said so; anything else is ours.
      if (!(error instanceof RangeError)) throw error;
      return { problem: error.message };
    }
  }

  /** The line of one allocation; empty where it cannot be asked with the rest. */
  curve(settings: PlanSettings, allocation: Allocation, points: number): readonly CurvePoint[] {
    try {
      return this.planner.curve(requestOf({ ...settings, allocation }), points);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return [];
    }
  }

  /**
   * What was asked for a plan that was made before. Rows that another allocation would give, or that were edited in the
   * file, are set by hand: the plan that is shown is the one that was loaded.
   */
  settingsOf({ target, allocation, relative, method, exclude, multiple, layers }: CompressionPlan): PlanSettings {
    const asked = { target, allocation, relative: relative ?? false, method, exclude, multiple };
    const settings: PlanSettings = { ...asked, pinned: {}, rebalance: false };
    const planned = this.plan(settings);
    const ours = 'plan' in planned ? planned.plan.layers : {};
    const pinned = Object.entries(layers).filter(([name, plan]) => {
      const own = ours[name];
      return own === undefined || !sameLayerPlan(own, plan);
    });
    return { ...settings, pinned: Object.fromEntries(pinned) };
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
