/**
 * Group method `qk`: fewer dimensions of each query and key head. Those stay whose ‖C^½w_q‖·‖C^½w_k‖ is largest; under
 * rotary position embeddings they go in pairs. With grouped queries there is one choice for a key head, by the scores summed
 * over its query heads.
 *
 * @see MoDeGPT, arXiv 2408.09632, type II (CR decomposition)
 */
import type { LayerStatistics } from '../../shared/compression/statistics';
import { checkedGram } from '../decomposition/layerMetrics';
import type { MethodTools } from '../methods/method';
import { headRows, queryHeadsOf, type HeadSizes } from './attentionHeads';

/** Which rows of a head turn together: none, (j, j + headSize/2), or (2j, 2j + 1). */
export type Rotation = 'none' | 'halves' | 'neighbours';

export interface QueryKey {
  readonly layer: string;
  /** heads·headSize × inputs. */
  readonly q: Float64Array;
  /** keyValueHeads·headSize × inputs. */
  readonly k: Float64Array;
  readonly inputs: number;
  readonly sizes: HeadSizes;
  readonly rotation: Rotation;
  /** Rows of a head that are turned, the first ones; the others are single. `headSize` unless it is partial. */
  readonly rotated: number;
}

export interface KeptDimensions {
  /** One for each key head: rows within the head that stay, ascending. */
  readonly kept: readonly Uint32Array[];
  /**
   * ‖X_qᵀ(W_qᵀW_k − Ŵ_qᵀŴ_k)X_k‖_F/‖X_qᵀW_qᵀW_kX_k‖_F, over all heads in squares: what the scores of any two tokens lose, but
   * for the turns between them.
   */
  readonly score_error: number;
}

/**
 * Dimensions of each key head that stay.
 *
 * @param rank how many, 1 … headSize; rounded down to whole pairs if all are in pairs
 * @param statistics of the inputs of q and k
 * @throws CompressionError `missing-statistics`, `invalid-statistics`; DOMException `AbortError`
 */
export function keptDimensions(
  { layer, q, k, inputs, sizes, rotation, rotated }: QueryKey,
  statistics: LayerStatistics,
  rank: number,
  { kernels, poll }: MethodTools,
): KeptDimensions {
  const gram = checkedGram(statistics, { layer, outputs: sizes.heads * sizes.headSize, inputs });
  const { keyValueHeads, headSize } = sizes;
  const units = unitsOf(headSize, rotation, rotated);
  const headGram = (w: Float64Array, head: number): Float64Array => {
    const rows = headRows(w, inputs, head, headSize);
    const products = kernels.multiply(rows, gram, headSize, inputs, inputs, false, false);
    return kernels.multiply(products, rows, headSize, headSize, inputs, false, true);
  };
  let lost = 0;
  let whole = 0;
  const kept = Array.from({ length: keyValueHeads }, (_, head) => {
    poll(head / keyValueHeads);
    const keys = headGram(k, head);
    const queries = queryHeadsOf(head, sizes).map((query) => headGram(q, query));
    const square = (of: Float64Array, row: number): number => Math.max(0, of[row * headSize + row]!);
    const scores = units.map((rows) => {
      const key = sum(rows.map((row) => square(keys, row)));
      const served = queries.map((query) => Math.sqrt(sum(rows.map((row) => square(query, row))) * key));
      // Of a pair what each of its rows brings.
      return sum(served) / rows.length;
    });
    const order = Array.from(units.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
    const staying: number[] = [];
    for (const unit of order) {
      const rows = units[unit]!;
      if (staying.length + rows.length <= rank) for (const row of rows) staying.push(row);
    }
    const gone = Array.from({ length: headSize }, (__, row) => row).filter((row) => !staying.includes(row));
    // ‖Σ_d k_d·q_dᵀ‖² over some dimensions is the sum of the products of their Gram matrices.
    for (const query of queries) {
      for (let at = 0; at < query.length; at++) whole += query[at]! * keys[at]!;
      for (const d of gone) for (const e of gone) lost += query[d * headSize + e]! * keys[d * headSize + e]!;
    }
    return Uint32Array.from(staying).sort();
  });
  return { kept, score_error: whole > 0 ? Math.sqrt(Math.max(0, lost) / whole) : 0 };
}

/** Rows that stay or go together. */
function unitsOf(headSize: number, rotation: Rotation, rotated: number): number[][] {
  const singles = (from: number): number[][] => Array.from({ length: headSize - from }, (_, i) => [from + i]);
  if (rotation === 'none') return singles(0);
  const pairs = Array.from({ length: rotated / 2 }, (_, j) =>
    rotation === 'halves' ? [j, j + rotated / 2] : [2 * j, 2 * j + 1],
  );
  return [...pairs, ...singles(rotated)];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
