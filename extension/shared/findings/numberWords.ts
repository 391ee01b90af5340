import { l10n } from '../language/l10n';
import { largestOf, smallestOf } from '../extremes';

/** How findings write their numbers. The page passes its reader's language; reports and terminals take the C locale. */
export interface NumberWords {
  readonly count: (value: number) => string;
  /** Three significant digits. */
  readonly number: (value: number) => string;
}

export const PLAIN_NUMBERS: NumberWords = {
  count: String,
  number: (value) => (Math.abs(value) < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(1)),
};

/** `2.9–3.4`, or one number where both ends read the same. */
export function rangeWords(values: readonly number[], { number }: NumberWords): string {
  const [low, high] = [number(smallestOf(values)), number(largestOf(values))];
  return low === high ? low : `${low}–${high}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : l10n.t('{0} and {1}', words.slice(0, -1).join(', '), words.at(-1)!);
}
