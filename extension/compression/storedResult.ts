/** Factors rounded to the type they are stored in, and what that leaves of W, measured on W itself. */
import { elementSize } from '../checkpoint/elements/dtype';
import type { Kernels, Poll } from '../linalg/kernels/kernels';
import { frobenius, relativeTo } from './measuredError';
import { narrow, type FloatDType } from './narrow';
import { forEachBlock } from './parts/productBlocks';
import type { Factors } from './truncatedSvd';
import { transpose } from '../linalg/kernels/transpose';

/** A matrix W, its rank-k factors, and how they are to be stored. */
export interface Approximation {
  /** rows × cols, row-major. */
  readonly w: Float64Array;
  readonly rows: number;
  readonly cols: number;
  readonly rank: number;
  readonly factors: Pick<Factors, 'left' | 'right'>;
  readonly dtype: FloatDType;
  readonly kernels: Kernels;
  /** Called after every block with the share done; may throw to stop. */
  readonly poll: Poll;
}

export interface Measured {
  /** ‖W − Ŵ‖_F/‖W‖_F of the stored values; 0 for a zero matrix. */
  measured_error: number;
  /** Values that were beyond the stored type's range. */
  saturated: number;
}

/**
 * A and B as stored. The error is that of the product of the rounded factors.
 *
 * @param transposed the one whose transpose is stored
 */
export function storeFactors(
  approximation: Approximation,
  transposed?: 'left' | 'right',
): Measured & { left: Uint8Array; right: Uint8Array } {
  const { w, rows, cols, rank, factors, dtype, kernels, poll } = approximation;
  const left = narrow(factors.left, dtype);
  const right = narrow(factors.right, dtype);
  let squared = 0;
  const add = (block: Float64Array, start: number): void => {
    squared += squaredDistance(w.subarray(start, start + block.length), block);
  };
  forEachBlock({ left: left.values, right: right.values, rows, cols, rank }, kernels, add, poll);
  return {
    left: transposed === 'left' ? narrow(transpose(factors.left, rows, rank), dtype).bytes : left.bytes,
    right: transposed === 'right' ? narrow(transpose(factors.right, rank, cols), dtype).bytes : right.bytes,
    measured_error: relativeTo(frobenius(w), Math.sqrt(squared)),
    saturated: left.saturated + right.saturated,
  };
}

/** A·B as stored, rows × cols. The factors themselves are not rounded, only their product. */
export function storeProduct(approximation: Approximation): Measured & { product: Uint8Array } {
  const { w, rows, cols, rank, factors, dtype, kernels, poll } = approximation;
  const bytes = new Uint8Array(w.length * elementSize(dtype));
  let squared = 0;
  let saturated = 0;
  const add = (block: Float64Array, start: number): void => {
    const stored = narrow(block, dtype);
    bytes.set(stored.bytes, start * elementSize(dtype));
    saturated += stored.saturated;
    squared += squaredDistance(w.subarray(start, start + block.length), stored.values);
  };
  forEachBlock({ ...factors, rows, cols, rank }, kernels, add, poll);
  return { product: bytes, measured_error: relativeTo(frobenius(w), Math.sqrt(squared)), saturated };
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}
