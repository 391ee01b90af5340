/**
 * Orthonormal vectors, kept as rows and added in blocks: each block is made orthogonal to the rows before it by matrix
 * products and to itself by Gram–Schmidt, everything twice, after which it is orthogonal to rounding.
 *
 * @see Giraud, Langou & Rozložník 2005, "The loss of orthogonality in the Gram–Schmidt orthogonalization process"
 */
import { norm, takeOut } from '../eigen/gramSchmidt';
import type { MatrixProducts } from '../products/productTypes';

/** A unit vector that loses this much of its length to the second round was mostly rounding errors. */
const LEAST_SECOND_LENGTH = 0.1;
/** Rows made orthogonal to each other by Gram–Schmidt: few enough for the products to do nearly all of the work. */
const PANEL = 32;

export class OrthonormalRows {
  /** capacity×n; the first `count` rows are in use. */
  readonly vectors: Float64Array;
  count = 0;
  private seed: number;

  /** @param seed of the random vectors that `appendRandom` adds, 1 or more */
  constructor(
    private readonly products: MatrixProducts,
    readonly n: number,
    readonly capacity: number,
    seed = 1,
  ) {
    this.vectors = new Float64Array(capacity * n);
    this.seed = seed;
  }

  /** The rows in use, count×n; a view. */
  get rows(): Float64Array {
    return this.vectors.subarray(0, this.count * this.n);
  }

  /** Takes the rows in use out of the b rows of `block`, in place. @returns the b×count coefficients taken out */
  project(block: Float64Array, b: number): Promise<Float64Array> {
    return takeOutRows(this.products, this.rows, this.count, block, b);
  }

  /**
   * Adds what the b rows of `block` have beside the rows in use. Rows that are shorter than `negligible` once that is
   * taken out add nothing.
   *
   * @param block b×n; destroyed
   * @returns number of rows added
   */
  async append(block: Float64Array, b: number, negligible: number): Promise<number> {
    const { n } = this;
    await this.project(block, b);
    const first = gramSchmidt(block, b, n, negligible);
    if (first > 0) await this.project(block.subarray(0, first * n), first);
    const added = gramSchmidt(block, first, n, LEAST_SECOND_LENGTH);
    this.vectors.set(block.subarray(0, added * n), this.count * n);
    this.count += added;
    return added;
  }

  /** Adds b random unit vectors orthogonal to all others, the same ones for the same seed. */
  async appendRandom(b: number): Promise<void> {
    for (let missing = b; missing > 0;) {
      const block = Float64Array.from({ length: missing * this.n }, () => this.random());
      missing -= await this.append(block, missing, 0);
    }
  }

  /** Uniform in (−1, 1). @see Lehmer 1949, Park & Miller 1988 */
  private random(): number {
    this.seed = (this.seed * 48271) % 2147483647;
    return (2 * this.seed) / 2147483647 - 1;
  }
}

/**
 * Takes `count` orthonormal rows out of the b rows of `block`, in place.
 *
 * @returns the b×count coefficients taken out
 */
export async function takeOutRows(
  products: MatrixProducts,
  rows: Float64Array,
  count: number,
  block: Float64Array,
  b: number,
): Promise<Float64Array> {
  const n = block.length / b;
  const coefficients = await products.multiply(block, rows, b, count, n, false, true);
  const taken = coefficients.map((coefficient) => -coefficient);
  await products.accumulate(block, taken, rows, b, n, count, false, false);
  return coefficients;
}

/**
 * Makes k orthonormal rows. The first j span the first j rows of `rows`, except parts shorter than `negligible`; random
 * directions at the end stand in for those.
 *
 * @param rows k×n with k ≤ n
 */
export async function orthonormalised(
  products: MatrixProducts,
  rows: Float64Array,
  k: number,
  negligible: number,
): Promise<Float64Array> {
  const n = rows.length / k;
  const basis = new OrthonormalRows(products, n, k);
  for (let first = 0; first < k; first += PANEL) {
    const count = Math.min(PANEL, k - first);
    await basis.append(rows.slice(first * n, (first + count) * n), count, negligible);
  }
  await basis.appendRandom(k - basis.count);
  return basis.vectors;
}

/**
 * Makes b rows orthonormal in place, in their order. Rows with no more than `negligible` left are dropped.
 *
 * @returns number of rows left, at the front of the block
 */
function gramSchmidt(block: Float64Array, b: number, n: number, negligible: number): number {
  const kept: Float64Array[] = [];
  for (let i = 0; i < b; i++) {
    const row = block.subarray(kept.length * n, (kept.length + 1) * n);
    if (kept.length < i) row.set(block.subarray(i * n, (i + 1) * n));
    takeOut(kept, 0, row);
    takeOut(kept, 0, row);
    const length = norm(row);
    if (!(length > negligible)) continue;
    for (let j = 0; j < n; j++) row[j] = row[j]! / length;
    kept.push(row);
  }
  return kept.length;
}
