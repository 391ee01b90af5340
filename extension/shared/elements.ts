/** Elements of a tensor as a table: rows and columns of the matrix that a layer is, and the tensor's own indices. */
import type { DType } from './tensors';

/** Rows [row, row + rows) and columns [col, col + cols). */
export interface ElementRange {
  row: number;
  col: number;
  rows: number;
  cols: number;
}

/** What rows and columns of a layer's table are. */
export interface ElementTable {
  layer: string;
  dtype: DType;
  /** The tensor's. */
  shape: readonly number[];
  /** Of the whole table. A vector has one column. */
  rows: number;
  cols: number;
  /** Of the tensor's elements, row-major: the table's first one. Not 0 for a matrix of a stack. */
  offset: number;
}

export interface ElementSlice extends ElementTable {
  range: ElementRange;
  /** Row-major. */
  values: Float64Array;
  /** Some 64-bit integers are shown rounded: they lie beyond ±2⁵³. */
  rounded?: true;
}

/** Elements that one answer has at most. */
export const MOST_ELEMENTS = 65_536;

/** What is saved as an array. */
export type ArrayContents = { kind: 'tensor' } | { kind: 'slice'; range: ElementRange } | { kind: 'singular-values' };

export interface SavedArray {
  path: string;
  bytes: number;
  shape: readonly number[];
  /** NumPy's name of the elements' type: `float32`. */
  type: string;
  /** How it differs from what is stored, in sentences. */
  notes: readonly string[];
}

/** The tensor's own indices of an element of the table. */
export function indicesOf({ shape, cols, offset }: ElementTable, row: number, col: number): number[] {
  let flat = offset + row * cols + col;
  const indices: number[] = [];
  for (const size of [...shape].reverse()) {
    indices.unshift(flat % size);
    flat = Math.floor(flat / size);
  }
  return indices;
}
