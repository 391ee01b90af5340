/**
 * A matrix at screen resolution: rows and columns fall into cells, in stored order or by the elements of a singular
 * vector, and each cell keeps what can be seen of its elements. Fed band by band.
 */
import type { HeatMap } from '../shared/layers';

/** Cells a side, at most: what a plot of some hundred pixels can show. */
const MAX_CELLS = 256;

/** Values kept of each cell while it fills: Σw, Σw², the element of largest magnitude, and how many are NaN or Inf. */
const PLANES = 4;

/**
 * The cell that each of `count` rows (or columns) falls into.
 *
 * @param key orders them, the largest first; stored order without it
 * @returns with a key also the stored index of each place in that order
 */
export function cellsOf(count: number, key?: Float64Array): { cells: Uint16Array; size: number; order?: Uint32Array } {
  const size = Math.min(count, MAX_CELLS);
  const cells = new Uint16Array(count);
  const cellAt = (place: number): number => Math.floor((place * size) / count);
  if (!key) return { cells: cells.map((_, index) => cellAt(index)), size };
  const order = Uint32Array.from(key.keys()).sort((a, b) => key[b]! - key[a]! || a - b);
  order.forEach((index, place) => (cells[index] = cellAt(place)));
  return { cells, size, order };
}

/** Those of a map's rows and columns, as `HeatMap` has them. */
export function ordersOf(
  down: { order?: Uint32Array },
  across: { order?: Uint32Array },
): Pick<HeatMap, 'rowOrder' | 'colOrder'> {
  return { ...(down.order && { rowOrder: down.order }), ...(across.order && { colOrder: across.order }) };
}

/** First row (or column) of each cell in the order shown, and the end of the last: one more than cells. */
export function cellStarts(count: number): number[] {
  const size = Math.min(count, MAX_CELLS);
  return Array.from({ length: size + 1 }, (_, cell) => Math.ceil((cell * count) / size));
}

export function emptyPlanes(cells: number): Float64Array {
  return new Float64Array(PLANES * cells);
}

/**
 * Adds a band of rows.
 *
 * @param planes from `emptyPlanes`; changed
 * @param elements row-major, as wide as `colCells` is long
 * @param rowCells of the band's rows
 * @param width cells of a row of the map
 */
export function addToPlanes(
  planes: Float64Array,
  elements: Float64Array,
  rowCells: Uint16Array,
  colCells: Uint16Array,
  width: number,
): void {
  const cols = colCells.length;
  rowCells.forEach((rowCell, row) => {
    for (let col = 0; col < cols; col++) {
      const value = elements[row * cols + col]!;
      const at = PLANES * (rowCell * width + colCells[col]!);
      if (!Number.isFinite(value)) {
        planes[at + 3] = planes[at + 3]! + 1;
        continue;
      }
      planes[at] = planes[at]! + value;
      planes[at + 1] = planes[at + 1]! + value * value;
      if (Math.abs(value) > Math.abs(planes[at + 2]!)) planes[at + 2] = value;
    }
  });
}

/** The finished map. Cells without a finite element are NaN. */
export function heatMapOf(planes: Float64Array, rows: number, cols: number): Omit<HeatMap, 'layer' | 'order'> {
  const rowStarts = cellStarts(rows);
  const colStarts = cellStarts(cols);
  const width = colStarts.length - 1;
  const cells = (rowStarts.length - 1) * width;
  const mean = new Float64Array(cells);
  const rms = new Float64Array(cells);
  const peak = new Float64Array(cells);
  const notFinite = new Float64Array(cells);
  for (let cell = 0; cell < cells; cell++) {
    const row = Math.floor(cell / width);
    const col = cell % width;
    const area = (rowStarts[row + 1]! - rowStarts[row]!) * (colStarts[col + 1]! - colStarts[col]!);
    const [sum, squares, largest, missing] = planes.subarray(PLANES * cell, PLANES * (cell + 1)) as unknown as [
      number,
      number,
      number,
      number,
    ];
    const finite = area - missing;
    mean[cell] = sum / finite;
    rms[cell] = Math.sqrt(squares / finite);
    peak[cell] = finite > 0 ? largest : NaN;
    notFinite[cell] = missing;
  }
  return { rows, cols, rowStarts, colStarts, mean, rms, peak, notFinite };
}
