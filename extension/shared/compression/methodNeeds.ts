/** What methods need beside a layer's matrix, and what is known of each layer: for plans, the page and the terminal. */
import { l10n } from '../language/l10n';
import { layerMethod, type LayerMethodRow, type MethodName } from './methodTable';
import type { CompressionPlan, LayerChoice } from './plans';
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

/** What is known of one layer beside its matrix. */
export interface AtHand {
  readonly has: readonly Has[];
  /** The number of tokens behind the sums is known: without it, a Gram matrix cannot be centred. */
  readonly tokens: boolean;
  /** The same weight of a quantised checkpoint is at hand. */
  readonly quantised: boolean;
}

/** A plan and its run ask the same. */
export function unmetNeeds(method: MethodName, { has, tokens, quantised }: AtHand): Need[] {
  return layerMethod(method).needs.filter((need) => {
    if (need === 'quantised') return !quantised;
    return !MET_BY[need].some((kind) => has.includes(kind)) || (need === 'mean' && !tokens);
  });
}

export function needsStatistics({ method }: Pick<LayerChoice, 'method'>): boolean {
  return layerMethod(method).needs.some((need) => need !== 'quantised');
}

/** Methods that weigh by the Gram matrix of the inputs if there is one, and do without if not. */
const GRAM_IF_GIVEN: ReadonlySet<MethodName> = new Set(['cospadi']);

/** What a run does with the Gram matrix of a layer: reads it, factors it, or takes out the mean and factors the rest. */
export type GramUse = 'read' | 'factored' | 'centred';

export function gramUse({ method }: Pick<LayerChoice, 'method'>): GramUse {
  const { needs } = layerMethod(method);
  if (needs.includes('gram') && needs.includes('mean')) return 'centred';
  return needs.some((need) => need.startsWith('gram')) || GRAM_IF_GIVEN.has(method) ? 'factored' : 'read';
}

/** How a plan's run uses the statistics of the layers that it compresses. @param measured layers at which groups measure */
export function gramUses(layers: CompressionPlan['layers'], measured: readonly string[]): Map<string, GramUse> {
  const own = Object.entries(layers).flatMap(([name, layer]): [string, GramUse][] =>
    'keep' in layer ? [] : [[name, gramUse(layer)]],
  );
  return new Map([...own, ...measured.map((name): [string, GramUse] => [name, 'factored'])]);
}

/** By layer and use: why its statistics cannot be used so, in words that name the array. */
export type RefusedUses = Readonly<Record<string, Readonly<Partial<Record<GramUse, string>>>>>;

export function needsQuantised({ method }: Pick<LayerChoice, 'method'>): boolean {
  return layerMethod(method).needs.some((need) => need === 'quantised');
}

/** True if the plan cannot be run without a file of statistics: groups need the Gram matrix of their inputs. */
export function planNeedsStatistics({ layers, groups = {} }: Pick<CompressionPlan, 'layers' | 'groups'>): boolean {
  const ofLayers = Object.values(layers).some((layer) => !('keep' in layer) && needsStatistics(layer));
  return ofLayers || Object.keys(groups).length > 0;
}

/** What is known of each layer beside its matrix. */
export class KnownOfLayers {
  private readonly covered: ReadonlyMap<string, CoveredLayer>;
  private readonly refused: StatisticsSummary['refused'];

  /**
   * @param statistics null without a file of statistics
   * @param quantised layers that a quantised checkpoint holds; null if it is not known yet, and not asked for
   * @param refusedUses what was found when the statistics were tried
   */
  constructor(
    statistics: Pick<StatisticsSummary, 'covered' | 'refused'> | null,
    private readonly quantised: ReadonlySet<string> | null,
    private readonly refusedUses: RefusedUses = {},
  ) {
    this.covered = new Map(statistics?.covered.map((each) => [each.layer, each]));
    this.refused = statistics?.refused ?? {};
  }

  /** Why a method cannot be run on a layer, in words that follow its name; undefined if it can. */
  lacking(layer: string, method: MethodName): string | undefined {
    // A run reads all that the file has of a layer, whatever the method needs.
    const refused = this.refusal(layer, [method]);
    if (refused !== undefined) return refused;
    const own = this.covered.get(layer);
    const known = { has: own?.has ?? [], tokens: own?.tokens != null, quantised: this.quantised?.has(layer) ?? true };
    const [need] = unmetNeeds(method, known);
    if (need === undefined) return undefined;
    if (need === 'quantised') return l10n.english('is not in the quantised checkpoint');
    if (need === 'mean' && own?.has.includes('mean')) return l10n.english('has no number of tokens in the statistics');
    return own ? l10n.english('has no {0} in the statistics', need) : l10n.english('is not in the statistics');
  }

  /** Why one of the methods cannot use the statistics that there are; undefined if all can. */
  refusal(layer: string, methods: readonly MethodName[]): string | undefined {
    const uses = Object.hasOwn(this.refusedUses, layer) ? this.refusedUses[layer]! : {};
    const found = methods.flatMap((method) => uses[gramUse({ method })] ?? []);
    const refused = Object.hasOwn(this.refused, layer) ? this.refused[layer] : (uses.read ?? found[0]);
    return refused === undefined ? undefined : l10n.english('has statistics that cannot be used: {0}', refused);
  }
}
