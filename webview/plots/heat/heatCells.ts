/** What the cells of a heat map say in words and in a table. Pure. */
import { l10n } from '../../../extension/shared/language/l10n';
import type { HeatMap } from '../../../extension/shared/layers';
import { counted, formatCount, formatNumber } from '../../numbers/format';
import type { TwinTable } from '../twin';
import { largestOf } from '../../../extension/shared/extremes';

export type HeatQuantity = 'mean' | 'rms' | 'peak';

export const heatQuantities: readonly { key: HeatQuantity; label: string; signed: boolean }[] = [
  { key: 'mean', label: l10n.t('mean of each cell'), signed: true },
  { key: 'rms', label: l10n.t('root mean square'), signed: false },
  { key: 'peak', label: l10n.t('largest element'), signed: true },
];

/** Blocks of cells in the table twin. */
const TWIN_ROWS = 16;
const TWIN_COLUMNS = 8;

/** A row or column of cells stands out from this multiple of the whole matrix's root mean square on. */
const OUTSTANDING = 2;

/** `row 7` or `rows 16–31`: those of a stretch of cells, counted from 0 as in Python. */
function named(one: 'row' | 'column', starts: readonly number[], cell: number): string {
  return lineWords(one, starts[cell + 1]! - starts[cell]!, stretch(starts, cell));
}

/** @param text their numbers */
function lineWords(one: 'row' | 'column', count: number, text: string): string {
  return one === 'row'
    ? l10n.many(count, 'row {0}', 'rows {0}', text)
    : l10n.many(count, 'column {0}', 'columns {0}', text);
}

function stretch(starts: readonly number[], first: number, end = first + 1): string {
  const [from, to] = [starts[first]!, starts[end]! - 1];
  return from === to ? formatCount(from) : `${formatCount(from)}–${formatCount(to)}`;
}

export function cellLines(map: HeatMap, row: number, col: number): string[] {
  const cell = row * (map.colStarts.length - 1) + col;
  const place = placeOf(map, row, col);
  const missing = map.notFinite[cell]!;
  const numbers = Number.isFinite(map.mean[cell])
    ? [
        l10n.t('mean {0}', formatNumber(map.mean[cell]!, 3)),
        l10n.t('root mean square {0}', formatNumber(map.rms[cell]!, 3)),
        l10n.t('largest element {0}', formatNumber(map.peak[cell]!, 3)),
      ]
    : [];
  return [place, ...numbers, ...(missing > 0 ? [l10n.t('{0} NaN or Inf', counted('elements', missing))] : [])];
}

/** Stored indices that are told of a cell. */
const MOST_TOLD = 4;

/** Rows and columns as they are stored, whatever the order shown; with an order, their places in it, too. */
function placeOf(map: HeatMap, row: number, col: number): string {
  const [down, across] = [storedPlace(map, 'row', row), storedPlace(map, 'column', col)];
  if (!map.rowOrder || !map.colOrder) return `${down}, ${across}`;
  return l10n.t(
    '{0}, {1} (places {2} and {3} by {4})',
    down,
    across,
    stretch(map.rowStarts, row),
    stretch(map.colStarts, col),
    vectorNames(map.order),
  );
}

/** `row 7`, `rows 16–31`, or in another order `rows 431, 9, 77, 1,203 and 2 more`: a row or column of cells. */
function storedPlace(map: HeatMap, one: 'row' | 'column', cell: number): string {
  const [order, starts] = one === 'row' ? [map.rowOrder, map.rowStarts] : [map.colOrder, map.colStarts];
  if (!order) return named(one, starts, cell);
  const indices = Array.from(order.subarray(starts[cell], starts[cell + 1]), formatCount);
  const told = indices.slice(0, MOST_TOLD).join(', ');
  const rest = indices.length - MOST_TOLD;
  return lineWords(one, indices.length, rest > 0 ? l10n.t('{0} and {1} more', told, formatCount(rest)) : told);
}

export function vectorNames(order: number): string {
  const subscript = String(order).replace(/\d/g, (digit) => '₀₁₂₃₄₅₆₇₈₉'.charAt(Number(digit)));
  return l10n.t('{0} and {1}', `u${subscript}`, `v${subscript}`);
}

/** The cell with the largest element; the first one of a matrix without a finite element. */
export function largestCell({ peak }: HeatMap): number {
  let best = 0;
  for (let cell = 1; cell < peak.length; cell++) {
    if (Math.abs(peak[cell]!) > Math.abs(peak[best]!) || Number.isNaN(peak[best])) best = cell;
  }
  return best;
}

/** What the map shows, in one or two sentences. */
export function heatFinding(map: HeatMap): string {
  const width = map.colStarts.length - 1;
  const largest = largestCell(map);
  const [row, col] = [Math.floor(largest / width), largest % width];
  const missing = map.notFinite.reduce((sum, count) => sum + count, 0);
  const sentences = missing > 0 ? [l10n.t('{0} NaN or Inf.', counted('elements', missing))] : [];
  if (!Number.isFinite(map.peak[largest])) return [...sentences, l10n.t('No finite element.')].join(' ');
  sentences.push(
    l10n.t('The largest element, {0}, is in {1}.', formatNumber(map.peak[largest]!, 3), cellLines(map, row, col)[0]!),
    outstanding(map),
  );
  return sentences.join(' ');
}

/** The row or column of cells that carries most, beside the whole. */
function outstanding(map: HeatMap): string {
  const squares = map.rms.map((value, cell) => (Number.isFinite(value) ? value * value * area(map, cell) : 0));
  const width = map.colStarts.length - 1;
  const whole = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / (map.rows * map.cols));
  const strongest = (
    one: 'row' | 'column',
    starts: readonly number[],
    across: number,
    index: (cell: number) => number,
  ) => {
    const sums = new Float64Array(starts.length - 1);
    squares.forEach((square, cell) => (sums[index(cell)] = sums[index(cell)]! + square));
    const sizes = sums.map((sum, i) => Math.sqrt(sum / ((starts[i + 1]! - starts[i]!) * across)));
    const at = sizes.indexOf(largestOf(sizes));
    return { place: storedPlace(map, one, at), times: whole > 0 ? sizes[at]! / whole : 0 };
  };
  const row = strongest('row', map.rowStarts, map.cols, (cell) => Math.floor(cell / width));
  const col = strongest('column', map.colStarts, map.rows, (cell) => cell % width);
  const { place, times } = row.times > col.times ? row : col;
  if (times < OUTSTANDING) {
    return times > 0
      ? l10n.t(
          'No row or column has elements twice as large as all on average: at most {0} times, in {1}.',
          formatNumber(times, 3),
          place,
        )
      : l10n.t('No row or column has elements twice as large as all on average.');
  }
  return l10n.t('The elements in {0} are {1} times as large as all on average.', place, formatNumber(times, 2));
}

function area({ rowStarts, colStarts }: HeatMap, cell: number): number {
  const width = colStarts.length - 1;
  const row = Math.floor(cell / width);
  const col = cell % width;
  return (rowStarts[row + 1]! - rowStarts[row]!) * (colStarts[col + 1]! - colStarts[col]!);
}

/** Blocks of cells, few enough to read: a mean and a root mean square of theirs, or their largest element. */
export function heatTwin(map: HeatMap, quantity: HeatQuantity): TwinTable {
  const rowEdges = edges(map.rowStarts.length - 1, TWIN_ROWS);
  const colEdges = edges(map.colStarts.length - 1, TWIN_COLUMNS);
  const blocks = (list: number[]): [number, number][] => list.slice(1).map((end, i) => [list[i]!, end]);
  const { label } = heatQuantities.find(({ key }) => key === quantity)!;
  return {
    caption:
      map.order > 0
        ? l10n.t(
            '{0}: {1}, by rows (down) and columns (across), in the order of {2}',
            map.layer,
            label,
            vectorNames(map.order),
          )
        : l10n.t('{0}: {1}, by rows (down) and columns (across)', map.layer, label),
    columns: [l10n.t('rows'), ...blocks(colEdges).map(([first, end]) => stretch(map.colStarts, first, end))],
    rows: blocks(rowEdges).map(([top, bottom]) => [
      stretch(map.rowStarts, top, bottom),
      ...blocks(colEdges).map(([left, right]) => formatNumber(blockValue(map, quantity, top, bottom, left, right), 3)),
    ]),
  };
}

function edges(cells: number, most: number): number[] {
  const count = Math.min(cells, most);
  return Array.from({ length: count + 1 }, (_, i) => Math.round((i * cells) / count));
}

function blockValue(
  map: HeatMap,
  quantity: HeatQuantity,
  top: number,
  bottom: number,
  left: number,
  right: number,
): number {
  const width = map.colStarts.length - 1;
  let elements = 0;
  let sum = 0;
  let largest = NaN;
  for (let row = top; row < bottom; row++) {
    for (let col = left; col < right; col++) {
      const cell = row * width + col;
      const value = map[quantity][cell]!;
      if (!Number.isFinite(value)) continue;
      const finite = area(map, cell) - map.notFinite[cell]!;
      elements += finite;
      sum += finite * (quantity === 'rms' ? value * value : value);
      if (!(Math.abs(value) <= Math.abs(largest))) largest = value;
    }
  }
  if (quantity === 'peak') return largest;
  return quantity === 'rms' ? Math.sqrt(sum / elements) : sum / elements;
}
