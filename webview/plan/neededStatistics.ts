/** What a method lacks: the statistics that it needs beside those that are at hand. */
import { layerMethod, type LayerMethodRow, type MethodName } from '../../extension/shared/compression/methodTable';
import type { CoveredLayer, StatisticsSummary } from '../../extension/shared/compression/statistics';

/** Reads after the method's label; undefined if nothing is lacking. */
export type Lacking = (method: MethodName) => string | undefined;

type Need = LayerMethodRow['needs'][number];
type Has = CoveredLayer['has'][number];

const WORDS: Record<Need, string> = {
  fisher: 'Fisher information',
  diagonal: 'mean |x| or an imatrix',
  gram: 'input Grams',
  mean: 'input means',
  'gram|diagonal': 'input Grams or an imatrix',
  quantised: 'a quantised checkpoint of this model',
};

/** Any of these meets the need. */
const MET_BY: Record<Need, readonly Has[]> = {
  fisher: ['fisher'],
  diagonal: ['absMean', 'squareMean'],
  gram: ['gram'],
  mean: ['mean'],
  'gram|diagonal': ['gram', 'absMean', 'squareMean'],
  quantised: [],
};

/** A method can run if some layer is covered; layers that are not stay dense, and the plan says why. */
export function lackingWith(statistics: StatisticsSummary | null): Lacking {
  const has = new Set(statistics?.covered.flatMap((layer) => layer.has) ?? []);
  return (method) => {
    const missing = layerMethod(method).needs.filter((need) => !MET_BY[need].some((kind) => has.has(kind)));
    if (missing.length === 0) return undefined;
    return `needs ${missing.map((need) => WORDS[need]).join(' and ')}`;
  };
}
