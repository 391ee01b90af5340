/**
 * The best low rank under a metric: a truncated SVD of A = D·W·L, its factors scaled back. The discarded σ are the metric's
 * error exactly.
 *
 * A wide matrix is projected on the left, Ŵ = D⁻¹·U_k·U_kᵀ·D·W, and a tall one on the right, Ŵ = W·L·V_k·V_kᵀ·L⁻¹. The
 * vectors then come from the Gram matrix of A's smaller side and are orthonormal, and A's approximation is a projection of
 * it, whatever the errors of those with small σ.
 */
import { bandedProjection } from '../../linalg/singular/bands';
import { frobenius } from '../measuredError';
import { stage, type LayerMatrix, type MethodTools } from '../methods/method';
import { smallerSideVectors } from '../../linalg/singular/smallerSide';
import { largestOf } from '../../shared/extremes';
import { truncatedSvd } from '../truncatedSvd';
import { improvedDirections, type FactorsBefore } from './improvedDirections';
import { isPlain, weighted, type Metric } from './metric';
import { timesInverseLower } from '../../linalg/triangular/triangular';
import { transpose } from '../../linalg/kernels/transpose';

/** Rough shares of the time. */
const WEIGHING_SHARE = 0.1;
const FOUND_SHARE = 0.7;
const HALF = 0.5;

export interface LowRank {
  /** out × rank. */
  readonly left: Float64Array;
  /** rank × in. */
  readonly right: Float64Array;
  /** σ₁ … σ_k of A. */
  readonly singularValues: Float64Array;
  /** Directions of A beyond it are rounding noise. */
  readonly numericalRank: number;
}

/**
 * The factors share σ equally: D⁻¹·U_k√S_k and √S_k·V_kᵀ·L⁻¹. At full rank their product is W in any metric.
 *
 * @param rank 1 ≤ rank ≤ min(outputs, inputs)
 * @param before factors of nearly the same matrix: if they make it faster, the result is not the best low rank, but at least
 *   as good as they are
 * @throws what `poll` does
 */
export function lowRank(
  matrix: LayerMatrix,
  metric: Metric,
  rank: number,
  tools: MethodTools,
  before?: FactorsBefore,
): LowRank {
  const { w, outputs, inputs } = matrix;
  if (isPlain(metric) || rank === Math.min(outputs, inputs)) {
    const directions = before && improvedDirections(matrix, before, rank, stage(tools, 0, HALF));
    const onProgress = stage(tools, directions ? HALF : 0, 1).poll;
    return truncatedSvd(w, outputs, inputs, rank, { kernels: tools.kernels, onProgress }, directions);
  }
  const a = weighted(metric, w, matrix, tools.kernels, stage(tools, 0, WEIGHING_SHARE).poll);
  const { kernels } = tools;
  const finding = stage(tools, WEIGHING_SHARE, FOUND_SHARE);
  const vectors =
    (before && improvedDirections({ ...matrix, w: a }, inMetric(metric, before, rank), rank, finding)) ??
    smallerSideVectors({ w: a, rows: outputs, cols: inputs, kernels }, rank, { onProgress: finding.poll });
  const found = { a, vectors, rank };
  const rest = stage(tools, FOUND_SHARE, 1);
  return outputs >= inputs ? onTheRight(matrix, metric, found, rest) : onTheLeft(matrix, metric, found, rest);
}

/** D·A and B·L of a product A·B. */
function inMetric({ rows, columns, factor }: Metric, { left, right }: FactorsBefore, rank: number): FactorsBefore {
  if (factor) throw new Error('factors under a Gram matrix are never improved');
  return {
    left: rows ? left.map((x, at) => x * rows[Math.floor(at / rank)]!) : left,
    right: columns ? scaled(right, rank, columns) : right,
  };
}

interface Found {
  /** A, out × in. */
  readonly a: Float64Array;
  /** Of A's smaller side, rank × min(outputs, inputs). */
  readonly vectors: Float64Array;
  readonly rank: number;
}

function onTheLeft(matrix: LayerMatrix, metric: Metric, { a, vectors, rank }: Found, tools: MethodTools): LowRank {
  const { w, outputs, inputs } = matrix;
  const { kernels, poll } = tools;
  const { rows = ones(outputs), columns, factor } = metric;
  const project = (x: Float64Array, u: Float64Array): Float64Array =>
    bandedProjection({ w: x, rows: outputs, cols: inputs, kernels }, u, rank, poll);
  // U_kᵀ·A = S_k·V_kᵀ
  const image = project(a, vectors);
  const singularValues = rowLengths(image, rank);
  // U_kᵀ·D·W = S_k·V_kᵀ·L⁻¹
  const right = factor ? project(w, scaled(vectors, rank, rows)) : image;
  const left = transpose(scaled(vectors, rank, inverse(rows)), rank, outputs);
  const within = columns && !factor ? scaled(right, rank, inverse(columns)) : right;
  return balanced({ left, right: within, singularValues }, matrix, 'right');
}

function onTheRight(matrix: LayerMatrix, metric: Metric, { a, vectors, rank }: Found, tools: MethodTools): LowRank {
  const { outputs, inputs } = matrix;
  const { kernels, poll } = tools;
  const { rows, columns, factor } = metric;
  // A·V_k = U_k·S_k
  const left = bandedProjection({ w: a, rows: outputs, cols: inputs, kernels }, vectors, rank, poll);
  const singularValues = columnLengths(left, rank);
  if (rows) {
    for (let i = 0, at = 0; i < outputs; i++) {
      for (let j = 0; j < rank; j++, at++) left[at] = left[at]! / rows[i]!;
    }
  }
  const right = factor
    ? timesInverseLower(vectors, rank, factor, inputs, kernels, poll)
    : scaled(vectors, rank, columns ? inverse(columns) : ones(inputs));
  return balanced({ left, right, singularValues }, matrix, 'left');
}

/** Shares σ equally between the factors, the one `within` holding all of it. Directions of rounding noise become zero. */
function balanced(
  { left, right, singularValues }: Omit<LowRank, 'numericalRank'>,
  { outputs, inputs }: LayerMatrix,
  within: 'left' | 'right',
): LowRank {
  const rank = singularValues.length;
  const noise = largestOf(singularValues) * Math.max(outputs, inputs) * Number.EPSILON;
  const roots = singularValues.map((sigma) => (sigma > noise ? Math.sqrt(sigma) : 0));
  const inverses = roots.map((root) => (root > 0 ? 1 / root : 0));
  const [ofLeft, ofRight] = within === 'left' ? [inverses, roots] : [roots, inverses];
  for (let at = 0; at < left.length; at++) left[at] = left[at]! * ofLeft[at % rank]! + 0;
  for (let j = 0, at = 0; j < rank; j++) {
    for (let i = 0; i < inputs; i++, at++) right[at] = right[at]! * ofRight[j]! + 0;
  }
  return { left, right, singularValues, numericalRank: roots.filter((root) => root > 0).length };
}

/** The rows of a rank × n matrix, element by element times `weights`; new. */
function scaled(vectors: Float64Array, rank: number, weights: Float64Array): Float64Array {
  const n = weights.length;
  const result = new Float64Array(vectors.length);
  for (let j = 0, at = 0; j < rank; j++) {
    for (let i = 0; i < n; i++, at++) result[at] = vectors[at]! * weights[i]!;
  }
  return result;
}

function inverse(weights: Float64Array): Float64Array {
  return weights.map((weight) => 1 / weight);
}

function ones(n: number): Float64Array {
  return new Float64Array(n).fill(1);
}

function rowLengths(x: Float64Array, rank: number): Float64Array {
  const n = x.length / rank;
  return Float64Array.from({ length: rank }, (_, i) => frobenius(x.subarray(i * n, (i + 1) * n)));
}

function columnLengths(x: Float64Array, rank: number): Float64Array {
  const sums = new Float64Array(rank);
  for (let start = 0; start < x.length; start += rank) {
    for (let j = 0; j < rank; j++) sums[j] = sums[j]! + x[start + j]! ** 2;
  }
  return sums.map(Math.sqrt);
}
