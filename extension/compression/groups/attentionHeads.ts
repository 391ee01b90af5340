/** The projections of one attention block by heads, as the group methods `vo` and `qk` see them. Pure. */

export interface HeadSizes {
  readonly heads: number;
  /** Each serves heads/keyValueHeads query heads, in their order. */
  readonly keyValueHeads: number;
  /** Rows of a head in q, k, v; columns of a query head in o. */
  readonly headSize: number;
}

/** Rows of one head of a projection, size × inputs; a view. */
export function headRows(w: Float64Array, inputs: number, head: number, size: number): Float64Array {
  return w.subarray(head * size * inputs, (head + 1) * size * inputs);
}

/** Query heads that a key head serves. */
export function queryHeadsOf(keyHead: number, { heads, keyValueHeads }: HeadSizes): number[] {
  const group = heads / keyValueHeads;
  return Array.from({ length: group }, (_, i) => keyHead * group + i);
}

/** Columns [from, to) of a matrix with `columns` of them. */
export function columnsBetween(w: Float64Array, columns: number, from: number, to: number): Float64Array {
  const rows = w.length / columns;
  const width = to - from;
  const part = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) part.set(w.subarray(i * columns + from, i * columns + to), i * width);
  return part;
}
