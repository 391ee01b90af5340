/**
 * Orthonormal vectors, kept as rows and added in blocks: each block is made orthogonal to the rows before it by matrix
 * products and to itself by Gram–Schmidt, everything twice, after which it is orthogonal to rounding.
 *
 * @see Giraud, Langou & Rozložník 2005, "The loss of orthogonality in the Gram–Schmidt orthogonalization process"
 */
import type { MatrixProducts } from './matrixProducts';

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
 * k orthonormal rows of which the first j span the first j rows of `rows`, up to what is shorter than `negligible`:
 * random directions stand in for that, at the end.
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
 * Makes b rows orthonormal in place, in their order; rows of which no more than `negligible` is left are dropped.
 *
 * @returns number of rows left, at the front of the block
 */
function gramSchmidt(block: Float64Array, b: number, n: number, negligible: number): number {
  let kept = 0;
  for (let i = 0; i < b; i++) {
    const row = block.subarray(kept * n, (kept + 1) * n);
    if (kept < i) row.set(block.subarray(i * n, (i + 1) * n));
    takeOut(block, kept, row);
    takeOut(block, kept, row);
    const length = norm(row);
    if (!(length > negligible)) continue;
    for (let j = 0; j < n; j++) row[j] = row[j]! / length;
    kept++;
  }
  return kept;
}

/** Takes the first `count` rows of `block` out of x, four at a time: they are orthogonal to each other. */
function takeOut(block: Float64Array, count: number, x: Float64Array): void {
  const n = x.length;
  for (let i = 0; i < count; i += 4) {
    const p = i * n;
    // Short groups repeat their first row with factor 0.
    const q = i + 1 < count ? p + n : p;
    const r = i + 2 < count ? p + 2 * n : p;
    const s = i + 3 < count ? p + 3 * n : p;
    let fp = 0;
    let fq = 0;
    let fr = 0;
    let fs = 0;
    for (let j = 0; j < n; j++) {
      const value = x[j]!;
      fp += block[p + j]! * value;
      fq += block[q + j]! * value;
      fr += block[r + j]! * value;
      fs += block[s + j]! * value;
    }
    if (q === p) fq = 0;
    if (r === p) fr = 0;
    if (s === p) fs = 0;
    for (let j = 0; j < n; j++) {
      x[j] = x[j]! - (fp * block[p + j]! + fq * block[q + j]! + (fr * block[r + j]! + fs * block[s + j]!));
    }
  }
}

/** Scaled by the largest element, so that no square leaves the range of float64. */
function norm(x: Float64Array): number {
  let largest = 0;
  for (const value of x) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return 0;
  let square = 0;
  for (const value of x) square += (value / largest) ** 2;
  return largest * Math.sqrt(square);
}
