/** Where an approximation of a matrix is wrong: its difference as a heat map, and its worst rows and columns. */
import type { HeatMap } from '../../shared/layers';
import type { WorstLine } from '../../shared/compression/layerDifference';
import { addToPlanes, cellsOf, emptyPlanes, heatMapOf } from '../../spectral/heatMap';

/** Lines that a person looks at. */
const MOST_LINES = 10;

export interface DifferenceLines {
  readonly rows: readonly WorstLine[];
  readonly columns: readonly WorstLine[];
}

/**
 * @param w rows × cols, row-major
 * @param difference w − ŵ, of the same shape
 */
export function worstLines(w: Float64Array, difference: Float64Array, rows: number, cols: number): DifferenceLines {
  const wrong = squaresOf(difference, rows, cols);
  const whole = squaresOf(w, rows, cols);
  return { rows: largest(wrong.rows, whole.rows), columns: largest(wrong.columns, whole.columns) };
}

/** Stored order at screen resolution. @param elements rows × cols, row-major */
export function differenceMap(layer: string, elements: Float64Array, rows: number, cols: number): HeatMap {
  const down = cellsOf(rows);
  const across = cellsOf(cols);
  const planes = emptyPlanes(down.size * across.size);
  addToPlanes(planes, elements, down.cells, across.cells, across.size);
  return { layer, order: 0, ...heatMapOf(planes, rows, cols) };
}

function squaresOf(x: Float64Array, rows: number, cols: number): { rows: Float64Array; columns: Float64Array } {
  const sums = { rows: new Float64Array(rows), columns: new Float64Array(cols) };
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let col = 0; col < cols; col++) {
      const square = x[row * cols + col]! ** 2;
      sum += square;
      sums.columns[col] = sums.columns[col]! + square;
    }
    sums.rows[row] = sum;
  }
  return sums;
}

/** Lines without an error are no worst lines. */
function largest(wrong: Float64Array, whole: Float64Array): WorstLine[] {
  const total = wrong.reduce((sum, value) => sum + value, 0);
  return [...wrong.keys()]
    .filter((index) => wrong[index]! > 0)
    .sort((a, b) => wrong[b]! - wrong[a]! || a - b)
    .slice(0, MOST_LINES)
    .map((index) => ({ index, relative: Math.sqrt(wrong[index]! / whole[index]!), share: wrong[index]! / total }));
}
