/** Which columns the table shows, in which order and how wide. Pure. */
import { LEAST_COLUMN_WIDTH, MOST_COLUMN_WIDTH, type ColumnLayout } from '../../extension/shared/columnLayout';

/** Always the first column: a row without its name says nothing. */
export const NAME_COLUMN = 'name';

/** A column as far as its place is concerned. */
export interface PlacedColumn {
  readonly key: string;
  /** Pixels. */
  readonly width: number;
}

/** The usual columns, those first that are missed most in a narrow table. */
export const USUAL_COLUMNS: readonly string[] = [
  'alpha',
  'farms_alpha',
  'shape',
  'D',
  'parameters',
  'rank_energy_0.95',
  'stable_rank',
  'effective_rank',
  'bytes',
  'dtype',
  'spectral_norm',
  'entropy',
];

/** Keys that are to be shown if there is room. */
export function chosenColumns({ chosen }: ColumnLayout): ReadonlySet<string> {
  return new Set(chosen ?? USUAL_COLUMNS);
}

/** Columns beside those that are to be shown already; the same layout if there are none. */
export function withColumns(layout: ColumnLayout, keys: readonly string[]): ColumnLayout {
  return keys.length === 0 ? layout : { ...layout, chosen: [...new Set([...chosenColumns(layout), ...keys])] };
}

/** In the order that a person gave them; a column that has none stands behind the one it stands behind in the program. */
export function inOrder<C extends PlacedColumn>(columns: readonly C[], order: readonly string[]): C[] {
  const byKey = new Map(columns.map((column) => [column.key, column]));
  const placed = order.flatMap((key) => byKey.get(key) ?? []);
  const known = new Set(placed);
  columns.forEach((column, at) => {
    if (known.has(column)) return;
    const before = columns[at - 1];
    placed.splice(before ? placed.indexOf(before) + 1 : 0, 0, column);
    known.add(column);
  });
  return placed;
}

/**
 * The columns that a table has room for. What the rows are sorted by comes first, then what a person added to the usual
 * columns, then the usual ones; the first column that does not fit is left out with all that follow. One is always shown.
 *
 * @param columns those chosen, in order, without the name's
 * @param room pixels that the name leaves
 */
export function fittingColumns<C extends PlacedColumn>(
  columns: readonly C[],
  room: number,
  sortedBy: string | undefined,
): C[] {
  const rank = ({ key }: C): number => {
    if (key === sortedBy) return -2;
    return USUAL_COLUMNS.indexOf(key);
  };
  const kept = new Set<C>();
  let left = room;
  for (const column of [...columns].sort((a, b) => rank(a) - rank(b))) {
    left -= column.width;
    if (left < 0 && kept.size > 0) break;
    kept.add(column);
  }
  return columns.filter((column) => kept.has(column));
}

/** @returns the keys of all columns, with one moved to stand before or behind another */
export function movedColumn(
  columns: readonly PlacedColumn[],
  key: string,
  target: string,
  side: 'before' | 'behind',
): string[] {
  const keys = columns.map((column) => column.key).filter((each) => each !== key);
  const at = keys.indexOf(target);
  if (at >= 0) keys.splice(side === 'before' ? at : at + 1, 0, key);
  return at >= 0 ? keys : columns.map((column) => column.key);
}

export function boundedWidth(width: number): number {
  return Math.round(Math.min(MOST_COLUMN_WIDTH, Math.max(LEAST_COLUMN_WIDTH, width)));
}
