/** What a layer consists of, in groups that are worth looking at side by side: its heads, its projections, its experts. Pure. */
import { placeOf } from '../../../extension/shared/names/layerPlaces';
import { l10n } from '../../../extension/shared/language/l10n';
import type { PartSummary, TensorSummary } from '../../../extension/shared/tensors';
import type { Member } from '../../plots/multiples/members';

export interface MemberGroup {
  readonly label: string;
  readonly members: readonly Member[];
}

/** @param parts of the layer, each before those that lie in it */
export function partGroups(parts: readonly PartSummary[]): MemberGroup[] {
  const labels = new Set(parts.map(({ label }) => label));
  const isNested = ({ within }: PartSummary): boolean => within !== undefined && labels.has(within);
  const outer = parts.filter((part) => !isNested(part));
  const isHeads = outer.every(({ label }) => /^head\d+$/.test(label));
  const nested = outer.flatMap(({ label }) => {
    const members = parts.filter(({ within }) => within === label);
    return members.length > 0 ? [{ label: l10n.t('Heads of {0}', label), members: members.map(asMember) }] : [];
  });
  const groups = [...nested, { label: isHeads ? l10n.t('Heads') : l10n.t('Parts'), members: outer.map(asMember) }];
  return groups.filter(({ members }) => members.length > 1);
}

/** What a stack of matrices may be by its name. */
const EXPERTS = /expert|moe/i;

/** So many spectra are drawn side by side at most; more are several groups. */
const MOST_MEMBERS = 128;

/** The matrices of the layer's stack, or the experts that have its place in its block; none if it is the only one. */
export function groupsAround(layer: string, tensors: readonly TensorSummary[]): MemberGroup[] {
  const stack = tensors.find(({ layers }) => layers.length > 1 && layers.includes(layer));
  if (!stack) return grouped(l10n.t('Experts'), expertsBeside(layer, tensors));
  const isExpert = EXPERTS.test(stack.name);
  const members = stack.layers.map((name, i) => ({
    name,
    label: isExpert ? l10n.t('expert {0}', i) : l10n.t('matrix {0}', i),
  }));
  return grouped(isExpert ? l10n.t('Experts') : l10n.t('Matrices'), members);
}

function expertsBeside(layer: string, tensors: readonly TensorSummary[]): Member[] {
  const own = placeOf(layer);
  if (own?.expert === undefined) return [];
  // Names that begin otherwise are not looked at: a model may have 10⁵ of them.
  const start = layer.slice(0, layer.lastIndexOf(`.${own.expert}.`) + 1);
  const members: Member[] = [];
  for (const { layers } of tensors) {
    for (const name of layers) {
      const place = name.startsWith(start) ? placeOf(name) : undefined;
      if (place?.expert === undefined || place.stack !== own.stack || place.module !== own.module) continue;
      if (place.numbers.join() === own.numbers.join())
        members.push({ name, label: l10n.t('expert {0}', place.expert) });
    }
  }
  return members;
}

function grouped(label: string, members: readonly Member[]): MemberGroup[] {
  if (members.length < 2) return [];
  if (members.length <= MOST_MEMBERS) return [{ label, members }];
  const groups: MemberGroup[] = [];
  for (let first = 0; first < members.length; first += MOST_MEMBERS) {
    const some = members.slice(first, first + MOST_MEMBERS);
    groups.push({ label: l10n.t('{0}: {1} to {2}', label, some[0]!.label, some.at(-1)!.label), members: some });
  }
  return groups;
}

function asMember({ name, label }: PartSummary): Member {
  return { name, label };
}
