/**
 * The metric ‖D·(W − Ŵ)·L‖_F of a layer: D weighs outputs, L inputs, either by a diagonal or by a factor of their Gram
 * matrix C = L·Lᵀ. Methods minimise it, and errors are reported in it. `layerMetrics.ts` makes them from statistics.
 */
import type { Kernels, Poll } from '../../linalg/kernels/kernels';
import { timesLower } from '../../linalg/triangular/triangular';

export interface Metric {
  /** What it is made of. */
  readonly of: 'nothing' | 'fisher' | 'diagonal' | 'gram' | 'centred gram';
  /** Diagonal of D, one an output, above 0; absent for the identity. */
  readonly rows?: Float64Array;
  /** Diagonal of L, one an input, above 0; absent if there is a factor, or for the identity. */
  readonly columns?: Float64Array;
  /** L, in × in, lower triangular with a positive diagonal. */
  readonly factor?: Float64Array;
  /** What was added to the diagonal of the Gram matrix to make it positive definite. */
  readonly ridge?: number;
  /** What was done to the statistics. */
  readonly notes: readonly string[];
}

export const PLAIN: Metric = { of: 'nothing', notes: [] };

/** Of a matrix. */
interface Size {
  readonly outputs: number;
  readonly inputs: number;
}

export function isPlain({ rows, columns, factor }: Metric): boolean {
  return !rows && !columns && !factor;
}

/** D·X·L of an out × in matrix; new. @throws what `poll` does */
export function weighted(metric: Metric, x: Float64Array, size: Size, kernels: Kernels, poll: Poll): Float64Array {
  const { rows, columns, factor } = metric;
  const { outputs, inputs } = size;
  const result = factor ? timesLower(x, outputs, factor, inputs, kernels, poll) : x.slice();
  if (!rows && !columns) return result;
  for (let i = 0, at = 0; i < outputs; i++) {
    const row = rows ? rows[i]! : 1;
    for (let j = 0; j < inputs; j++, at++) result[at] = result[at]! * row * (columns ? columns[j]! : 1);
  }
  return result;
}
