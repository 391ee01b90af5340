/**
 * The largest eigenvalues of a large symmetric operator and their vectors: block Krylov from a random start, every new
 * block orthogonal to all before it (so that rounding brings no ghosts), Rayleigh–Ritz on the whole basis, and a thick
 * restart with the best vectors where the basis is full.
 *
 * @see Halko, Martinsson & Tropp 2011, "Finding structure with randomness"
 * @see Musco & Musco 2015, "Randomized block Krylov methods for stronger and faster approximate singular value decomposition"
 * @see Wu & Simon 2000, "Thick-restart Lanczos method for large symmetric eigenvalue problems"
 */
import type { MatrixProducts } from '../products/productTypes';
import { OrthonormalRows } from './orthonormalRows';
import { addCoefficients, leading } from './projectedOperator';

/** Parts of a Krylov block below this share of the operator's norm are rounding errors of the product. */
const NEGLIGIBLE_SHARE = 1e-14;
/** The basis grows by this factor between two looks at its eigenvalues, which cost the cube of its size. */
const GROWTH_PER_CHECK = 1.2;

/** k largest eigenvalues of a symmetric matrix (destroyed), descending, and their vectors as rows. */
export type SolveSymmetric = (
  matrix: Float64Array,
  n: number,
  k: number,
) => Promise<{ values: Float64Array; vectors: Float64Array }>;

export interface SubspaceProblem {
  /** Order of the operator A. */
  readonly n: number;
  /** A·x of some vectors, the rows of `x`. */
  readonly apply: (x: Float64Array, count: number) => Promise<Float64Array>;
  readonly products: MatrixProducts;
  readonly solve: SolveSymmetric;
}

export interface SubspaceLimits {
  /** Vectors that are multiplied by A at once. With fewer than k, copies of an eigenvalue beyond this may be missed. */
  block: number;
  /** Vectors the basis may hold, at least k + 3·block or n. */
  capacity: number;
  /** How often the basis may be filled anew. */
  restarts: number;
}

export interface LeadingSubspace {
  /** Ritz values, descending: lower bounds of A's k largest eigenvalues where A is positive semidefinite. */
  values: Float64Array;
  /** Their vectors, k×n, orthonormal. */
  vectors: Float64Array;
  /** ‖A·x − value·x‖ of each. */
  residuals: Float64Array;
  /** False where all `restarts` did not suffice. */
  converged: boolean;
}

/**
 * @param enough told the values and residuals so far, says whether they will do
 * @throws what `apply` and `solve` throw
 */
export async function leadingSubspace(
  problem: SubspaceProblem,
  k: number,
  { block, capacity, restarts }: SubspaceLimits,
  enough: (values: Float64Array, residuals: Float64Array) => boolean,
): Promise<LeadingSubspace> {
  const { n, products, apply } = problem;
  if (capacity < Math.min(n, k + 3 * block))
    throw new RangeError(`a basis of ${capacity} is too small for ${k} vectors`);
  const size = Math.min(n, capacity);
  const basis = new OrthonormalRows(products, n, size);
  // The operator seen from the basis, size×size.
  const projected = new Float64Array(size * size);
  await basis.appendRandom(Math.min(block, n));
  let scale = 0;
  let nextCheck = Math.min(n, k + block);
  for (let first = 0, restarted = 0; ;) {
    const b = basis.count - first;
    const image = await apply(basis.vectors.subarray(first * n, basis.count * n), b);
    scale = Math.max(scale, largestLength(image, n));
    for (const coefficients of [await basis.project(image, b), await basis.project(image, b)]) {
      addCoefficients(projected, size, coefficients, first, basis.count);
    }
    const full = size < n && basis.count + block > size;
    const last = basis.count === n || (full && restarted === restarts);
    if (full || last || basis.count >= nextCheck) {
      const wanted = full && !last ? Math.min(basis.count, k + block) : k;
      const { values, vectors } = await problem.solve(leading(projected, size, basis.count), basis.count, wanted);
      const residuals = await residualsOf(products, vectors, basis.count, image, first, n, k);
      const converged = basis.count === n || enough(values.subarray(0, k), residuals);
      if (converged || last) {
        const ritz = await products.multiply(
          vectors.subarray(0, k * basis.count),
          basis.rows,
          k,
          n,
          basis.count,
          false,
          false,
        );
        return { values: values.slice(0, k), vectors: ritz, residuals, converged };
      }
      if (full) {
        restarted++;
        const kept = await products.multiply(vectors, basis.rows, wanted, n, basis.count, false, false);
        basis.vectors.set(kept);
        basis.count = wanted;
        projected.fill(0);
        values.forEach((value, i) => (projected[i * size + i] = value));
      }
      nextCheck = Math.ceil(basis.count * GROWTH_PER_CHECK);
    }
    first = basis.count;
    const added = await basis.append(image, b, NEGLIGIBLE_SHARE * scale);
    // If the operator leads nowhere new, random rows do: to the other copies of an eigenvalue, to the null space.
    await basis.appendRandom(Math.min(block, n - first) - added);
  }
}

/** What A leads to beyond the basis all comes from its last block, whose images' remainders are `remainder`. */
async function residualsOf(
  products: MatrixProducts,
  vectors: Float64Array,
  m: number,
  remainder: Float64Array,
  first: number,
  n: number,
  k: number,
): Promise<Float64Array> {
  const b = m - first;
  const shares = new Float64Array(k * b);
  for (let i = 0; i < k; i++) shares.set(vectors.subarray(i * m + first, (i + 1) * m), i * b);
  return lengths(await products.multiply(shares, remainder, k, n, b, false, false), n);
}

/** Norms of the rows. */
export function lengths(rows: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: rows.length / n }, (_, i) => {
    let square = 0;
    for (let at = i * n; at < (i + 1) * n; at++) square += rows[at]! ** 2;
    return Math.sqrt(square);
  });
}

function largestLength(rows: Float64Array, n: number): number {
  return lengths(rows, n).reduce((largest, length) => Math.max(largest, length), 0);
}
