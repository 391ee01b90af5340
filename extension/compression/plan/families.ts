/**
 * Allocations with one number for the whole model, which a bisection moves until the target is met: one share of the
 * parameters for all (`uniform`), AlphaPruning's or MoDeGPT's ratios times one scale, WeLore's one threshold.
 */
import { weloreRank } from '../../shared/ranks/welore';
import { unscaledRatios, scaledRatios, DEFAULT_EPSILON } from './alphaRatios';
import { lastWithin } from './knapsackItem';
import { type LayerOptions, type PreparedLayer } from './layerOptions';
import { influenceRatios } from './influenceRatios';
import type { PlanRequest } from './planRequest';

export interface FamilyLayer {
  readonly prepared: PreparedLayer;
  readonly options: LayerOptions;
}

/** Index of each layer's option. `level` is 0 … 1: the more, the more is kept; at 1 all stays dense. */
export type Family = (level: number) => Uint32Array;

/** A matrix that WeLore reduces by no more than this is no low-rank component, and stays dense. */
const WELORE_LEAST_REDUCTION = 0.5;

/** The alpha that an allocation goes by: null where its fit failed, undefined where it was not computed. */
export function alphaOf({ layer }: PreparedLayer, allocation: PlanRequest['allocation']): number | null | undefined {
  const alpha = allocation === 'farms-alpha' ? layer.farmsAlpha : layer.alphaMid;
  return typeof alpha === 'number' && !Number.isFinite(alpha) ? null : alpha;
}

export function family(layers: readonly FamilyLayer[], request: PlanRequest): Family {
  switch (request.allocation) {
    case 'farms-alpha':
    case 'alphapruning':
      return alphaFamily(layers, request);
    case 'welore':
      return weloreFamily(layers);
    case 'block-influence':
      return influenceFamily(layers, request);
    case 'uniform':
    case 'optimal':
    case 'optimal-gram':
      return (level) => Uint32Array.from(layers, ({ options }) => within(options, level));
  }
}

function alphaFamily(layers: readonly FamilyLayer[], request: PlanRequest): Family {
  const { allocation, perBlock = false, epsilon = DEFAULT_EPSILON } = request;
  const parameters = layers.map(({ prepared }) => prepared.dense.parameters);
  const unscaled = unscaledRatios(
    layers.map(({ prepared }, l) => ({
      alpha: alphaOf(prepared, allocation) ?? undefined,
      parameters: parameters[l]!,
      // What is in no block has a ratio of its own.
      ...(perBlock && prepared.layer.block !== '' && { block: prepared.layer.block }),
    })),
    epsilon,
  );
  return ratioFamily(layers, unscaled, parameters);
}

function influenceFamily(layers: readonly FamilyLayer[], { blockInfluence = {}, epsilon }: PlanRequest): Family {
  const parameters = layers.map(({ prepared }) => prepared.dense.parameters);
  const influences = layers.map(({ prepared }) => blockInfluence[prepared.layer.block]!);
  return ratioFamily(layers, influenceRatios(influences, epsilon), parameters);
}

/** @param unscaled how much of each goes, in proportion */
function ratioFamily(layers: readonly FamilyLayer[], unscaled: Float64Array, parameters: readonly number[]): Family {
  return (level) => {
    const ratios = scaledRatios(unscaled, parameters, 1 - level);
    return Uint32Array.from(layers, ({ options }, l) => within(options, 1 - ratios[l]!));
  };
}

/** The most that costs no more than this share of the dense layer; the least there is where nothing does. */
function within({ cost }: LayerOptions, share: number): number {
  return lastWithin(cost, share * cost.at(-1)!);
}

function weloreFamily(layers: readonly FamilyLayer[]): Family {
  return (level) =>
    Uint32Array.from(layers, ({ options, prepared }) => {
      const own = prepared.singularValues!;
      const rank = weloreRank(own, 1 - level);
      const dense = options.ranks.length - 1;
      if (rank >= (1 - WELORE_LEAST_REDUCTION) * own.length) return dense;
      return atMostRank(options, rank);
    });
}

/** The largest rank that is at most this one, or the smallest that there is; dense if there is none. */
function atMostRank({ ranks }: LayerOptions, rank: number): number {
  let [low, high] = [0, Math.max(0, ranks.length - 2)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ranks[middle]! <= rank) low = middle;
    else high = middle - 1;
  }
  return low;
}
