/** How much of a layer a method keeps at a share of its parameters: where a person begins who sets one layer by hand. */
import {
  choiceCost,
  denseCost,
  largestRank,
  smallestRank,
  type LayerSize,
} from '../../extension/compression/plan/methodCosts';
import { layerMethod } from '../../extension/shared/compression/methodTable';
import type { LayerChoice } from '../../extension/shared/compression/plans';

/** A method with its options; how much a layer keeps is said elsewhere. */
export type MethodChoice = Omit<LayerChoice, 'rank'>;

/** An adapter is added to what is there: no share decides its rank. */
export const ADAPTER_RANK = 16;

/** The largest rank whose parameters are no more than `share` of the layer's, or the smallest that there is. */
export function choiceAtShare(choice: MethodChoice, size: LayerSize, storedBytes: number, share: number): LayerChoice {
  const { rank: counted, stores } = layerMethod(choice.method);
  if (counted === undefined) return choice;
  const most = largestRank(choice, size);
  if (stores === 'adapter') return { ...choice, rank: Math.min(ADAPTER_RANK, most) };
  const dense = denseCost(size, storedBytes);
  let [low, high] = [rankRange(choice, size).least, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (choiceCost({ ...choice, rank: middle }, size, dense).parameters <= share * dense.parameters) low = middle;
    else high = middle - 1;
  }
  return { ...choice, rank: low };
}

/** The ranks that a choice can have for a layer: dictionaries and chains have others than pairs of factors. */
export function rankRange(choice: MethodChoice, size: LayerSize): { readonly least: number; readonly most: number } {
  const most = largestRank(choice, size);
  return { least: Math.min(smallestRank(choice), most), most };
}

/** The choice with that rank, or the nearest one that it can have. */
export function withRank(choice: MethodChoice, size: LayerSize, rank: number): LayerChoice {
  const { least, most } = rankRange(choice, size);
  return { ...choice, rank: Math.min(most, Math.max(least, Math.round(rank))) };
}
