/**
 * Chooses the matrix of a tensor that is factored, and the two tensors that then stand in for it.
 *
 * A convolution is factored as a whole, O × (I·kh·kw), or (kh·kw·I) × O if the outputs are the last axis: one narrow
 * convolution with the same kernel, followed by a 1 × 1 convolution. Its ESD instead pools one O × I matrix per kernel
 * position, so the eigenvalues that decide ranks and errors here are not those that the ESD shows.
 */
import type { TensorInfo } from '../checkpoint/checkpoint';
import { product } from '../shared/matrixAxes';
import { CompressionError } from './compressionError';

export interface CompressionMatrix {
  readonly kind: 'matrix' | 'conv' | 'expert';
  /**
   * The matrix is rows × cols. In every layout it is the stored elements as they lie, row-major: nothing is permuted,
   * only (for an expert) cut out.
   */
  readonly rows: number;
  readonly cols: number;
  /** First element of the matrix in the tensor; 0 unless it is an expert's slice. */
  readonly offset: number;
  /** Kernel positions of a convolution, else 1. */
  readonly positions: number;
}

/**
 * The matrix of a tensor that compression factors.
 *
 * @param shape of the tensor: 2 dimensions, or 3 and more for a convolution
 * @param kernelLayout matters for convolutions only
 * @param expert index along the first axis of a stack of experts (E, N, M)
 * @throws CompressionError `unsupported` where the tensor has no such matrix
 */
export function compressionMatrix(
  shape: readonly number[],
  kernelLayout: TensorInfo['kernelLayout'],
  expert?: number,
): CompressionMatrix {
  const shown = `[${shape.join(', ')}]`;
  if (shape.length < 2 || shape.some((size) => size === 0)) {
    throw new CompressionError('unsupported', `a tensor of shape ${shown} holds no matrix that could be compressed`);
  }
  if (expert !== undefined) {
    const [experts, rows, cols] = shape;
    if (shape.length !== 3 || !Number.isInteger(expert) || expert < 0 || expert >= experts!) {
      throw new CompressionError('unsupported', `a tensor of shape ${shown} has no expert ${expert}`);
    }
    return { kind: 'expert', rows: rows!, cols: cols!, offset: expert * rows! * cols!, positions: 1 };
  }
  if (shape.length === 2) return { kind: 'matrix', rows: shape[0]!, cols: shape[1]!, offset: 0, positions: 1 };
  const elements = product(shape);
  const positions = product(spatialAxes(shape, kernelLayout));
  if (outputsFirst(kernelLayout)) {
    return { kind: 'conv', rows: shape[0]!, cols: elements / shape[0]!, offset: 0, positions };
  }
  const out = shape.at(-1)!;
  return { kind: 'conv', rows: elements / out, cols: out, offset: 0, positions };
}

function spatialAxes(shape: readonly number[], kernelLayout: TensorInfo['kernelLayout']): readonly number[] {
  switch (kernelLayout) {
    case 'OI…':
      return shape.slice(2);
    case '…IO':
      return shape.slice(0, -2);
    case 'O…I':
      return shape.slice(1, -1);
    case '…O':
      return shape.slice(0, -1);
  }
}

export function outputsFirst(kernelLayout: TensorInfo['kernelLayout']): boolean {
  return kernelLayout === 'OI…' || kernelLayout === 'O…I';
}
