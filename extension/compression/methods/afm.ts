/**
 * Method `afm`: the principal components of the centred outputs are kept, Ŵ = U_k·U_kᵀ·W with U from W·C̄·Wᵀ, and the mean
 * of what is left over becomes a bias, (1 − U_k·U_kᵀ)·mean(y).
 *
 * @see Yu et al. 2023, "Compressing Transformers: Features Are Low-Rank, but Weights Are Not!"
 */
import { lowRank } from '../decomposition/lowRank';
import { checkedMean, gramMetric } from '../decomposition/layerMetrics';
import { stage, type LayerMethod } from './method';
import { METRIC_SHARE, noiseNotes, productOf } from './weightedSvd';

export const afm: LayerMethod = (input, tools) => {
  const { w, rank, statistics } = input;
  const mean = checkedMean(statistics, input);
  const metric = gramMetric(statistics, input, stage(tools, 0, METRIC_SHARE), true);
  const found = lowRank(input, metric, rank, stage(tools, METRIC_SHARE, 1));
  const kept = timesVector(found.left, timesVector(found.right, mean));
  const bias = timesVector(w, mean).map((value, i) => value - kept[i]!);
  return {
    parts: [productOf(found)],
    bias,
    metric,
    notes: [...metric.notes, ...noiseNotes(input.rank, found.numericalRank)],
  };
};

/** X·v of a row-major matrix. */
function timesVector(x: Float64Array, v: Float64Array): Float64Array {
  return Float64Array.from({ length: x.length / v.length }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < v.length; j++) sum += x[i * v.length + j]! * v[j]!;
    return sum;
  });
}
