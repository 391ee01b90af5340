/** What plans are made from beside the layers: statistics, a quantised checkpoint, groups. And what follows for layers. */
import { plannedGroups, leftToGroups, type PlannedGroups } from '../../extension/compression/plan/plannedGroups';
import type { PlanRequest } from '../../extension/compression/plan/planRequest';
import type { GroupOption } from '../../extension/shared/compression/blockGroups';
import type { KnownOfLayers } from '../../extension/shared/compression/methodNeeds';
import type { GroupMethodName, GroupPlan, PlanLayer } from '../../extension/shared/compression/plans';
import type { QuantisedSummary } from '../../extension/shared/compression/quantisedCheckpoint';
import type { StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';
import { ownRow, type PlanSettings } from './planSettings';

export interface PlanInputs {
  /** What follows from the statistics and the quantised checkpoint for each layer. */
  readonly known: KnownOfLayers;
  readonly statistics: StatisticsSummary | null;
  readonly quantised: QuantisedSummary | null;
  readonly groups: readonly GroupOption[];
}

/** The groups of a plan; for each method that makes none smaller, why. */
export interface ChosenGroups extends PlannedGroups {
  readonly problems: ReadonlyMap<GroupMethodName, string>;
}

/** Why no group can be made smaller; undefined if some may be. */
export function groupsLack({ statistics, groups }: PlanInputs): string | undefined {
  if (groups.length === 0) return l10n.t('This model has no MLP and no attention that can become smaller as a whole.');
  const grams = statistics?.covered.some(({ has }) => has.includes('gram')) ?? false;
  return grams ? undefined : l10n.t('Needs statistics with the Gram matrices of the inputs.');
}

export function chosenGroups(
  { groups: asked, loadedGroups, multiple, only }: PlanSettings,
  { statistics, groups: all }: PlanInputs,
): ChosenGroups {
  const inReach = only && new Set(only.layers);
  const options = all.filter((each) => 'why' in each || !inReach || each.members.every((name) => inReach.has(name)));
  const groups: Record<string, GroupPlan> = {};
  const members = new Map<string, { group: string; plan: GroupPlan; kept: number }>();
  const left: PlannedGroups['left'][number][] = [];
  const measured: string[] = [];
  const problems = new Map<GroupMethodName, string>();
  for (const share of asked) {
    try {
      const planned = plannedGroups(options, [share], multiple, statistics ?? { covered: [] });
      const twice = Object.keys(planned.groups).find((name) => groups[name] !== undefined);
      if (twice !== undefined) {
        problems.set(share.method, l10n.t('{0} cannot become smaller by two methods in one plan', twice));
        continue;
      }
      Object.assign(groups, planned.groups);
      for (const [name, member] of planned.members) members.set(name, member);
      for (const reason of planned.left) left.push(reason);
      for (const layer of planned.measured) measured.push(layer);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      problems.set(share.method, error.message);
    }
  }
  for (const [group, plan] of Object.entries(loadedGroups)) {
    groups[group] = plan;
    const option = options.find(({ name, method }) => name === group && method === plan.method);
    if (!option || 'why' in option) continue;
    measured.push(option.measuredAt);
    for (const name of option.members) members.set(name, { group, plan, kept: plan.rank / option.most });
  }
  return { groups, members, measured, left, problems };
}

/** What the allocation does not decide about, and what the statistics say of blocks. */
export type OutOfReach = Required<Pick<PlanRequest, 'leftOut' | 'groupShares'>> & Pick<PlanRequest, 'blockInfluence'>;

/** Layers of groups, and those without what the method needs. */
export function outOfReach(
  layers: readonly PlanLayer[],
  settings: PlanSettings,
  { known, statistics }: PlanInputs,
  groups: ChosenGroups,
): OutOfReach {
  const { method, allocation, choices, only } = settings;
  const { leftOut, groupShares } = leftToGroups(groups);
  const chosen = only && new Set(only.layers);
  for (const { name } of layers) {
    if (Object.hasOwn(leftOut, name)) continue;
    if (chosen && !chosen.has(name)) {
      leftOut[name] = l10n.english('is not among the layers chosen in the table');
      continue;
    }
    const own = ownRow(settings, name);
    if (own && 'keep' in own) continue;
    // An ILP asks for each of its choices, and does not know what was found when statistics were tried.
    const why =
      own || allocation !== 'ilp'
        ? known.lacking(name, (own ?? method).method)
        : known.refusal(name, choices.length > 0 ? choices : [method.method]);
    if (why !== undefined) leftOut[name] = why;
  }
  const { blockInfluence } = statistics ?? {};
  return { leftOut, groupShares, ...(blockInfluence && { blockInfluence }) };
}
