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
 * @throws CompressionError `missing-statistics`, `invalid-statistics`; DOMException `AbortError`
 */
export function reduceValueOutput(
  block: ValueOutput,
  statistics: LayerStatistics,
  rank: number,
  tools: MethodTools,
): ReducedValueOutput {
  const { layer, v, o, vBias, inputs, outputs, sizes } = block;
  const { heads, keyValueHeads, headSize } = sizes;
  const size = { layer, outputs: keyValueHeads * headSize, inputs };
  const metric = gramMetric(statistics, size, { ...tools, poll: (fraction) => tools.poll(fraction / 2) });
  const whitened = weighted(metric, v, size, tools.kernels, () => tools.poll(0.5));
  const reduced = {
    v: new Float64Array(keyValueHeads * rank * inputs),
    vBias: vBias && new Float64Array(keyValueHeads * rank),
    o: new Float64Array(outputs * heads * rank),
  };
  let lost = 0;
  let whole = 0;
  for (let head = 0; head < keyValueHeads; head++) {
    tools.poll((1 + head / keyValueHeads) / 2);
    const queries = queryHeadsOf(head, sizes);
    // (v·L) = T·Q and the o of its query heads, below one another: P·T with P = [o₁; o₂; …].
    const { triangle } = thinLq(headRows(whitened, inputs, head, headSize), headSize, () => tools.poll(0.5));
    const stacked = new Float64Array(queries.length * outputs * headSize);
    for (const [i, query] of queries.entries()) {
      const own = columnsBetween(o, heads * headSize, query * headSize, (query + 1) * headSize);
      stacked.set(own, i * outputs * headSize);
    }
    const rows = queries.length * outputs;
    const product = tools.kernels.multiply(stacked, triangle, rows, headSize, headSize, false, false);
    const { left, right, singularValues } = truncatedSvd(product, rows, headSize, headSize, { kernels: tools.kernels });
    for (const [i, sigma] of singularValues.entries()) {
      whole += sigma * sigma;
      if (i >= rank) lost += sigma * sigma;
    }
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
  const { vBias: bias, ...matrices } = reduced;
  return {
    ...matrices,
    ...(bias && { vBias: bias }),
    output_error: whole === 0 ? 0 : Math.sqrt(lost / whole),
    notes: metric.notes,
  };
}
