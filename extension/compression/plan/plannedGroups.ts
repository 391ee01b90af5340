/** Groups of a checkpoint that a plan makes smaller by one share for each method. Pure. */
import type { GroupOption, GroupShare } from '../../shared/compression/blockGroups';
import type { GroupPlan } from '../../shared/compression/plans';
import type { StatisticsSummary } from '../../shared/compression/statistics';

export interface PlannedGroups {
  readonly groups: Readonly<Record<string, GroupPlan>>;
  /** Names of the tensors that they change, each with its group and the share of it that stays. */
  readonly members: ReadonlyMap<string, { readonly group: string; readonly plan: GroupPlan; readonly kept: number }>;
  /** Layers whose inputs' Gram matrices a run reads. */
  readonly measured: readonly string[];
  /** Groups that the method does not fit, and why. */
  readonly left: readonly { readonly name: string; readonly why: string }[];
}

/**
 * @param options all groups of the checkpoint
 * @param multiple channels that stay are a multiple of this, rounded down; dimensions of a head are even
 * @param statistics that the plan will be run with, if they are known: groups without a Gram matrix are left
 * @throws RangeError in a sentence for people, if no group is left for one of the methods, or two methods want the same one
 */
export function plannedGroups(
  options: readonly GroupOption[],
  shares: readonly GroupShare[],
  multiple: number,
  statistics: Pick<StatisticsSummary, 'covered'> | undefined,
): PlannedGroups {
  const grams =
    statistics && new Set(statistics.covered.flatMap(({ layer, has }) => (has.includes('gram') ? [layer] : [])));
  const groups = new Map<string, GroupPlan>();
  const members = new Map<string, { group: string; plan: GroupPlan; kept: number }>();
  const left: { name: string; why: string }[] = [];
  const measured: string[] = [];
  for (const given of shares) {
    const { method } = given;
    const own = options.filter((option) => option.method === method);
    const reasons: { name: string; why: string }[] = [];
    for (const option of own) {
      const { name } = option;
      const planned = sharedGroup(option, given, multiple, grams);
      if ('why' in planned) {
        reasons.push({ name, why: planned.why });
        continue;
      }
      const other = groups.get(name)?.method;
      if (other) throw new RangeError(`${name} cannot become smaller by ${other} and by ${method} in one plan`);
      const { plan, most, tensors } = planned;
      groups.set(name, plan);
      measured.push(planned.measuredAt);
      for (const tensor of tensors) members.set(tensor, { group: name, plan, kept: plan.rank / most });
    }
    if (reasons.length === own.length) {
      const [first] = reasons;
      const why = first ? `${first.name}: ${first.why}` : `the checkpoint has none by its names`;
      throw new RangeError(`no group fits ${method}: ${why}`);
    }
    for (const reason of reasons) left.push(reason);
  }
  return { groups: Object.fromEntries(groups), members, measured, left };
}

function sharedGroup(
  option: GroupOption,
  { method, share }: GroupShare,
  multiple: number,
  grams: ReadonlySet<string> | undefined,
): { plan: GroupPlan; most: number; measuredAt: string; tensors: readonly string[] } | { why: string } {
  if ('why' in option) return option;
  const { most, measuredAt, members: tensors } = option;
  if (grams && !grams.has(measuredAt)) {
    return { why: `the statistics have no Gram matrix of the inputs of ${measuredAt}` };
  }
  // Heads are small, and turn in pairs. 0.07 of 100 are 7, though the product is not a whole number in binary.
  const step = method === 'nystrom' ? multiple : 2;
  const rank = Math.max(Math.floor((share * most) / step + 1e-9) * step, step);
  if (rank >= most) return { why: `${share} of ${most}, in steps of ${step}, is all of it` };
  return { plan: { method, rank }, most, measuredAt, tensors };
}

/** For a planner: layers of groups get no method of their own, and count as what stays of them. */
export function leftToGroups({ members }: Pick<PlannedGroups, 'members'>): {
  leftOut: Record<string, string>;
  groupShares: Record<string, number>;
} {
  const all = [...members];
  return {
    leftOut: Object.fromEntries(
      all.map(([name, { plan }]) => [name, `becomes smaller by ${plan.method} in its group`]),
    ),
    groupShares: Object.fromEntries(all.map(([name, { kept }]) => [name, kept])),
  };
}
