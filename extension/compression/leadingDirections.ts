/**
 * The directions of a truncated SVD without the whole spectrum: block Krylov on the matrix products of the device, until
 * the error of the approximation is the optimal one to within a millionth. Much faster than all of WᵀW where few
 * directions of many are kept.
 */
import { BandProducts, type RowBands } from '../linalg/singular/rowBandProducts';
import { leadingPairs, leastCapacity, type SingularTools } from '../linalg/singular/leadingPairs';

/** The relative error may exceed the smallest possible one by this share of it. */
const EXCESS = 1e-6;
/** Rounding errors of a product, as a share of the largest eigenvalue. */
const ROUNDING = 1e-14;

/** Measured (`test/bench/singularVectors.bench.ts`): below this order, or above this share of it, all of WᵀW is as fast. */
const LEAST_ORDER = 1536;
const LARGEST_SHARE = 1 / 16;
/** A basis beyond this share of the order costs as much as all of WᵀW. */
const BASIS_SHARE = 1 / 2;

/** Whether `leadingDirections` is worth its while. */
export function fewDirections(rows: number, cols: number, rank: number): boolean {
  const order = Math.min(rows, cols);
  return order >= LEAST_ORDER && rank <= LARGEST_SHARE * order;
}

/** Bytes it takes beside the matrix. */
export function directionBytes(rows: number, cols: number, rank: number): number {
  const order = Math.min(rows, cols);
  const basis = basisSize(order, rank);
  return 8 * (basis * (order + 2 * basis) + rank * order);
}

function basisSize(order: number, rank: number): number {
  return Math.max(leastCapacity(rank + 1), Math.floor(BASIS_SHARE * order));
}

/**
 * Orthonormal vectors v₁ … v_rank, rank×cols, with ‖W − W·VᵀV‖_F at most 1 + 1e-6 times the smallest possible. Those
 * whose σ is nearly σ_{rank+1} may be mixed with directions that are as good.
 *
 * @param matrix with at least as many rows as columns, its elements finite
 * @returns undefined where the basis became too large before the error was good
 * @throws DOMException `AbortError` when the signal fires; what the products and `solve` throw
 */
export async function leadingDirections(
  matrix: RowBands,
  rank: number,
  tools: SingularTools,
): Promise<Float64Array | undefined> {
  const { cols } = matrix;
  const total = await squaredNorm(matrix, tools.signal);
  const limits = { capacity: basisSize(cols, rank), restarts: 0 };
  const products = new BandProducts(tools.products, matrix);
  // One more than is kept: it tells how far the last one kept stands apart.
  const found = await leadingPairs(products, rank + 1, tools, limits, (values, residuals) => {
    const kept = values.subarray(0, rank).reduce((sum, value) => sum + value, 0);
    const goal = Math.max(2 * EXCESS * (total - kept), rank * ROUNDING * values[0]!);
    return lossBound(values, residuals) <= goal;
  });
  return found.converged ? found.vectors.slice(0, rank * cols) : undefined;
}

/**
 * Bound of what the first Ritz values lack to the eigenvalues they stand for, all but the last value summed: the
 * residual, or (Kato and Temple) its square over the distance to the eigenvalues that are not kept.
 */
function lossBound(values: Float64Array, residuals: Float64Array): number {
  const last = values.length - 1;
  const discarded = values[last]! + residuals[last]!;
  let loss = 0;
  for (let i = 0; i < last; i++) {
    const gap = values[i]! - discarded;
    const residual = residuals[i]!;
    loss += gap > residual ? (residual * residual) / gap : residual;
  }
  return loss;
}

async function squaredNorm(matrix: RowBands, signal: AbortSignal | undefined): Promise<number> {
  let total = 0;
  for await (const { elements } of matrix.bands(signal)) {
    let sum = 0;
    for (const value of elements) sum += value * value;
    total += sum;
  }
  return total;
}
