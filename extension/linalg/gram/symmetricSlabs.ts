/**
 * A symmetric matrix by the half of it that is needed, cut into slabs of rows so that every product with it runs on
 * contiguous memory: each slab is its rows from the first column up to its diagonal block's last (that block is full).
 */
import { mirrorLower } from '../kernels/mirrorLower';
import type { MatrixProducts } from '../products/productTypes';

/**
 * Rows of a slab. Its products are then long enough to run at full speed. The diagonal blocks, computed in both halves,
 * stay a small part of the work (128 … 512 measured alike at order 4096).
 */
export const SLAB_ROWS = 256;

export interface Slab {
  /** Index of its first row. */
  readonly start: number;
  readonly rows: number;
  /** start + rows: the elements of a row. */
  readonly width: number;
  /** rows × width, the last `rows` columns symmetric. */
  readonly elements: Float64Array;
}

export class SymmetricSlabs {
  readonly slabs: readonly Slab[];

  /** The zero matrix of order n. All slabs but the first have SLAB_ROWS rows. */
  constructor(readonly n: number) {
    const slabs: Slab[] = [];
    for (let start = 0, end = n % SLAB_ROWS || SLAB_ROWS; start < n; start = end, end += SLAB_ROWS) {
      const width = Math.min(end, n);
      const rows = width - start;
      slabs.push({ start, rows, width, elements: new Float64Array(rows * width) });
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
    for (const { start, rows, width, elements } of packed.slabs) {
      for (let i = 0, row = start * n; i < rows; i++, row += n) {
        elements.set(matrix.subarray(row, row + width), i * width);
      }
    }
    return packed;
  }

  /** Makes the diagonal blocks symmetric by their lower triangles. */
  mirrorBlocks(): void {
    for (const { start, rows, width, elements } of this.slabs) mirrorLower(elements, rows, width, start);
  }

  /** The full matrix, n×n. */
  toMatrix(): Float64Array {
    const { n } = this;
    const matrix = new Float64Array(n * n);
    for (const { start, rows, width, elements } of this.slabs) {
      for (let i = 0; i < rows; i++) matrix.set(elements.subarray(i * width, (i + 1) * width), (start + i) * n);
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
    for (const { start, rows, width, elements } of this.slabs) {
      signal?.throwIfAborted();
      const own = x.subarray(start * k, width * k);
      await products.accumulate(elements, own, x.subarray(0, width * k), rows, width, k, false, true);
    }
  }

  /**
   * X += A·Z with the leading part A of `order` rows and columns: every stored element is used for both of its places.
   *
   * @param x at least n×k; rows from `order` on are of no use afterwards
   * @param z at least n×k; rows from `order` on must be zero
   * @throws DOMException `AbortError` when `signal` fires; the sum is then of no use
   */
  async addProduct(
    products: MatrixProducts,
    x: Float64Array,
    z: Float64Array,
    k: number,
    order: number,
    signal?: AbortSignal,
  ): Promise<void> {
    for (const { start, rows, width, elements } of this.slabs) {
      if (start >= order) break;
      signal?.throwIfAborted();
      const active = Math.min(rows, order - start);
      const used = elements.subarray(0, active * width);
      const own = [start * k, (start + active) * k] as const;
      if (start > 0) {
        // The diagonal block is no part of what lies above: what it adds to the slab's own rows is taken back.
        const kept = x.slice(...own);
        const above = x.subarray(0, width * k);
        await products.accumulate(above, used, z.subarray(...own), width, k, active, true, false);
        x.set(kept, own[0]);
      }
      await products.accumulate(x.subarray(...own), used, z.subarray(0, width * k), active, k, width, false, false);
    }
  }
}
