/**
 * The choices that an allocation has for one layer: ranks of one method, and staying dense, with what each costs and
 * loses. Built once for a set of settings; every allocation and every position of a slider reads them.
 */
import { DEFAULT_OPTIONS } from '../../shared/compression/methodOptions';
import type { LayerChoice, PlanLayer } from '../../shared/compression/plans';
import { EnergyShares } from '../../shared/ranks/energyShares';
import { errorShare, errorShares } from './errorModel';
import { choiceCost, denseBytes, denseCost, largestRank, rankCost, smallestRank, type Cost } from './methodCosts';

/** What a budget counts. */
export type Unit = 'parameters' | 'bytes';

/** A layer with what all allocations ask of it. */
export interface PreparedLayer {
  readonly layer: PlanLayer;
  /** Where it stays dense in a saved model. */
  readonly dense: Cost;
  /** Absent if the layer was not inspected. */
  readonly shares?: EnergyShares;
  /** Descending; absent with `shares`. */
  readonly singularValues?: Float64Array;
  /** ‖W‖_F²; 0 if the layer was not inspected. */
  readonly energy: number;
  /** Of W·L, and ‖W·L‖_F² = ‖WX‖_F²; absent and 0 if it is not known. */
  readonly outputShares?: EnergyShares;
  readonly outputEnergy: number;
}

/** What an allocation minimises the error of. */
export type Goal = 'weights' | 'outputs';

export function energyOf({ energy, outputEnergy }: PreparedLayer, goal: Goal): number {
  return goal === 'outputs' ? outputEnergy : energy;
}

/** Stands in a list of ranks for staying dense. */
export const DENSE = -1;

/** In order of cost, which rises strictly; the error falls. The last is to stay dense. */
export interface LayerOptions {
  /** 0 for a method that has none, `DENSE` for none of the method. */
  readonly ranks: Int32Array;
  readonly cost: Float64Array;
  /** ‖W − Ŵ‖_F²/‖W‖_F² of each, or the same of the outputs; NaN where it is not known. */
  readonly lost: Float64Array;
}

export function isCounted({ layer }: Pick<PreparedLayer, 'layer'>): boolean {
  return layer.uncounted !== true;
}

export function preparedLayer(layer: PlanLayer): PreparedLayer {
  const dense = denseCost(layer, denseBytes(layer));
  const outputs = layer.gramEigenvalues && new EnergyShares(layer.gramEigenvalues);
  const ofOutputs = { ...(outputs && { outputShares: outputs }), outputEnergy: outputs ? total(outputs) : 0 };
  if (!layer.eigenvalues) return { layer, dense, energy: 0, ...ofOutputs };
  const shares = new EnergyShares(layer.eigenvalues);
  const singularValues = shares.eigenvalues.map(Math.sqrt);
  return { layer, dense, shares, singularValues, energy: total(shares), ...ofOutputs };
}

/** From the smallest up, so that small λ keep their digits. */
function total({ eigenvalues }: EnergyShares): number {
  return eigenvalues.reduceRight((sum, value) => sum + value, 0);
}

/**
 * Some choices of several methods, and the dense layer: those that cost less than it, without any that costs more than
 * another and loses no less.
 *
 * @returns `choices` beside the options; undefined stands for dense
 */
export function chosenOptions(
  { layer, dense, shares }: PreparedLayer,
  choices: readonly LayerChoice[],
  unit: Unit,
): { options: LayerOptions; choices: (LayerChoice | undefined)[] } {
  interface Chosen {
    choice: LayerChoice | undefined;
    cost: number;
    lost: number;
  }
  const all = choices.map((choice): Chosen => ({
    choice,
    cost: choiceCost(choice, layer, dense)[unit],
    lost: errorShare(choice, layer, shares),
  }));
  const known = all.filter(({ cost, lost }) => cost < dense[unit] && lost < 1);
  known.push({ choice: undefined, cost: dense[unit], lost: 0 });
  known.sort((a, b) => a.cost - b.cost || a.lost - b.lost);
  let least = Infinity;
  const kept = known.filter(({ lost }) => {
    if (lost >= least) return false;
    least = lost;
    return true;
  });
  return {
    options: {
      ranks: Int32Array.from(kept, ({ choice }) => (choice ? (choice.rank ?? 0) : DENSE)),
      cost: Float64Array.from(kept, ({ cost }) => cost),
      lost: Float64Array.from(kept, ({ lost }) => lost),
    },
    choices: kept.map(({ choice }) => choice),
  };
}

/**
 * Ranks in steps of `multiple` that cost less than the dense layer, and the dense layer. A rank that reaches break-even is
 * no option: the layer itself costs no more and loses nothing.
 *
 * @param choice its rank is not read, unless the method has none
 * @param goal whose error `lost` is: for `outputs` what is cut of σ of W·L, which `svd-llm` loses and no rank less
 */
export function layerOptions(
  { layer, dense, shares, outputShares }: PreparedLayer,
  choice: LayerChoice,
  multiple: number,
  unit: Unit,
  goal: Goal,
): LayerOptions {
  const most = largestRank(choice, layer);
  const ranks: number[] = [];
  const cost: number[] = [];
  const lost: number[] = [];
  const add = (rank: number, price: number, loss: number): void => {
    // Of two that cost the same the later one keeps more.
    if (cost.length > 0 && price <= cost.at(-1)!) [ranks, cost, lost].forEach((list) => list.pop());
    ranks.push(rank);
    cost.push(price);
    lost.push(loss);
  };
  const { method, rank: _, ...given } = choice;
  const options = { ...DEFAULT_OPTIONS, ...given };
  const share =
    goal === 'outputs' ? (rank: number) => outputShares?.lost(rank) ?? NaN : errorShares(choice, layer, shares);
  const first = most === 0 ? 0 : Math.ceil(smallestRank(choice) / multiple) * multiple;
  for (let rank = first; rank <= most; rank += multiple) {
    const price = rankCost(method, rank, options, layer, dense)[unit];
    if (price >= dense[unit]) break;
    add(rank, price, share(rank));
  }
  add(DENSE, dense[unit], 0);
  return { ranks: Int32Array.from(ranks), cost: Float64Array.from(cost), lost: Float64Array.from(lost) };
}
