/**
 * Gram matrix of a matrix that arrives in bands of rows: only the tiles on and below the diagonal are multiplied.
 */
import type { MatrixProducts } from './matrixProducts';
import { mirrorLower } from './mirrorLower';
import { eventLoopTurn } from './productPieces';

/** Columns of a tile: wide enough for a product at full speed, narrow enough to waste little on the diagonal. */
const TILE = 512;

export class GramAccumulator {
  private sum: Float64Array | undefined;

  /** @param n columns of the matrix, the order of the Gram matrix */
  constructor(
    private readonly products: MatrixProducts,
    private readonly n: number,
  ) {
    this.sum = new Float64Array(n * n);
  }

  /**
   * Adds XᵀX, with a turn of the event loop between tiles.
   *
   * @param x rows×n, row-major; not changed
   * @throws DOMException `AbortError` when `signal` fires; the sum is then of no use
   * @throws RangeError where `x` is not rows×n
   */
  async addRows(x: Float64Array, rows: number, signal?: AbortSignal): Promise<void> {
    const { n, sum } = this;
    if (!sum) throw new Error('the Gram matrix was handed over already');
    if (x.length !== rows * n) throw new RangeError(`${rows} × ${n} elements expected, not ${x.length}`);
    const tiles = Math.ceil(n / TILE);
    const slabs: Slab[] = [];
    for (let t = 0; t < tiles; t++) {
      signal?.throwIfAborted();
      await eventLoopTurn();
      slabs.push(columns(x, rows, n, t * TILE, Math.min(n, (t + 1) * TILE)));
    }
    for (const [t, left] of slabs.entries()) {
      for (const right of slabs.slice(0, t + 1)) {
        signal?.throwIfAborted();
        const product = await this.products.multiply(left.x, right.x, left.width, right.width, rows, true, false);
        for (let i = 0; i < left.width; i++) {
          const from = i * right.width;
          const to = (left.start + i) * n + right.start;
          for (let j = 0; j < right.width; j++) sum[to + j] = sum[to + j]! + product[from + j]!;
        }
      }
    }
  }

  /** The full symmetric n×n matrix; hands over its buffer, so nothing can be added afterwards. */
  finish(): Float64Array {
    const { n, sum } = this;
    if (!sum) throw new Error('the Gram matrix was handed over already');
    this.sum = undefined;
    mirrorLower(sum, n);
    return sum;
  }
}

interface Slab {
  start: number;
  width: number;
  /** rows×width */
  x: Float64Array;
}

function columns(x: Float64Array, rows: number, n: number, start: number, end: number): Slab {
  const width = end - start;
  const slab = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) slab.set(x.subarray(i * n + start, i * n + end), i * width);
  return { start, width, x: slab };
}
