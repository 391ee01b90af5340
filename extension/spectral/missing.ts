/** A number that a spectrum may not have: a metric's, a rank rule's. */
import { l10n } from '../shared/language/l10n';

/** Why there is no number, in words. */
export interface Missing {
  missing: string;
}

export const ALL_ZERO: Missing = { missing: l10n.english('all eigenvalues are zero') };

export function missing(reason: string): Missing {
  return { missing: reason };
}
