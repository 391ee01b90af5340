/**
 * Chebyshev polynomials of a symmetric band matrix, applied to many vectors at once: what belongs to eigenvalues in an
 * interval stays as small as it is, what belongs to larger ones grows. One step costs n·width multiply-adds a vector.
 *
 * @see Zhou, Saad, Tiago & Chelikowsky 2006, "Self-consistent-field calculations using Chebyshev-filtered subspace iteration"
 */
import type { MatrixProducts } from '../products/productTypes';
import type { BandMatrix, Interval } from '../kernels/bandMatrix';

/** Rows that are multiplied at once: long enough for products at full speed, little beyond the band. Measured with 32 … 256. */
const BLOCK_ROWS = 96;

/** Rows [start, end) of ±2·(B − centre)/radius, as dense blocks from column `first` to before `last`. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
  readonly plus: Float64Array;
  readonly minus: Float64Array;
}

export class BandFilter {
  private readonly blocks: readonly Block[];
  /** @param damped the interval that the polynomials map to [−1, 1] */
  constructor(band: BandMatrix, damped: Interval) {
    const { n, width } = band;
    const centre = (damped.high + damped.low) / 2;
    const factor = 4 / (damped.high - damped.low);
    this.blocks = Array.from({ length: Math.ceil(n / BLOCK_ROWS) }, (_, index) => {
      const start = index * BLOCK_ROWS;
      const end = Math.min(n, start + BLOCK_ROWS);
      const [first, last] = [Math.max(0, start - width), Math.min(n, end + width)];
      const plus = denseRows(band, [start, end], [first, last]);
      for (let i = start; i < end; i++) {
        const diagonal = (i - start) * (last - first) + i - first;
        plus[diagonal] = plus[diagonal]! - centre;
      }
      for (let at = 0; at < plus.length; at++) plus[at] = plus[at]! * factor;
      return { start, end, first, last, plus, minus: plus.map((value) => -value) };
    });
  }

  /**
   * ±T_degree of the matrix times X; the sign is + for degree 1.
   *
   * @param x n × count, row-major; destroyed if the degree is above 1
   * @param memory as large; it is written to
   * @param degree 1 or more
   * @returns what was filtered, and the other piece of memory
   * @throws DOMException `AbortError` when `signal` fires
   */
  async filtered(
    x: Float64Array,
    memory: Float64Array,
    count: number,
    degree: number,
    products: MatrixProducts,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (fraction: number) => void } = {},
  ): Promise<[filtered: Float64Array, other: Float64Array]> {
    let before = x;
    let now = memory.fill(0);
    await this.add(now, before, count, products, 'plus', signal);
    for (let at = 0; at < now.length; at++) now[at] = now[at]! / 2;
    // T_{j+1} = 2t·T_j − T_{j−1} with signs +, +, −, −, … is always a sum, which is made in place.
    for (let step = 1; step < degree; step++) {
      onProgress?.(step / degree);
      await this.add(before, now, count, products, step % 2 === 1 ? 'minus' : 'plus', signal);
      [before, now] = [now, before];
    }
    return [now, before];
  }

  /** Y += ±2t·X */
  private async add(
    y: Float64Array,
    x: Float64Array,
    count: number,
    products: MatrixProducts,
    sign: 'plus' | 'minus',
    signal: AbortSignal | undefined,
  ): Promise<void> {
    for (const { start, end, first, last, [sign]: rows } of this.blocks) {
      signal?.throwIfAborted();
      const own = y.subarray(start * count, end * count);
      const reached = x.subarray(first * count, last * count);
      await products.accumulate(own, rows, reached, end - start, count, last - first, false, false);
    }
  }
}

/** Rows and columns of the symmetric band matrix in full. */
function denseRows(
  { rows, width }: BandMatrix,
  [start, end]: readonly [number, number],
  [first, last]: readonly [number, number],
): Float64Array {
  const dense = new Float64Array((end - start) * (last - first));
  const element = (i: number, j: number): number => rows[i * (width + 1) + j - i + width]!;
  for (let i = start; i < end; i++) {
    const row = (i - start) * (last - first) - first;
    for (let j = Math.max(first, i - width); j <= i; j++) dense[row + j] = element(i, j);
    for (let j = i + 1; j < Math.min(last, i + width + 1); j++) dense[row + j] = element(j, i);
  }
  return dense;
}
