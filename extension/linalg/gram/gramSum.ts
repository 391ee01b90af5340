/** A Gram matrix X·Xᵀ that is summed up while columns of X arrive in chunks. */
import type { MatrixProducts } from '../products/productTypes';
import { SymmetricSlabs } from './symmetricSlabs';

export interface GramSum {
  /**
   * Adds a chunk's part, with turns of the event loop.
   *
   * @param x n×k, row-major; not changed
   * @throws DOMException `AbortError` when `signal` fires; the sum is then of no use
   * @throws RangeError where `x` is not n×k
   */
  add(x: Float64Array, k: number, signal?: AbortSignal): Promise<void>;
  /**
   * The matrix; nothing can be added afterwards.
   *
   * @throws DOMException `AbortError` when `signal` fires
   */
  finish(signal?: AbortSignal): Promise<SymmetricSlabs>;
}

/** By float64 products. */
export function gramByProducts(products: MatrixProducts, n: number): GramSum {
  const slabs = new SymmetricSlabs(n);
  return {
    add: (x, k, signal) => slabs.addGram(products, x, k, signal),
    finish: () => Promise.resolve(slabs),
  };
}
