/** What methods need beside a layer's matrix, and what is known of each layer: for plans, the page and the terminal. */
import { layerMethod, type LayerMethodRow, type MethodName } from './methodTable';
import type { CoveredLayer, StatisticsSummary } from './statistics';

export type Need = LayerMethodRow['needs'][number];
type Has = CoveredLayer['has'][number];

/** Any of these meets the need. */
const MET_BY: Record<Exclude<Need, 'quantised'>, readonly Has[]> = {
  fisher: ['fisher'],
  diagonal: ['absMean', 'squareMean'],
  gram: ['gram'],
  mean: ['mean'],
  'gram|diagonal': ['gram', 'absMean', 'squareMean'],
};

/** @param quantised the same weight of a quantised checkpoint is at hand */
export function unmetNeeds(method: MethodName, has: readonly Has[], quantised: boolean): Need[] {
  return layerMethod(method).needs.filter((need) =>
    need === 'quantised' ? !quantised : !MET_BY[need].some((kind) => has.includes(kind)),
  );
}

/** What is known of each layer beside its matrix. */
export class KnownOfLayers {
  private readonly covered: ReadonlyMap<string, readonly Has[]>;

  /**
   * @param statistics null without a file of statistics
   * @param quantised layers that a quantised checkpoint holds; null if it is not known yet, and not asked for
   */
  constructor(
    statistics: Pick<StatisticsSummary, 'covered'> | null,
    private readonly quantised: ReadonlySet<string> | null,
  ) {
    this.covered = new Map(statistics?.covered.map(({ layer, has }) => [layer, has]));
  }

  /** Why a method cannot be run on a layer, in words that follow its name; undefined if it can. */
  lacking(layer: string, method: MethodName): string | undefined {
    const own = this.covered.get(layer);
    const [need] = unmetNeeds(method, own ?? [], this.quantised?.has(layer) ?? true);
    if (need === undefined) return undefined;
    if (need === 'quantised') return 'is not in the quantised checkpoint';
    return own ? `has no ${need} in the statistics` : 'is not in the statistics';
  }
}
