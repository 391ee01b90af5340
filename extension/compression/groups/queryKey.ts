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
   * ‖X_qᵀ(W_qᵀW_k − Ŵ_qᵀŴ_k)X_k‖_F/‖X_qᵀW_qᵀW_kX_k‖_F of the rounded Ŵ, over all heads in squares: what the scores of any two
   * tokens lose, but for the turns between them.
   */
  readonly score_error: number;
}

/**
 * Dimensions of each key head that stay.
 *
 * @param rank how many, 1 … headSize; rounded down to whole pairs if all are in pairs
 * @param statistics of the inputs of q and k
 * @param rounded the values as they are stored; the error is that of the result after it
 * @throws CompressionError `missing-statistics`, `invalid-statistics`; DOMException `AbortError`
 */
export function keptDimensions(
  { layer, q, k, inputs, sizes, rotation, rotated }: QueryKey,
  statistics: LayerStatistics,
  rank: number,
  { kernels, poll }: MethodTools,
  rounded: (values: Float64Array) => Float64Array = (values) => values,
): KeptDimensions {
  const gram = checkedGram(statistics, { layer, outputs: sizes.heads * sizes.headSize, inputs });
  const { keyValueHeads, headSize } = sizes;
  const units = unitsOf(headSize, rotation, rotated);
  const changes = [q, k].map((w) => changesOf(w, rounded(w)));
  const exact = changes.every((of) => of.every((change) => change === 0));
  // Rows of a head, and below them what rounding changes in each.
  const count = exact ? headSize : 2 * headSize;
  const headGram = (w: Float64Array, change: Float64Array, head: number): Float64Array => {
    const rows = new Float64Array(count * inputs);
    rows.set(headRows(w, inputs, head, headSize));
    if (!exact) rows.set(headRows(change, inputs, head, headSize), headSize * inputs);
    const products = kernels.multiply(rows, gram, count, inputs, inputs, false, false);
    return kernels.multiply(products, rows, count, count, inputs, false, true);
  };
  let lost = 0;
  let whole = 0;
  const kept = Array.from({ length: keyValueHeads }, (_, head) => {
    poll(head / keyValueHeads);
    const keys = headGram(k, changes[1]!, head);
    const queries = queryHeadsOf(head, sizes).map((query) => headGram(q, changes[0]!, query));
    const square = (of: Float64Array, row: number): number => Math.max(0, of[row * count + row]!);
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
    const terms = lostTerms(headSize, staying, exact);
    // ‖Σ k_b·q_aᵀ‖² over some pairs of rows is the sum of the products of their Gram matrices.
    for (const query of queries) {
      for (let d = 0; d < headSize; d++) {
        for (let e = 0; e < headSize; e++) whole += query[d * count + e]! * keys[d * count + e]!;
      }
      for (const one of terms) {
        for (const other of terms) {
          const products = query[one.query * count + other.query]! * keys[one.key * count + other.key]!;
          lost += one.sign * other.sign * products;
        }
      }
    }
    return Uint32Array.from(staying).sort();
  });
  return { kept, score_error: whole > 0 ? Math.sqrt(Math.max(0, lost) / whole) : 0 };
}

interface Term {
  readonly query: number;
  readonly key: number;
  readonly sign: 1 | -1;
}

/**
 * Σ q_d·k_dᵀ − Σ q̂_d·k̂_dᵀ over the dimensions that stay, with changes δ = w − ŵ: q·kᵀ of those that go, and of those that
 * stay δq·kᵀ + q·δkᵀ − δq·δkᵀ. No two large terms cancel.
 */
function lostTerms(headSize: number, staying: readonly number[], exact: boolean): Term[] {
  const stays = new Set(staying);
  return Array.from({ length: headSize }, (_, d): Term[] => {
    if (!stays.has(d)) return [{ query: d, key: d, sign: 1 }];
    const change = headSize + d;
    if (exact) return [];
    return [
      { query: change, key: d, sign: 1 },
      { query: d, key: change, sign: 1 },
      { query: change, key: change, sign: -1 },
    ];
  }).flat();
}

function changesOf(w: Float64Array, stored: Float64Array): Float64Array {
  return w.map((value, at) => value - stored[at]!);
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
