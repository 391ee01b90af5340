/**
 * A symmetric matrix by the half of it that is needed, cut into slabs of rows so that every product with it runs on
 * contiguous memory: each slab is its rows left of its diagonal block, and that block (full).
 */
import type { MatrixProducts } from './matrixProducts';
import { mirrorLower } from './mirrorLower';

/**
 * Rows of a slab: its products are then long enough to run at full speed, and the diagonal blocks, of which both halves are
 * computed, stay a small part of the work (128 … 512 measured alike at order 4096).
 */
export const SLAB_ROWS = 256;

export interface Slab {
  /** Index of its first row. */
  readonly start: number;
  readonly rows: number;
  /** rows × start: the part left of the diagonal block. */
  readonly left: Float64Array;
  /** rows × rows, symmetric. */
  readonly diagonal: Float64Array;
}

export class SymmetricSlabs {
  readonly slabs: readonly Slab[];

  /** The zero matrix of order n. All slabs but the first have SLAB_ROWS rows. */
  constructor(readonly n: number) {
    const slabs: Slab[] = [];
    for (let start = 0, end = n % SLAB_ROWS || SLAB_ROWS; start < n; start = end, end += SLAB_ROWS) {
      const rows = Math.min(end, n) - start;
      slabs.push({ start, rows, left: new Float64Array(rows * start), diagonal: new Float64Array(rows * rows) });
    }
    this.slabs = slabs;
  }

  /** Bytes that a matrix of order n takes. */
  static bytes(n: number): number {
    return 4 * n * (n + SLAB_ROWS);
  }

  /** @param matrix n×n, row-major, symmetric */
  static fromMatrix(matrix: Float64Array, n: number): SymmetricSlabs {
    if (matrix.length !== n * n) throw new RangeError(`${n} × ${n} elements expected, not ${matrix.length}`);
    const packed = new SymmetricSlabs(n);
    for (const { start, rows, left, diagonal } of packed.slabs) {
      for (let i = 0; i < rows; i++) {
        const row = (start + i) * n;
        left.set(matrix.subarray(row, row + start), i * start);
        diagonal.set(matrix.subarray(row + start, row + start + rows), i * rows);
      }
    }
    return packed;
  }

  /** The full matrix, n×n. */
  toMatrix(): Float64Array {
    const { n } = this;
    const matrix = new Float64Array(n * n);
    for (const { start, rows, left, diagonal } of this.slabs) {
      for (let i = 0; i < rows; i++) {
        matrix.set(left.subarray(i * start, (i + 1) * start), (start + i) * n);
        matrix.set(diagonal.subarray(i * rows, (i + 1) * rows), (start + i) * n + start);
      }
    }
    mirrorLower(matrix, n);
    return matrix;
  }

  /**
   * Adds X·Xᵀ.
   *
   * @param x n×k, row-major; not changed
   * @throws DOMException `AbortError` when `signal` fires; the sum is then of no use
   * @throws RangeError where `x` is not n×k
   */
  async addGram(products: MatrixProducts, x: Float64Array, k: number, signal?: AbortSignal): Promise<void> {
    if (x.length !== this.n * k) throw new RangeError(`${this.n} × ${k} elements expected, not ${x.length}`);
    for (const { start, rows, left, diagonal } of this.slabs) {
      signal?.throwIfAborted();
      const own = x.subarray(start * k, (start + rows) * k);
      await products.accumulate(left, own, x.subarray(0, start * k), rows, start, k, false, true);
      await products.accumulate(diagonal, own, own, rows, rows, k, false, true);
    }
  }
}
