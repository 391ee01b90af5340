/** Single elements of a matrix in its heat map, once so few are in sight that each can be told from its neighbours. */
import type { HeatMap } from '../../../extension/shared/layers';
import { l10n } from '../../../extension/shared/language/l10n';
import { formatCount, formatNumber } from '../../numbers/format';
import type { TwinTable } from '../twin';
import type { Span } from '../zoom/zoomView';

/** Where elements come from. Rows and columns are as stored. */
export interface ElementSource {
  /** Undefined while it is not known. */
  at(row: number, col: number): number | undefined;
  /** These are in sight. */
  want(range: CellRange): void;
  /** The tensor's own indices, if they are others than the row and the column. */
  indices(row: number, col: number): readonly number[] | null;
}

export interface CellRange {
  row: number;
  rows: number;
  col: number;
  cols: number;
}

/** Smaller elements are not told apart. */
const LEAST_SIDE = 4;

/** From this size of a cell on its number stands in it. */
const TEXT_WIDTH = 46;
const TEXT_HEIGHT = 15;

/** Elements of a table twin. */
const TWIN = { rows: 40, cols: 20 };

/** Multiple of the matrix's root mean square that has the full colour. */
const FULL_COLOUR = 3;

/**
 * The elements in sight; null while they are too small to be told apart.
 *
 * @param across columns in sight, in a plot so many pixels wide
 * @param down rows in sight
 */
export function elementsInSight(
  map: Pick<HeatMap, 'rows' | 'cols'>,
  across: Span,
  down: Span,
  { width, height }: { width: number; height: number },
): CellRange | null {
  const side = Math.min(width / (across[1] - across[0]), height / (down[1] - down[0]));
  if (side < LEAST_SIDE) return null;
  const [col, row] = [Math.max(0, Math.floor(across[0])), Math.max(0, Math.floor(down[0]))];
  const [right, bottom] = [Math.min(map.cols, Math.ceil(across[1])), Math.min(map.rows, Math.ceil(down[1]))];
  return { row, rows: bottom - row, col, cols: right - col };
}

export function hasTexts(width: number, height: number): boolean {
  return width >= TEXT_WIDTH && height >= TEXT_HEIGHT;
}

/** Elements of this magnitude have the full colour, wherever one looks. */
export function elementSpan({ rms, rowStarts, colStarts, rows, cols }: HeatMap): number {
  const width = colStarts.length - 1;
  let sum = 0;
  rms.forEach((value, cell) => {
    if (!Number.isFinite(value)) return;
    const [row, col] = [Math.floor(cell / width), cell % width];
    sum += value * value * (rowStarts[row + 1]! - rowStarts[row]!) * (colStarts[col + 1]! - colStarts[col]!);
  });
  return FULL_COLOUR * Math.sqrt(sum / (rows * cols));
}

export function elementLines(source: ElementSource, row: number, col: number): string[] {
  const value = source.at(row, col);
  const indices = source.indices(row, col);
  return [
    l10n.t('row {0}, column {1}', formatCount(row), formatCount(col)),
    value === undefined ? l10n.t('being read') : l10n.t('value {0}', elementText(value, 5)),
    ...(indices ? [l10n.t('index [{0}]', indices.join(', '))] : []),
  ];
}

export function elementText(value: number, digits: number): string {
  return Number.isFinite(value) ? formatNumber(value, digits) : String(value);
}

/** The elements in sight, from the first one on. */
export function elementTwin(layer: string, source: ElementSource, range: CellRange): TwinTable {
  const [rows, cols] = [Math.min(TWIN.rows, range.rows), Math.min(TWIN.cols, range.cols)];
  const places = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);
  const columns = places(range.col, cols);
  const [top, left] = [range.row, range.col].map(formatCount) as [string, string];
  const [bottom, right] = [range.row + rows - 1, range.col + cols - 1].map(formatCount) as [string, string];
  return {
    caption: l10n.t(
      '{0}: elements of rows {1}–{2} (down) and columns {3}–{4} (across)',
      ...([layer, top, bottom, left, right] as const),
    ),
    columns: [l10n.t('row'), ...columns.map(formatCount)],
    rows: places(range.row, rows).map((row) => [
      formatCount(row),
      ...columns.map((col) => {
        const value = source.at(row, col);
        return value === undefined ? '…' : elementText(value, 4);
      }),
    ]),
  };
}
