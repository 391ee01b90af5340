/**
 * Singular values with their left and right vectors: the largest k of a matrix that may be too large to hold, or all of
 * one that is not.
 *
 * The right vectors come from WᵀW, by block Krylov or from the whole Gram matrix, and lose σ below √ε·σ₁ there. They
 * are then carried through W to the left side and back, made orthonormal each time, which neither squares anything nor
 * trusts what was found: σ, u and v that are returned satisfy Wᵀu = σv and Wv = σu up to the residuals returned with them.
 */
import { dot } from '../eigen/gramSchmidt';
import { BandProducts, type RowBands } from './rowBandProducts';
import { leadingPairs, leastCapacity, type SingularTools } from './leadingPairs';
import { lengths } from './leadingSubspace';
import { orthonormalised } from './orthonormalRows';
import { SymmetricSlabs } from '../gram/symmetricSlabs';
import { largestOf } from '../../shared/extremes';
import { transpose } from '../kernels/transpose';

/** ‖Av − λv‖ of a float64 product gets no smaller than some roundings of λ₁. */
const RESIDUAL_FLOOR = 1e-14;
/** Up to this order the whole Gram matrix is solved faster than the first blocks of a Krylov basis are made. */
const EXACT_ORDER = 384;
/** From one vector in so many on, the whole Gram matrix is solved as fast (`test/bench/singularVectors.bench.ts`). */
const EXACT_SHARE = 16;
/** Krylov vectors that are kept, memory allowing: even the edge of a random matrix converges within so many. */
const USUAL_CAPACITY = 1024;
/** Times that the basis is filled anew, at most: the residuals then say what was reached. */
const MAX_RESTARTS = 30;

export interface SingularTriplets {
  /** σ, descending. */
  singularValues: Float64Array;
  /** u, one a row, k×rows, orthonormal; the largest element of each (the first of equals) is positive. */
  left: Float64Array;
  /** v, one a row, k×cols, orthonormal. */
  right: Float64Array;
  /** max(‖Wv − σu‖, ‖Wᵀu − σv‖) of each, measured. */
  residuals: Float64Array;
}

/** True where all of WᵀW is solved and not only its largest part. */
export function solvesWhole(cols: number, k: number): boolean {
  return cols <= EXACT_ORDER || EXACT_SHARE * k > cols;
}

/** Vectors a Krylov basis holds where memory allows. */
export function usualCapacity(cols: number, k: number): number {
  return Math.min(cols, Math.max(USUAL_CAPACITY, 2 * leastCapacity(k)));
}

/** Bytes that `topTriplets` takes beside the matrix. */
export function tripletBytes(rows: number, cols: number, k: number, capacity: number): number {
  // Both sides and a set of images while they are compared.
  const vectors = k * (2 * rows + 2 * cols);
  // A Gram matrix exists here and twice in the solver; a basis once, with its projected operator twice.
  const work = solvesWhole(cols, k) ? 3 * cols * cols : capacity * (cols + 2 * capacity);
  return 8 * (vectors + work);
}

/**
 * The k largest triplets of W.
 *
 * @param matrix at least as many rows as columns where there is a choice: WᵀW is cols×cols
 * @param k 1 ≤ k ≤ min(rows, cols)
 * @param tolerance largest ‖Wᵀu − σv‖/σ₁ at which the iteration stops
 * @param capacity vectors of a Krylov basis: `usualCapacity`, or down to `leastCapacity` where memory is short
 * @throws RangeError for a k out of range and elements that are not finite
 * @throws DOMException `AbortError` when the signal fires
 */
export async function topTriplets(
  matrix: RowBands,
  k: number,
  tools: SingularTools,
  { tolerance, capacity }: { tolerance: number; capacity: number },
): Promise<SingularTriplets> {
  const { rows, cols } = matrix;
  if (!Number.isInteger(k) || k < 1 || k > Math.min(rows, cols)) {
    throw new RangeError(`${k} singular triplets of a ${rows} × ${cols} matrix`);
  }
  const products = new BandProducts(tools.products, matrix);
  if (solvesWhole(cols, k)) return refined(products, await gramVectors(matrix, k, tools), k, tools);
  const limits = { capacity, restarts: MAX_RESTARTS };
  const { vectors } = await leadingPairs(products, k, tools, limits, (values, residuals) => {
    const largest = values[0]!;
    return residuals.every((residual, i) => {
      const goal = tolerance * Math.sqrt(Math.max(0, largest * values[i]!));
      return residual <= Math.max(goal, RESIDUAL_FLOOR * largest);
    });
  });
  return refined(products, vectors, k, tools);
}

async function gramVectors(
  matrix: RowBands,
  k: number,
  { products, solve, signal }: SingularTools,
): Promise<Float64Array> {
  const { cols } = matrix;
  const gram = new SymmetricSlabs(cols);
  for await (const { elements, rows } of matrix.bands(signal)) {
    await gram.addGram(products, transpose(elements, rows, cols), rows, signal);
  }
  return (await solve(gram.toMatrix(), cols, k)).vectors;
}

/** From approximate right vectors, largest first, to triplets. */
async function refined(
  matrix: BandProducts,
  start: Float64Array,
  k: number,
  { products, signal }: SingularTools,
): Promise<SingularTriplets> {
  const { rows, cols } = matrix;
  const images = await matrix.images(start, k, signal);
  const noise = Math.max(rows, cols) * Number.EPSILON;
  const negligible = noise * largestOf(lengths(images, rows));
  const left = await orthonormalised(products, images, k, negligible);
  const coimages = await matrix.coimages(left, k, signal);
  const right = await orthonormalised(products, coimages, k, negligible);
  const singularValues = new Float64Array(k);
  for (let i = 0; i < k; i++) {
    const u = left.subarray(i * rows, (i + 1) * rows);
    const v = right.subarray(i * cols, (i + 1) * cols);
    const sigma = dot(coimages.subarray(i * cols, (i + 1) * cols), v);
    if (sigma < 0) flip(v);
    if (largestElement(u) < 0) {
      flip(u);
      flip(v);
      flip(coimages.subarray(i * cols, (i + 1) * cols));
    }
    singularValues[i] = Math.abs(sigma);
  }
  const back = distances(coimages, right, singularValues, cols);
  const forth = distances(await matrix.images(right, k, signal), left, singularValues, rows);
  const residuals = back.map((residual, i) => Math.max(residual, forth[i]!));
  return sorted({ singularValues, left, right, residuals }, rows, cols);
}

/** ‖imageᵢ − σᵢ·vectorᵢ‖ */
function distances(images: Float64Array, vectors: Float64Array, sigma: Float64Array, n: number): Float64Array {
  return sigma.map((value, i) => {
    let square = 0;
    for (let at = i * n; at < (i + 1) * n; at++) square += (images[at]! - value * vectors[at]!) ** 2;
    return Math.sqrt(square);
  });
}

/** Values that are equal but for rounding may have changed places. */
function sorted(triplets: SingularTriplets, rows: number, cols: number): SingularTriplets {
  const { singularValues, left, right, residuals } = triplets;
  const order = Array.from(singularValues.keys()).sort((a, b) => singularValues[b]! - singularValues[a]!);
  if (order.every((from, to) => from === to)) return triplets;
  const arranged = (vectors: Float64Array, n: number): Float64Array => {
    const result = new Float64Array(vectors.length);
    order.forEach((from, to) => result.set(vectors.subarray(from * n, (from + 1) * n), to * n));
    return result;
  };
  return {
    singularValues: arranged(singularValues, 1),
    left: arranged(left, rows),
    right: arranged(right, cols),
    residuals: arranged(residuals, 1),
  };
}

function flip(x: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i] = -x[i]!;
}

/** The element of largest magnitude, the first of equals. */
function largestElement(x: Float64Array): number {
  let largest = 0;
  for (const value of x) if (Math.abs(value) > Math.abs(largest)) largest = value;
  return largest;
}
