/** Groups of a checkpoint that a plan makes smaller by one share. @see compressGroup */
import { CompressionError } from '../../compression/compressionError';
import { groupsIn, type BlockGroup } from '../../compression/groups/findGroups';
import { GROUP_KINDS } from '../../compression/groups/reduceGroup';
import type { GroupMethodName, GroupPlan } from '../../shared/compression/plans';
import type { StatisticsSummary } from '../../shared/compression/statistics';
import type { EngineDocument } from '../document/engineDocument';
import { EngineError } from '../layer/engineLayer';
import { foundGroup } from './compressGroup';

export interface GroupShare {
  readonly method: GroupMethodName;
  /** Of the channels of an MLP, or of the dimensions of a head, that stay: between 0 and 1. */
  readonly share: number;
}

export interface PlannedGroups {
  readonly groups: Readonly<Record<string, GroupPlan>>;
  /** From the names of the tensors that they change to the group's name. */
  readonly members: ReadonlyMap<string, string>;
  /** Groups that the method does not fit, and why. */
  readonly left: readonly { readonly name: string; readonly why: string }[];
}

/**
 * @param multiple channels that stay are a multiple of this, rounded down; dimensions of a head are even
 * @param statistics that the plan will be run with, if they are known: groups without a Gram matrix are left
 * @throws RangeError in a sentence for people, if no group is left for one of the methods, or two methods want the same one
 */
export function plannedGroups(
  document: EngineDocument,
  shares: readonly GroupShare[],
  multiple: number,
  statistics: StatisticsSummary | undefined,
): PlannedGroups {
  const groups = new Map<string, GroupPlan>();
  const members = new Map<string, string>();
  const left: { name: string; why: string }[] = [];
  const all = groupsIn(document.checkpoint.tensors);
  for (const { method, share } of shares) {
    const kind = GROUP_KINDS[method];
    const names = all.flatMap((group) => (group.kind === kind ? [group.name] : []));
    const reasons: { name: string; why: string }[] = [];
    for (const name of names) {
      const planned = plannedGroup(document, all, name, method, share, multiple, statistics);
      if ('why' in planned) {
        reasons.push({ name, why: planned.why });
        continue;
      }
      const other = groups.get(name)?.method;
      if (other) throw new RangeError(`${name} cannot become smaller by ${other} and by ${method} in one plan`);
      groups.set(name, planned.plan);
      for (const tensor of planned.tensors) members.set(tensor, name);
    }
    if (reasons.length === names.length) {
      const [first] = reasons;
      const why = first ? `${first.name}: ${first.why}` : `the checkpoint has no ${kind} by its names`;
      throw new RangeError(`no group fits ${method}: ${why}`);
    }
    for (const reason of reasons) left.push(reason);
  }
  return { groups: Object.fromEntries(groups), members, left };
}

function plannedGroup(
  document: EngineDocument,
  all: readonly BlockGroup[],
  name: string,
  method: GroupMethodName,
  share: number,
  multiple: number,
  statistics: StatisticsSummary | undefined,
): { plan: GroupPlan; tensors: string[] } | { why: string } {
  try {
    const { most, measuredAt, members } = foundGroup(document, all, name, { method, rank: 1 }, undefined);
    const covered = statistics?.covered.find(({ layer }) => layer === measuredAt);
    if (statistics && !covered?.has.includes('gram')) {
      return { why: `the statistics have no Gram matrix of the inputs of ${measuredAt}` };
    }
    // Heads are small, and turn in pairs. 0.07 of 100 are 7, though the product is not a whole number in binary.
    const step = method === 'nystrom' ? multiple : 2;
    const rank = Math.max(Math.floor((share * most) / step + 1e-9) * step, step);
    if (rank >= most) return { why: `${share} of ${most}, in steps of ${step}, is all of it` };
    return { plan: { method, rank }, tensors: members.map(({ tensor }) => tensor.name) };
  } catch (error) {
    if (!(error instanceof CompressionError || error instanceof EngineError)) throw error;
    return { why: error instanceof CompressionError ? error.reason : error.message };
  }
}
