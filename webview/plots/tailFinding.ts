/** What a spectrum with its tail shows, in sentences. Pure. */
import { l10n } from '../../extension/shared/language/l10n';
import { formatCount, formatNumber } from '../numbers/format';
import type { VerdictMark } from '../numbers/verdictMark';
import type { BulkLaw } from './bulkLaw';

export interface DrawnTail {
  readonly alpha: string;
  /** True for an xmin chosen by hand. */
  readonly moved: boolean;
  readonly mark: VerdictMark | undefined;
  readonly xmin: string;
  /** Eigenvalues in the tail, and all of them. */
  readonly count: number;
  readonly all: number;
  readonly D: number;
  readonly law: BulkLaw | null;
  /** The smallest eigenvalues, if they are not drawn. */
  readonly dust: { readonly count: number; readonly below: string } | null;
}

export function tailFinding({ alpha, moved, mark, xmin, count, all, D, law, dust }: DrawnTail): string {
  return [
    moved ? l10n.t('alpha {0}, at an xmin chosen by hand.', alpha) : l10n.t('alpha {0}.', alpha),
    ...(mark ? [sentence(mark.words)] : []),
    l10n.t(
      'The tail starts at {0} and holds {1} of {2} eigenvalues; D {3}.',
      xmin,
      formatCount(count),
      formatCount(all),
      formatNumber(D, 3),
    ),
    ...(law ? [law.words] : []),
    ...(dust
      ? [
          l10n.many(
            dust.count,
            'Not drawn: the 1 smallest eigenvalue, below {1}.',
            'Not drawn: the {0} smallest eigenvalues, below {1}.',
            formatCount(dust.count),
            dust.below,
          ),
        ]
      : []),
  ].join(' ');
}

/** α stays small: its capital is no alpha. */
export function sentence(words: string): string {
  return `${words.replace(/^[a-z]/, (letter) => letter.toUpperCase())}.`;
}
