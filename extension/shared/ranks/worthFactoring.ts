/**
 * The ranks that are worth proposing: two factors should be smaller than what they replace. Pure; views and the engine
 * ask the same functions.
 */
import { l10n } from '../language/l10n';
import { energyRule } from './energyShares';
import type { LayerResult, RankSuggestion } from '../layers';

/** Shares of the energy that are proposed, the most favoured first. */
export const PROPOSED_ENERGIES = [0.95, 0.9] as const;

/** Two factors that save less than this share are not proposed: two products in place of one cost time of their own. */
export const LEAST_SAVING = 0.1;

/** A rank that somebody may choose, with its cost as two factors. */
export interface RankOffer {
  rank: number;
  /** ‖W − W_k‖_F/‖W‖_F. */
  error: number;
  /** Size of the two factors over that of what they replace. */
  ratio: number;
}

/** True if two factors of this size are a saving. @param ratio their size over that of what they replace */
export function savesEnough(ratio: number): boolean {
  return ratio <= 1 - LEAST_SAVING;
}

/** Why two factors of this size are no saving, in words that follow the rank; undefined where they are one. */
export function whyNoSaving(ratio: number): string | undefined {
  if (savesEnough(ratio)) return undefined;
  if (ratio > 1) {
    return l10n.english('two factors of this rank are larger than what they replace ({0})', percent(ratio));
  }
  return ratio > 0.995
    ? l10n.english('two factors of this rank save nothing')
    : l10n.english('two factors of this rank save only {0}', percent(1 - ratio));
}

export interface Proposal {
  rank: number;
  /** Why no rank is worth its error, in one sentence. The rank is then the one of half of the size. */
  reason?: string;
}

/**
 * What to propose first: the offer that loses least, of those that save enough.
 *
 * @param offers by the share of the energy that they keep, best first
 * @param half the largest rank whose factors have half of the size, or rank 1
 */
export function proposedRank(offers: readonly (RankOffer & { energy: number })[], half: RankOffer): Proposal {
  const worth = offers.find(({ ratio }) => savesEnough(ratio));
  if (worth) return { rank: worth.rank };
  const first = smallestSize(offers) ?? l10n.english('there is no rank to choose');
  const second = savesEnough(half.ratio)
    ? l10n.english(
        'rank {0} ({1} of the size) has an error of {2}',
        half.rank,
        percent(half.ratio),
        percent(half.error),
      )
    : l10n.english('even rank {0} takes {1}', half.rank, percent(half.ratio));
  return { rank: half.rank, reason: l10n.english('Not worth factoring: {0}, and {1}.', first, second) };
}

/** A rank that saves something, with the share of the energy that it keeps; or why there is none, in one sentence. */
export type SuggestedRank = (RankSuggestion & { energy: number; reason?: never }) | { reason: string };

/**
 * What one line says of a layer's ranks: the rank that `proposedRank` would choose.
 *
 * @param ranks the suggestions of a layer's result
 * @returns undefined for a layer without suggestions
 */
export function suggestedRank(ranks: LayerResult['ranks']): SuggestedRank | undefined {
  const offers = PROPOSED_ENERGIES.flatMap((energy) => {
    const found = ranks[energyRule(energy)];
    return found ? [{ ...found, energy }] : [];
  });
  const worth = offers.find(({ ratio }) => savesEnough(ratio));
  const size = smallestSize(offers);
  return worth ?? (size === undefined ? undefined : { reason: l10n.english('Not worth factoring: {0}.', size) });
}

/** How much of its size a layer keeps at the least rank offered. */
function smallestSize(offers: readonly { energy: number; ratio: number }[]): string | undefined {
  const [first, ...others] = offers;
  if (!first) return undefined;
  const { energy, ratio } = others.reduce((least, offer) => (least.ratio <= offer.ratio ? least : offer), first);
  return l10n.english('{0} of the energy takes {1} of the size as two factors', percent(energy), percent(ratio));
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(share >= 0.1 ? 3 : 2))}%`;
}
