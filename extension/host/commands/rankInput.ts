/** What a person types for a rank: `64`, an energy `95%` or `0.95`, or a share of the parameters `0.5x`. */
import type { RankRequest } from '../../shared/compressions';

const RANK = /^\d+$/;
const SHARE = /^0?[.,]\d+$/;
const ENERGY = /^(\d+(?:[.,]\d+)?)\s*%$/;
const BUDGET = /^(\d+(?:[.,]\d+)?)\s*[x×]$/i;

/** @returns undefined for anything else, and for numbers out of range */
export function parseRank(text: string): RankRequest | undefined {
  const typed = text.trim();
  if (RANK.test(typed)) return positive(Number(typed)) && { kind: 'rank', rank: Number(typed) };
  // `--energy 0.95` is how the terminal has it.
  if (SHARE.test(typed)) {
    const share = Number(typed.replace(',', '.'));
    return positive(share) && { kind: 'energy', energy: share };
  }
  const energy = numberIn(typed, ENERGY);
  if (energy !== undefined) return energy > 0 && energy <= 100 ? { kind: 'energy', energy: energy / 100 } : undefined;
  const budget = numberIn(typed, BUDGET);
  return budget === undefined ? undefined : positive(budget) && { kind: 'budget', budget };
}

/** The text that `parseRank` reads as this request. */
export function rankText(request: RankRequest): string {
  switch (request.kind) {
    case 'rank':
      return String(request.rank);
    case 'energy':
      return `${Number((100 * request.energy).toPrecision(12))}%`;
    case 'budget':
      return `${request.budget}x`;
  }
}

/** A decimal comma is what half of the world types. */
function numberIn(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits.replace(',', '.'));
}

function positive(value: number): true | undefined {
  return Number.isFinite(value) && value > 0 ? true : undefined;
}
