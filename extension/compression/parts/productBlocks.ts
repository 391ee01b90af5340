/** A product of two factors in blocks of whole rows, so that it never exists as a whole in float64. */
import type { Kernels, Poll } from '../../linalg/kernels/kernels';

/** Multiply-adds of one block: some 0.1 s between two polls. */
const BLOCK_MULTIPLY_ADDS = 5e8;

/** left (rows × rank) times right (rank × cols), row-major. */
interface Product {
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly rows: number;
  readonly cols: number;
  readonly rank: number;
}

/**
 * @param use takes a block, and where its first element is in the product
 * @param poll is called after every block with the share done; may throw to stop
 */
export function forEachBlock(
  { left, right, rows, cols, rank }: Product,
  kernels: Kernels,
  use: (block: Float64Array, start: number) => void,
  poll?: Poll,
): void {
  const step = Math.max(1, Math.floor(BLOCK_MULTIPLY_ADDS / (cols * rank)));
  for (let row = 0; row < rows; row += step) {
    const end = Math.min(rows, row + step);
    const factor = left.subarray(row * rank, end * rank);
    use(kernels.multiply(factor, right, end - row, cols, rank, false, false), row * cols);
    poll?.(end / rows);
  }
}
