/**
 * The vectors of a subspace iteration, held where the products are made: columns of X (n × count), in two pieces of memory
 * that change places. New memory costs as much as some steps of a filter.
 */
import type { BandMatrix, Interval } from '../kernels/bandMatrix';
import type { MatrixProducts } from '../products/productTypes';
import { BandFilter } from './bandFilter';

export class HeldVectors {
  private spare: Float64Array;
  private readonly polynomials: BandFilter;
  /** Vectors that were made of X, n × `count`. */
  private chosen: { vectors: Float64Array; count: number } | undefined;

  /**
   * @param x n × count, row-major; handed over
   * @param damped as in `BandFilter`
   */
  constructor(
    private readonly band: BandMatrix,
    private x: Float64Array,
    private readonly count: number,
    damped: Interval,
    private readonly products: MatrixProducts,
    private readonly signal?: AbortSignal,
  ) {
    this.spare = new Float64Array(x.length);
    this.polynomials = new BandFilter(band, damped);
  }

  /** X ← ±T_degree of the band matrix times X. @throws DOMException `AbortError` when the signal fires */
  async filter(degree: number, onProgress?: (fraction: number) => void): Promise<void> {
    const { count, products, signal } = this;
    const options = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
    [this.x, this.spare] = await this.polynomials.filtered(this.x, this.spare, count, degree, products, options);
  }

  /** XᵀX, count × count. */
  overlaps(): Promise<Float64Array> {
    const { x, count, band, products } = this;
    return products.multiply(x, x, count, count, band.n, true, false);
  }

  /** XᵀT₁X of the band matrix, count × count. */
  async imageOverlaps(): Promise<Float64Array> {
    const { x, count, band, products } = this;
    const image = await this.image(x, count);
    return products.multiply(x, image, count, count, band.n, true, false);
  }

  /** X ← X·Cᵀ. @param coefficients C, count × count */
  async combine(coefficients: Float64Array): Promise<void> {
    const { x, spare, count } = this;
    await this.sum(spare, coefficients, count);
    [this.x, this.spare] = [spare, x];
  }

  /** Makes vectors X·Cᵀ beside X. @param coefficients C, chosen × count */
  async choose(coefficients: Float64Array): Promise<void> {
    const chosen = coefficients.length / this.count;
    const length = this.band.n * chosen;
    const memory = this.chosen?.vectors.length === length ? this.chosen.vectors : new Float64Array(length);
    await this.sum(memory, coefficients, chosen);
    this.chosen = { vectors: memory, count: chosen };
  }

  /** ‖T₁·x − value·x‖² of the chosen vectors. @param values one of each */
  async residuals(values: Float64Array): Promise<Float64Array> {
    const { vectors, count } = this.made();
    const images = await this.image(vectors, count);
    const squares = new Float64Array(count);
    for (let at = 0; at < vectors.length;) {
      for (let j = 0; j < count; j++, at++) squares[j] = squares[j]! + (images[at]! - values[j]! * vectors[at]!) ** 2;
    }
    return squares;
  }

  /** The first k of the chosen vectors, n × k; nothing is held any more. */
  release(k: number): Float64Array {
    const { vectors, count } = this.made();
    const { n } = this.band;
    const first = this.spare.subarray(0, n * k);
    for (let i = 0; i < n; i++) first.set(vectors.subarray(i * count, i * count + k), i * k);
    this.chosen = undefined;
    this.x = this.spare = new Float64Array(0);
    return first;
  }

  private async sum(memory: Float64Array, coefficients: Float64Array, count: number): Promise<void> {
    const { band, products, signal } = this;
    signal?.throwIfAborted();
    await products.accumulate(memory.fill(0), this.x, coefficients, band.n, count, this.count, false, true);
  }

  /** T₁ times some vectors, in spare memory. */
  private async image(vectors: Float64Array, count: number): Promise<Float64Array> {
    const { products, signal } = this;
    const memory = this.spare.subarray(0, vectors.length);
    const [image] = await this.polynomials.filtered(vectors, memory, count, 1, products, {
      ...(signal && { signal }),
    });
    return image;
  }

  private made(): { vectors: Float64Array; count: number } {
    if (!this.chosen) throw new Error('no vectors were chosen of those held');
    return this.chosen;
  }
}
