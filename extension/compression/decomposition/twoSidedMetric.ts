/**
 * The metric of LQ-LoRA: ‖D_r (W − Ŵ) D_c‖_F with D_r and D_c the roots of the row and column means of the Fisher
 * information. Plain if nothing is known of it; rows alone if only their sums are.
 *
 * @see LQ-LoRA, arXiv 2311.12023, §3.3
 */
import type { Kernels, Poll } from '../../linalg/kernels/kernels';
import type { ProductPart } from '../../shared/compression/parts';
import { CompressionError } from '../compressionError';
import { frobenius } from '../measuredError';
import type { LayerMatrix, MethodInput } from '../methods/method';
import { truncatedSvd } from '../truncatedSvd';

/** Weights below this share of the largest count as it: a row of weight 0 could become anything. */
const LEAST_WEIGHT = 1e-6;

/** Factors of the rows and columns of W − Ŵ; absent for 1. */
export interface TwoSidedMetric {
  readonly rows?: Float64Array;
  readonly columns?: Float64Array;
}

/** @throws CompressionError `invalid-statistics` */
export function fisherMetric({ statistics, outputs, inputs, layer }: MethodInput): TwoSidedMetric {
  const { fisher } = statistics;
  if (!fisher) return {};
  const refuse = (what: string): CompressionError =>
    new CompressionError('invalid-statistics', `its Fisher information ${what}; compute it anew`, { layer });
  if (fisher.length !== outputs && fisher.length !== outputs * inputs) {
    throw refuse(`has ${fisher.length} elements, and the matrix is ${outputs} × ${inputs}`);
  }
  const bad = fisher.findIndex((value) => !(value >= 0 && value < Infinity));
  if (bad >= 0) throw refuse(`has the element ${fisher[bad]!} at position ${bad}`);
  if (fisher.every((value) => value === 0)) throw refuse('is 0 everywhere');
  if (fisher.length === outputs && inputs > 1) return { rows: weights(fisher) };
  const rows = new Float64Array(outputs);
  const columns = new Float64Array(inputs);
  for (let row = 0, at = 0; row < outputs; row++) {
    for (let i = 0; i < inputs; i++, at++) {
      rows[row] = rows[row]! + fisher[at]!;
      columns[i] = columns[i]! + fisher[at]!;
    }
  }
  return { rows: weights(rows), columns: weights(columns) };
}

/** Roots, with the largest 1: a factor of all weights changes no choice. */
function weights(sums: Float64Array): Float64Array {
  const largest = sums.reduce((most, sum) => (sum > most ? sum : most), 0);
  return sums.map((sum) => Math.max(Math.sqrt(sum / largest), LEAST_WEIGHT));
}

/** D_r·W·D_c; W itself if the metric is plain. */
function weighted({ w, inputs }: LayerMatrix, { rows, columns }: TwoSidedMetric): Float64Array {
  if (!rows && !columns) return w;
  return w.map((value, i) => {
    const column = columns ? columns[i % inputs]! : 1;
    return value * column * (rows ? rows[(i / inputs) | 0]! : 1);
  });
}

/** ‖D_r·R·D_c‖_F of what is left over. */
export function metricNorm(matrix: LayerMatrix, metric: TwoSidedMetric, poll?: Poll): number {
  return frobenius(weighted(matrix, metric), poll);
}

/** The product of rank k that is nearest in the metric. Directions beyond the numerical rank are zeros. */
export function lowRankIn(
  metric: TwoSidedMetric,
  matrix: LayerMatrix,
  rank: number,
  { kernels, poll }: { kernels: Kernels; poll: Poll },
): ProductPart {
  const { outputs, inputs } = matrix;
  const { rows, columns } = metric;
  const svd = truncatedSvd(weighted(matrix, metric), outputs, inputs, rank, { kernels, onProgress: poll });
  return {
    kind: 'product',
    rank,
    left: rows ? svd.left.map((value, i) => value / rows[Math.floor(i / rank)]!) : svd.left,
    right: columns ? svd.right.map((value, i) => value / columns[i % inputs]!) : svd.right,
  };
}
