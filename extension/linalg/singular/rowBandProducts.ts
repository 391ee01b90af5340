/**
 * Products of a matrix with a few vectors, the matrix seen in bands of rows only, so that it need not be held whole.
 * k vectors of length n are the rows of a k×n array throughout.
 */
import type { MatrixProducts } from '../products/productTypes';

/** Rows [start, start + rows) of a matrix, row-major. */
export interface RowBand {
  start: number;
  rows: number;
  elements: Float64Array;
}

export interface RowBands {
  readonly rows: number;
  readonly cols: number;
  /** All bands from the first row to the last, anew with each call. */
  bands(signal?: AbortSignal): AsyncIterable<RowBand> | Iterable<RowBand>;
}

/** 32 MB of float64: large enough for products at full speed. */
const BAND_ELEMENTS = 2 ** 22;

/** Vectors that are multiplied at once: more of them gain no speed. */
const VECTORS_AT_ONCE = 128;

/** Bands of a matrix in memory, no element copied. */
export function heldBands(w: Float64Array, rows: number, cols: number, bandElements = BAND_ELEMENTS): RowBands {
  if (w.length !== rows * cols) throw new RangeError(`${rows} × ${cols} elements expected, not ${w.length}`);
  const step = Math.max(1, Math.floor(bandElements / cols));
  return {
    rows,
    cols,
    *bands() {
      for (let start = 0; start < rows; start += step) {
        const end = Math.min(rows, start + step);
        yield { start, rows: end - start, elements: w.subarray(start * cols, end * cols) };
      }
    },
  };
}

export class BandProducts {
  readonly rows: number;
  readonly cols: number;

  constructor(
    private readonly products: MatrixProducts,
    private readonly matrix: RowBands,
  ) {
    this.rows = matrix.rows;
    this.cols = matrix.cols;
  }

  /** W·v of k vectors: k×cols → k×rows. @throws DOMException `AbortError` when `signal` fires */
  async images(v: Float64Array, k: number, signal?: AbortSignal): Promise<Float64Array> {
    const images = new Float64Array(k * this.rows);
    for await (const band of this.matrix.bands(signal)) {
      for (const [first, count] of groups(k)) {
        signal?.throwIfAborted();
        const part = await this.bandImages(band, v, first, count);
        for (let i = 0; i < band.rows; i++) {
          const row = band.start + i;
          for (let j = 0; j < count; j++) images[(first + j) * this.rows + row] = part[i * count + j]!;
        }
      }
    }
    return images;
  }

  /** Wᵀ·u of k vectors: k×rows → k×cols. @throws as `images` */
  async coimages(u: Float64Array, k: number, signal?: AbortSignal): Promise<Float64Array> {
    return this.summed(k, signal, (band, first, count) => {
      const part = new Float64Array(band.rows * count);
      for (let j = 0; j < count; j++) {
        const from = (first + j) * this.rows + band.start;
        for (let i = 0; i < band.rows; i++) part[i * count + j] = u[from + i]!;
      }
      return Promise.resolve(part);
    });
  }

  /** WᵀW·v of k vectors in one pass over W: k×cols → k×cols. @throws as `images` */
  async normalImages(v: Float64Array, k: number, signal?: AbortSignal): Promise<Float64Array> {
    return this.summed(k, signal, (band, first, count) => this.bandImages(band, v, first, count));
  }

  /** A band's rows×count products with some of the vectors. */
  private bandImages(band: RowBand, v: Float64Array, first: number, count: number): Promise<Float64Array> {
    const { cols } = this;
    const vectors = v.subarray(first * cols, (first + count) * cols);
    return this.products.multiply(band.elements, vectors, band.rows, count, cols, false, true);
  }

  /** Σ bandᵀ·factor over the bands, each factor rows×count. */
  private async summed(
    k: number,
    signal: AbortSignal | undefined,
    factor: (band: RowBand, first: number, count: number) => Promise<Float64Array>,
  ): Promise<Float64Array> {
    const { cols } = this;
    // cols×count each.
    const sums = Array.from(groups(k), ([first, count]) => ({ first, count, sum: new Float64Array(cols * count) }));
    for await (const band of this.matrix.bands(signal)) {
      for (const { first, count, sum } of sums) {
        signal?.throwIfAborted();
        const right = await factor(band, first, count);
        await this.products.accumulate(sum, band.elements, right, cols, count, band.rows, true, false);
      }
    }
    const vectors = new Float64Array(k * cols);
    for (const { first, count, sum } of sums) {
      for (let j = 0; j < count; j++) {
        const to = (first + j) * cols;
        for (let i = 0; i < cols; i++) vectors[to + i] = sum[i * count + j]!;
      }
    }
    return vectors;
  }
}

/** First and number of each group of vectors that are multiplied at once. */
function* groups(k: number): Generator<[number, number]> {
  for (let first = 0; first < k; first += VECTORS_AT_ONCE) yield [first, Math.min(VECTORS_AT_ONCE, k - first)];
}
