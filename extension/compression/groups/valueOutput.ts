/**
 * Group method `vo`: fewer dimensions of each value head. What a head adds to the outputs is o·v, a product of rank headSize;
 * its best approximation of rank k in the metric of the inputs is split back into v and o. With grouped queries a value head
 * goes with the o of all query heads that it serves.
 *
 * @see MoDeGPT, arXiv 2408.09632, type III (SVD of C^½·W_vᵀ·W_oᵀ; any factor of C gives the same optimum)
 */
import type { LayerStatistics } from '../../shared/compression/statistics';
import { gramMetric } from '../decomposition/layerMetrics';
import { weighted } from '../decomposition/metric';
import { solveTransposed, thinLq } from '../decomposition/thinLq';
import { frobenius } from '../measuredError';
import type { MethodTools } from '../methods/method';
import { truncatedSvd } from '../truncatedSvd';
import { columnsBetween, headRows, queryHeadsOf, type HeadSizes } from './attentionHeads';
import { transpose } from '../../linalg/kernels/transpose';

export interface ValueOutput {
  readonly layer: string;
  /** keyValueHeads·headSize × inputs. */
  readonly v: Float64Array;
  readonly vBias?: Float64Array;
  /** outputs × heads·headSize. */
  readonly o: Float64Array;
  readonly inputs: number;
  readonly outputs: number;
  readonly sizes: HeadSizes;
}

/** Rounded as they are stored. */
export interface ReducedValueOutput {
  /** keyValueHeads·k × inputs. */
  readonly v: Float64Array;
  readonly vBias?: Float64Array;
  /** outputs × heads·k. */
  readonly o: Float64Array;
  /** ‖Σ(o·v − ô·v̂)X‖ over ‖Σ o·v·X‖, summed over heads in squares. */
  readonly output_error: number;
  readonly notes: readonly string[];
}

/**
 * @param rank k, dimensions of a head that stay, 1 … headSize
 * @param statistics of the inputs of v
 * @param rounded the values as they are stored; the error is that of the result after it
 * @throws CompressionError `missing-statistics`, `invalid-statistics`; DOMException `AbortError`
 */
export function reduceValueOutput(
  block: ValueOutput,
  statistics: LayerStatistics,
  rank: number,
  tools: MethodTools,
  rounded: (values: Float64Array) => Float64Array = (values) => values,
): ReducedValueOutput {
  const { layer, v, o, vBias, inputs, outputs, sizes } = block;
  const { heads, keyValueHeads, headSize } = sizes;
  const size = { layer, outputs: keyValueHeads * headSize, inputs };
  const metric = gramMetric(statistics, size, { ...tools, poll: (fraction) => tools.poll(fraction / 3) });
  const whitened = weighted(metric, v, size, tools.kernels, () => tools.poll(1 / 3));
  const reduced = {
    v: new Float64Array(keyValueHeads * rank * inputs),
    vBias: vBias && new Float64Array(keyValueHeads * rank),
    o: new Float64Array(outputs * heads * rank),
  };
  let whole = 0;
  for (let head = 0; head < keyValueHeads; head++) {
    tools.poll((1 + head / keyValueHeads) / 3);
    const queries = queryHeadsOf(head, sizes);
    // (v·L) = T·Q and the o of its query heads, below one another: P·T with P = [o₁; o₂; …].
    const { triangle } = thinLq(headRows(whitened, inputs, head, headSize), headSize, () =>
      tools.poll((1 + head / keyValueHeads) / 3),
    );
    const stacked = new Float64Array(queries.length * outputs * headSize);
    for (const [i, query] of queries.entries()) {
      const own = columnsBetween(o, heads * headSize, query * headSize, (query + 1) * headSize);
      stacked.set(own, i * outputs * headSize);
    }
    const rows = queries.length * outputs;
    const product = tools.kernels.multiply(stacked, triangle, rows, headSize, headSize, false, false);
    const { left, right, singularValues } = truncatedSvd(product, rows, headSize, headSize, { kernels: tools.kernels });
    for (const sigma of singularValues) whole += sigma * sigma;
    // P·T ≈ A·B, so ô = A, and v̂ = B·T⁻¹·v: rows of v mixed anew.
    const turned = transpose(right.subarray(0, rank * headSize), rank, headSize);
    solveTransposed(triangle, turned, headSize);
    const mix = transpose(turned, headSize, rank);
    const own = headRows(v, inputs, head, headSize);
    reduced.v.set(tools.kernels.multiply(mix, own, rank, inputs, headSize, false, false), head * rank * inputs);
    if (vBias && reduced.vBias) {
      const bias = vBias.subarray(head * headSize, (head + 1) * headSize);
      reduced.vBias.set(tools.kernels.multiply(mix, bias, rank, 1, headSize, false, false), head * rank);
    }
    for (const [i, query] of queries.entries()) {
      for (let row = 0; row < outputs; row++) {
        const from = (i * outputs + row) * headSize;
        reduced.o.set(left.subarray(from, from + rank), row * heads * rank + query * rank);
      }
    }
  }
  const stored = { v: rounded(reduced.v), o: rounded(reduced.o), ...(vBias && { vBias: rounded(reduced.vBias!) }) };
  const measuring = { ...tools, poll: (fraction: number) => tools.poll((2 + fraction) / 3) };
  const storedSize = { ...size, outputs: keyValueHeads * rank };
  const weightedStored = weighted(metric, stored.v, storedSize, tools.kernels, () => tools.poll(2 / 3));
  const lost = lostSquare(block, whitened, { rank, o: stored.o, whitened: weightedStored }, measuring);
  return { ...stored, output_error: whole === 0 ? 0 : Math.sqrt(lost / whole), notes: metric.notes };
}

/**
 * Σ‖(o·v − ô·v̂)·L‖² over the query heads: [o, −ô] times the rows of v·L and v̂·L below one another, or the small triangle of
 * their LQ decomposition, which has the same norm.
 *
 * @param whitened v·L
 */
function lostSquare(
  { o, inputs, outputs, sizes }: ValueOutput,
  whitened: Float64Array,
  stored: { readonly rank: number; readonly o: Float64Array; readonly whitened: Float64Array },
  { kernels, poll }: MethodTools,
): number {
  const { heads, keyValueHeads, headSize } = sizes;
  const { rank } = stored;
  const both = headSize + rank;
  let lost = 0;
  for (let head = 0; head < keyValueHeads; head++) {
    const rows = new Float64Array(both * inputs);
    rows.set(headRows(whitened, inputs, head, headSize));
    rows.set(headRows(stored.whitened, inputs, head, rank), headSize * inputs);
    const { triangle } = thinLq(rows, both, () => poll(head / keyValueHeads));
    for (const query of queryHeadsOf(head, sizes)) {
      const columns = new Float64Array(outputs * both);
      for (let row = 0; row < outputs; row++) {
        for (let d = 0; d < headSize; d++) {
          columns[row * both + d] = o[row * heads * headSize + query * headSize + d]!;
        }
        for (let d = 0; d < rank; d++) {
          columns[row * both + headSize + d] = -stored.o[row * heads * rank + query * rank + d]!;
        }
      }
      lost += frobenius(kernels.multiply(columns, triangle, outputs, both, both, false, false)) ** 2;
    }
  }
  return lost;
}
