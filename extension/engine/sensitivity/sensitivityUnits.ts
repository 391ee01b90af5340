/** Which layers are compressed together, and to which rank: parameters of each layer by the same ratio. Pure. */
import { choiceCost, denseCost } from '../../compression/plan/methodCosts';
import { leastRank, mostRank } from '../../shared/compression/rankLimits';
import { DEFAULT_OPTIONS } from '../../shared/compression/methodOptions';
import { layerMethod, type MethodName } from '../../shared/compression/methodTable';
import type { LayerChoice, PlanLayer } from '../../shared/compression/plans';
import { placeOf } from '../../shared/names/layerPlaces';
import type { SensitivityUnit } from './sensitivityRecords';
import { UsageError } from '../terminal/usageError';

export type GroupedBy = 'layer' | 'role' | 'block';

/**
 * @param layers of the model; those that take no part in plans are left out
 * @param ratio share of a layer's parameters that stays
 * @param aliases other names of layers, which say more of their places
 * @throws UsageError if there is no layer to compress, or if the method has no rank
 */
export function sensitivityUnits(
  layers: readonly PlanLayer[],
  { by, ratio, method, matching }: { by: GroupedBy; ratio: number; method: MethodName; matching?: RegExp },
  aliases: (layer: string) => string | undefined = () => undefined,
): SensitivityUnit[] {
  if (layerMethod(method).rank === undefined || layerMethod(method).stores === 'adapter') {
    throw new UsageError(
      `${method} has no rank that a ratio decides; choose a method of ranks, such as svd or svd-llm`,
    );
  }
  const units = new Map<string, Record<string, LayerChoice>>();
  for (const layer of layers) {
    const { name, leftOut, uncounted } = layer;
    if (leftOut || uncounted || matching?.test(name) === false) continue;
    const place = placeOf(aliases(name) ?? name);
    if (!place) continue;
    const rank = rankFor(layer, method, ratio);
    if (rank === undefined) continue;
    const unit = by === 'layer' ? name : by === 'role' ? place.role : `${place.stack}.${place.numbers.join('.')}`;
    units.set(unit, { ...units.get(unit), [name]: { method, rank } });
  }
  if (units.size === 0) {
    throw new UsageError(
      `no layer of a block can be compressed by ${method}${matching ? ' among those that --layers names' : ''}`,
    );
  }
  return [...units].map(([name, own]) => ({ name, layers: own }));
}

/** The largest rank whose parameters are within the ratio; undefined if even the smallest one is not. */
export function rankFor(layer: PlanLayer, method: MethodName, ratio: number): number | undefined {
  const { outputs, inputs, storedBytes } = layer;
  const dense = denseCost(layer, storedBytes);
  const fits = (rank: number): boolean =>
    choiceCost({ method, rank }, layer, dense).parameters <= ratio * dense.parameters;
  let low = leastRank(method, DEFAULT_OPTIONS);
  if (!fits(low)) return undefined;
  let high = mostRank(method, outputs, inputs, DEFAULT_OPTIONS);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
