/**
 * Checks a Gram matrix on the matrix it was made of: the product with random vectors is also made in float64 on the
 * CPU, without the Gram matrix, at a cost that is small beside the Gram matrix's own. The difference, E·R for the error
 * E, gives a bound of ‖E‖.
 */
import type { MatrixProducts } from '../products/productTypes';
import type { GramSum } from './gramSum';
import type { SymmetricSlabs } from './symmetricSlabs';

const VECTORS = 16;

/**
 * For standard normal R, ‖E·R‖_F²/16 has the mean ‖E‖_F². It is below a sixteenth of it with a probability of at most
 * 6e-8 (reached where E has rank 1: P(χ²₁₆ < 1)), so that four times its root is a bound for all that will be seen.
 */
const SAFETY = 4;

/** The vectors are the same for the same order: so is the decision. */
const SEED = 20250606;

export class CheckedGram {
  private readonly vectors: Float64Array;
  private readonly expected: Float64Array;

  /**
   * @param sum the device's
   * @param products float64 on the CPU
   */
  constructor(
    private readonly sum: GramSum,
    private readonly products: MatrixProducts,
    private readonly n: number,
  ) {
    this.vectors = normalNumbers(n * VECTORS, SEED);
    this.expected = new Float64Array(n * VECTORS);
  }

  /** @throws as `GramSum.add` does */
  async add(x: Float64Array, k: number, signal?: AbortSignal): Promise<void> {
    const { n, products, vectors, expected } = this;
    const images = await products.multiply(x, vectors, k, VECTORS, n, true, false);
    await products.accumulate(expected, x, images, n, VECTORS, k, false, false);
    await this.sum.add(x, k, signal);
  }

  /** @returns the device's Gram matrix and a bound of its error's norm, NaN where either is not finite */
  async finish(signal?: AbortSignal): Promise<{ gram: SymmetricSlabs; errorBound: number }> {
    const { products, vectors, expected } = this;
    const gram = await this.sum.finish(signal);
    const images = new Float64Array(vectors.length);
    await gram.addProduct(products, images, vectors, VECTORS, gram.n, signal);
    const squares = images.reduce((sum, value, i) => sum + (value - expected[i]!) ** 2, 0);
    return { gram, errorBound: SAFETY * Math.sqrt(squares / VECTORS) };
  }
}

/** Standard normal numbers. @see Park & Miller 1988 (uniform), Box & Muller 1958 */
function normalNumbers(count: number, seed: number): Float64Array {
  let state = seed;
  const uniform = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
  return Float64Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  });
}
