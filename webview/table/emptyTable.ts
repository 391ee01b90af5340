/** What an empty table says: why nothing is there, and what would bring it back. Pure. */
import { formatCount, plural } from '../numbers/format';

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
      ? 'No tensor of this checkpoint could be listed: the problems above say why.'
      : 'This checkpoint holds no tensors.';
  }
  if (wanted !== '' && found === 0) return `Nothing matches “${wanted}”. ${problem ?? ''}`.trim();
  if (matricesOnly && wanted !== '') {
    const others = plural(found, 'other row');
    return `No matrix matches “${wanted}”. Untick “Matrices only” to see ${others} that ${found === 1 ? 'does' : 'do'}.`;
  }
  const all = tensors === 1 ? 'its one tensor' : `its ${formatCount(tensors)} tensors`;
  return `No tensor of this checkpoint is a matrix with a spectrum. Untick “Matrices only” to see ${all}.`;
}
