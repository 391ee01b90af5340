/** Factors rounded to the type they are stored in, and what that leaves of W, measured on W itself. */
import { elementSize } from '../checkpoint/elements/dtype';
import type { Kernels, Poll } from '../linalg/kernels/kernels';
import { narrow, type FloatDType } from './narrow';
import type { Factors } from './truncatedSvd';
import { transpose } from '../linalg/kernels/transpose';

/** Multiply-adds of one block of rows of the product: some 0.1 s between two polls. */
const BLOCK_MULTIPLY_ADDS = 5e8;

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
  const { w, rows, cols, rank, factors, dtype } = approximation;
  const left = narrow(factors.left, dtype);
  const right = narrow(factors.right, dtype);
  let squared = 0;
  forEachBlock(approximation, left.values, right.values, (product, row) => {
    squared += squaredDistance(w.subarray(row * cols, row * cols + product.length), product);
  });
  return {
    left: transposed === 'left' ? narrow(transpose(factors.left, rows, rank), dtype).bytes : left.bytes,
    right: transposed === 'right' ? narrow(transpose(factors.right, rank, cols), dtype).bytes : right.bytes,
    measured_error: relativeTo(w, squared),
    saturated: left.saturated + right.saturated,
  };
}

/** A·B as stored, rows × cols. The factors themselves are not rounded, only their product. */
export function storeProduct(approximation: Approximation): Measured & { product: Uint8Array } {
  const { w, cols, factors, dtype } = approximation;
  const bytes = new Uint8Array(w.length * elementSize(dtype));
  let squared = 0;
  let saturated = 0;
  forEachBlock(approximation, factors.left, factors.right, (product, row) => {
    const stored = narrow(product, dtype);
    bytes.set(stored.bytes, row * cols * elementSize(dtype));
    saturated += stored.saturated;
    squared += squaredDistance(w.subarray(row * cols, row * cols + product.length), stored.values);
  });
  return { product: bytes, measured_error: relativeTo(w, squared), saturated };
}

/** Calls back with blocks of whole rows of left·right, so that the product never exists as a whole in float64. */
function forEachBlock(
  { rows, cols, rank, kernels, poll }: Approximation,
  left: Float64Array,
  right: Float64Array,
  use: (product: Float64Array, firstRow: number) => void,
): void {
  const step = Math.max(1, Math.floor(BLOCK_MULTIPLY_ADDS / (cols * rank)));
  for (let row = 0; row < rows; row += step) {
    const end = Math.min(rows, row + step);
    const block = left.subarray(row * rank, end * rank);
    use(kernels.multiply(block, right, end - row, cols, rank, false, false), row);
    poll(end / rows);
  }
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

function relativeTo(w: Float64Array, squared: number): number {
  let total = 0;
  for (const x of w) total += x * x;
  return total === 0 ? 0 : Math.sqrt(squared / total);
}
