/**
 * Which matrix of a tensor is factored, and which two tensors then stand in for it.
 *
 * A convolution is factored as a whole, O × (I·kh·kw) (where the outputs are the last axis: (kh·kw·I) × O): one narrow
 * convolution with the same kernel followed by a 1 × 1 convolution. Its ESD instead pools one O × I matrix per kernel position, so
 * the eigenvalues that decide ranks and errors here are those of another matrix than the ones the ESD shows.
 */
import type { TensorInfo } from '../checkpoint/checkpoint';
import { product } from '../checkpoint/shape';
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

function outputsFirst(kernelLayout: TensorInfo['kernelLayout']): boolean {
  return kernelLayout === 'OI…' || kernelLayout === 'O…I';
}

/** A tensor that is a factor of another: `left` is A (rows × k), `right` is B (k × cols), and W = A·B. */
export interface FactorTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly factor: 'left' | 'right';
}

/**
 * Names and shapes of the two tensors that replace `name`, the one applied to the input first.
 *
 * `X.weight` becomes `X.0.weight` and `X.1.weight`, which is what `nn.Sequential` of two Linear (or two Conv) layers
 * calls them; a name that does not end in `.weight` gets `.0` and `.1` appended. Input meets the factor on the
 * input side first: B in PyTorch's out × in matrices and kernels (y = A·(B·x)), A in kernels whose last axis is the
 * outputs.
 *
 * @throws CompressionError `unsupported` for an expert's slice: its tensor also holds the other experts
 */
export function factorTensors(
  tensor: Pick<TensorInfo, 'name' | 'shape' | 'kernelLayout'>,
  matrix: CompressionMatrix,
  rank: number,
): FactorTensor[] {
  const { name, shape } = tensor;
  const weight = /^(.*\.)?weight$/.exec(name);
  const [first, second] = weight
    ? [`${weight[1] ?? ''}0.weight`, `${weight[1] ?? ''}1.weight`]
    : [`${name}.0`, `${name}.1`];
  const { rows, cols } = matrix;
  switch (matrix.kind) {
    case 'expert':
      throw new CompressionError(
        'unsupported',
        'one expert of a stack cannot be stored as two factors, because the other experts lie in the same tensor; ' +
          'save the reconstructed matrix instead',
      );
    case 'matrix':
      return [
        { name: first, shape: [rank, cols], factor: 'right' },
        { name: second, shape: [rows, rank], factor: 'left' },
      ];
    case 'conv': {
      if (outputsFirst(tensor.kernelLayout)) {
        const ones = shape.slice(2).map(() => 1);
        const mixing = tensor.kernelLayout === 'OI…' ? [rows, rank, ...ones] : [rows, ...ones, rank];
        return [
          { name: first, shape: [rank, ...shape.slice(1)], factor: 'right' },
          { name: second, shape: mixing, factor: 'left' },
        ];
      }
      return [
        { name: first, shape: [...shape.slice(0, -1), rank], factor: 'left' },
        { name: second, shape: [...shape.slice(0, -2).map(() => 1), rank, cols], factor: 'right' },
      ];
    }
  }
}
