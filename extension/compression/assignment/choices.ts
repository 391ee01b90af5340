/** The few choices that an assignment has for a layer: ranks at some shares of its size, or bit widths beside some ranks. */
import type { QuantiserName } from '../../shared/compression/methodOptions';
import { layerMethod } from '../../shared/compression/methodTable';
import type { LayerChoice, PlanLayer } from '../../shared/compression/plans';
import { denseBytes, denseCost, choiceCost, largestRank, smallestRank } from '../plan/methodCosts';

/** Shares of the dense layer that ranks are chosen for. */
const SHARES = [1 / 8, 1 / 4, 1 / 2, 3 / 4];

/** Bit widths about 3, 4 and 8, as LQ-LoRA shares them out. */
const QUANTISERS: readonly QuantiserName[] = ['nf3', 'nf4', 'int8'];

/** Of bipolar integers, which have any width. */
const BITS = [2, 3, 4, 8];

/** Ranks beside a quantised rest: LQ-LoRA's, and a smaller one. */
const RANKS = [16, 64];

/**
 * @param methods what may be chosen; a method that takes a quantiser comes with several unless one is given
 * @param multiple ranks are multiples of this
 * @returns choices that are smaller than the layer; to stay dense is always possible beside them
 */
export function assignmentChoices(layer: PlanLayer, methods: readonly LayerChoice[], multiple: number): LayerChoice[] {
  return methods.flatMap((method) => {
    const { options, rank } = layerMethod(method.method);
    const quantised = options.includes('quantiser');
    const quantisers = quantised && method.quantiser === undefined ? QUANTISERS : [method.quantiser];
    const quantisations = quantisers.flatMap((quantiser): Partial<LayerChoice>[] => {
      if (quantiser === 'bipolar' && method.bits === undefined) return BITS.map((bits) => ({ quantiser, bits }));
      return quantiser ? [{ quantiser }] : [{}];
    });
    return quantisations.flatMap((quantisation) => {
      const choice: LayerChoice = { ...method, ...quantisation };
      if (rank === undefined) return smaller(layer, choice) ? [choice] : [];
      const ranks = quantised
        ? RANKS.map((each) => Math.max(multiple, each - (each % multiple)))
        : sharedRanks(layer, choice, multiple);
      return [...new Set(ranks)]
        .filter((each) => each >= smallestRank(choice) && each <= largestRank(choice, layer))
        .map((each) => ({ ...choice, rank: each }))
        .filter((each) => smaller(layer, each));
    });
  });
}

function smaller(layer: PlanLayer, choice: LayerChoice): boolean {
  const dense = denseCost(layer, denseBytes(layer));
  return choiceCost(choice, layer, dense).bytes < dense.bytes;
}

/** The largest multiples that take no more than these shares of the layer. */
function sharedRanks(layer: PlanLayer, choice: LayerChoice, multiple: number): number[] {
  const dense = denseCost(layer, denseBytes(layer));
  const most = Math.floor(largestRank(choice, layer) / multiple);
  return SHARES.flatMap((share) => {
    let [low, high] = [0, most];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const { bytes } = choiceCost({ ...choice, rank: middle * multiple }, layer, dense);
      if (bytes <= share * dense.bytes) low = middle;
      else high = middle - 1;
    }
    return low > 0 ? [low * multiple] : [];
  });
}
