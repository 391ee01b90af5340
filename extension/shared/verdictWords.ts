/** What checks of a verdict found, in the reader's language: those with the longest sentences. */
import { l10n } from './language/l10n';

/** @param value eigenvalues above the random bulk, of `n` in the tail */
export function bulkWords(holds: boolean, value: number, n: number, needed: number): string {
  return holds
    ? l10n.many(
        value,
        '{0} of the tail’s {1} eigenvalues is above the random bulk',
        '{0} of the tail’s {1} eigenvalues are above the random bulk',
        value,
        n,
      )
    : l10n.many(
        value,
        'indistinguishable from random: {0} of the tail’s {1} eigenvalues is above the random bulk, and {2} are needed',
        'indistinguishable from random: {0} of the tail’s {1} eigenvalues are above the random bulk, and {2} are needed',
        value,
        n,
        needed,
      );
}

/** @param value eigenvalues above those of the shuffled matrix */
export function shuffledWords(holds: boolean, value: number, needed: number): string {
  return holds
    ? l10n.many(
        value,
        '{0} of its eigenvalues is above those of the shuffled matrix',
        '{0} of its eigenvalues are above those of the shuffled matrix',
        value,
      )
    : l10n.many(
        value,
        'indistinguishable from random: {0} of its eigenvalues is above those of the shuffled matrix, and {1} are needed',
        'indistinguishable from random: {0} of its eigenvalues are above those of the shuffled matrix, and {1} are needed',
        value,
        needed,
      );
}

/** @param alone the eigenvalue that the largest entry makes by itself, beside the largest one, lambda1 */
export function entryWords(holds: boolean, largest: number, alone: number, lambda1: number): string {
  return holds
    ? l10n.t('its largest entry does not make its largest eigenvalue')
    : l10n.t(
        'its largest entry (|w| {0}) makes by itself, in any place, an eigenvalue of {1} where the largest is {2}; only the randomisation test tells whether more was learned',
        largest.toPrecision(3),
        alone.toPrecision(3),
        lambda1.toPrecision(3),
      );
}
