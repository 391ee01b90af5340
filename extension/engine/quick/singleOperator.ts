/** The smaller of WᵀW and WWᵀ as an operator, W in float32 and seen in bands of rows. */
import type { SingleProducts } from '../../linalg/products/singleProducts';

/** Rows [start, start + rows) of the matrix. */
export interface SingleBand {
  start: number;
  rows: number;
  elements: Float32Array;
}

export interface SingleBands {
  readonly rows: number;
  readonly cols: number;
  /** All bands from the first row to the last, anew with each call. */
  bands(): AsyncIterable<SingleBand> | Iterable<SingleBand>;
}

export class SingleOperator {
  /** Its order. */
  readonly n: number;
  private readonly tall: boolean;

  constructor(
    private readonly products: SingleProducts,
    private readonly matrix: SingleBands,
    private readonly signal: AbortSignal,
  ) {
    const { rows, cols } = matrix;
    this.tall = rows >= cols;
    this.n = Math.min(rows, cols);
  }

  /** Images of the rows of `x`, count×n. @throws the signal's reason; what the bands and the products throw */
  readonly images = async (x: Float64Array, count: number): Promise<Float64Array> => {
    const vectors = Float32Array.from(x);
    return this.tall ? this.ofColumns(vectors, count) : this.ofRows(vectors, count);
  };

  /** WᵀW in one pass over W. */
  private async ofColumns(vectors: Float32Array, count: number): Promise<Float64Array> {
    const { products, matrix } = this;
    const { cols } = matrix;
    const images = new Float64Array(count * cols);
    for await (const { rows, elements } of matrix.bands()) {
      await this.turn();
      const across = await products.multiply(elements, vectors, rows, count, cols, false, true);
      addTo(images, await products.multiply(across, elements, count, cols, rows, true, false));
    }
    return images;
  }

  /** WWᵀ in two. */
  private async ofRows(vectors: Float32Array, count: number): Promise<Float64Array> {
    const { products, matrix } = this;
    const { cols, rows: height } = matrix;
    const across = new Float64Array(count * cols);
    for await (const { start, rows, elements } of matrix.bands()) {
      await this.turn();
      const part = new Float32Array(count * rows);
      for (let i = 0; i < count; i++)
        part.set(vectors.subarray(i * height + start, i * height + start + rows), i * rows);
      addTo(across, await products.multiply(part, elements, count, cols, rows, false, false));
    }
    const single = Float32Array.from(across);
    const images = new Float64Array(count * height);
    for await (const { start, rows, elements } of matrix.bands()) {
      await this.turn();
      const part = await products.multiply(elements, single, rows, count, cols, false, true);
      for (let row = 0; row < rows; row++) {
        for (let i = 0; i < count; i++) images[i * height + start + row] = part[row * count + i]!;
      }
    }
    return images;
  }

  /** Lets messages and cancels through: onnxruntime blocks its thread. */
  private async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.signal.throwIfAborted();
  }
}

function addTo(sum: Float64Array, part: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + part[i]!;
}
