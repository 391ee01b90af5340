/** The methods that are a truncated SVD in a metric of their own. @see decomposition/lowRank.ts */
import { lowRank, type LowRank } from '../decomposition/lowRank';
import type { Metric } from '../decomposition/metric';
import type { ProductPart } from '../../shared/compression/parts';
import { stage, type LayerMethod, type MethodInput, type MethodTools } from './method';

/** Rough share of the time that making the metric takes. */
export const METRIC_SHARE = 0.1;

/** @param metricOf makes the metric of a layer from its statistics */
export function weightedSvd(metricOf: (input: MethodInput, tools: MethodTools) => Metric): LayerMethod {
  return (input, tools) => {
    const metric = metricOf(input, stage(tools, 0, METRIC_SHARE));
    const found = lowRank(input, metric, input.rank, stage(tools, METRIC_SHARE, 1));
    return {
      parts: [productOf(found)],
      metric,
      notes: [...metric.notes, ...noiseNotes(input.rank, found.numericalRank)],
    };
  };
}

export function productOf({ left, right, singularValues }: LowRank): ProductPart {
  return { kind: 'product', rank: singularValues.length, left, right };
}

/** What is said of directions beyond the numerical rank. */
export function noiseNotes(rank: number, numericalRank: number): string[] {
  if (numericalRank >= rank) return [];
  return [
    `The matrix has numerical rank ${numericalRank}: the other ${rank - numericalRank} of the ${rank} directions are ` +
      `rounding noise and stored as zeros. Rank ${Math.max(1, numericalRank)} is enough.`,
  ];
}
