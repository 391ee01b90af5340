/** What an empty table says: why nothing is there, and what would bring it back. Pure. */
import { l10n } from '../../extension/shared/language/l10n';
import { formatCount } from '../numbers/format';

export interface EmptyTable {
  /** Tensors of the checkpoint. */
  readonly tensors: number;
  /** True if the checkpoint's own problems are told above. */
  readonly problems: boolean;
  /** True if only matrices are shown. */
  readonly matricesOnly: boolean;
  /** As it was typed; empty for none. */
  readonly filter: string;
  /** What is wrong with the filter. */
  readonly problem: string | undefined;
  /** Rows that the filter found, matrices or not. */
  readonly found: number;
}

export function emptyTable({ tensors, problems, matricesOnly, filter, problem, found }: EmptyTable): string {
  const wanted = filter.trim();
  if (tensors === 0) {
    return problems
      ? l10n.t('No tensor of this checkpoint could be listed: the problems above say why.')
      : l10n.t('This checkpoint holds no tensors.');
  }
  if (wanted !== '' && found === 0) {
    return [l10n.t('Nothing matches “{0}”.', wanted), ...(problem === undefined ? [] : [problem])].join(' ');
  }
  if (matricesOnly && wanted !== '') {
    return l10n.many(
      found,
      'No matrix matches “{0}”. Untick “Matrices only” to see 1 other row that does.',
      'No matrix matches “{0}”. Untick “Matrices only” to see {1} other rows that do.',
      wanted,
      formatCount(found),
    );
  }
  return l10n.many(
    tensors,
    'No tensor of this checkpoint is a matrix with a spectrum. Untick “Matrices only” to see its one tensor.',
    'No tensor of this checkpoint is a matrix with a spectrum. Untick “Matrices only” to see its {0} tensors.',
    formatCount(tensors),
  );
}
