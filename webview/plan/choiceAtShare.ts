/** How much of a layer a method keeps at a share of its parameters: where a person begins who sets one layer by hand. */
import { choiceCost, denseCost, largestRank, type LayerSize } from '../../extension/compression/plan/methodCosts';
import { layerMethod } from '../../extension/shared/compression/methodTable';
import type { LayerChoice } from '../../extension/shared/compression/plans';

/** A method with its options; how much a layer keeps is said elsewhere. */
export type MethodChoice = Omit<LayerChoice, 'rank'>;

/** An adapter is added to what is there: no share decides its rank. */
export const ADAPTER_RANK = 16;

/** The largest rank whose parameters are no more than `share` of the layer's, at least 1. */
export function choiceAtShare(choice: MethodChoice, size: LayerSize, storedBytes: number, share: number): LayerChoice {
  const { rank: counted, stores } = layerMethod(choice.method);
  if (counted === undefined) return choice;
  const most = largestRank(choice, size);
  if (stores === 'adapter') return { ...choice, rank: Math.min(ADAPTER_RANK, most) };
  const dense = denseCost(size, storedBytes);
  let [low, high] = [1, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (choiceCost({ ...choice, rank: middle }, size, dense).parameters <= share * dense.parameters) low = middle;
    else high = middle - 1;
  }
  return { ...choice, rank: low };
}
