/**
 * Method `eora`: low rank for what a quantised checkpoint lost of the dense weight, in the metric of the inputs.
 *
 * @see EoRA, arXiv 2410.21271
 */
import { CompressionError } from '../compressionError';
import { lowRank } from '../decomposition/lowRank';
import { diagonalMetric, gramMetric } from '../decomposition/layerMetrics';
import { stage, type LayerMethod } from './method';
import { METRIC_SHARE, noiseNotes, productOf } from './weightedSvd';

export const eora: LayerMethod = (input, tools) => {
  const { layer, w, quantised, statistics } = input;
  if (quantised?.length !== w.length) {
    throw new CompressionError(
      'missing-statistics',
      'eora needs what a quantised checkpoint holds of the same weight',
      {
        layer,
      },
    );
  }
  const metric = statistics.gram
    ? gramMetric(statistics, input, stage(tools, 0, METRIC_SHARE))
    : diagonalMetric(statistics, input);
  const lost = w.map((value, i) => value - quantised[i]!);
  const found = lowRank({ ...input, w: lost }, metric, input.rank, stage(tools, METRIC_SHARE, 1));
  return {
    parts: [productOf(found)],
    base: { w: quantised, stored: 'elsewhere' },
    metric,
    notes: [...metric.notes, ...noiseNotes(input.rank, found.numericalRank)],
  };
};
