/**
 * A block Krylov run from a random start on a symmetric operator A = WᵀW: the operator seen from the space of all Aʲ·X,
 * j < steps. Sums over A's eigenvalues, and its largest ones, are estimated from what it leaves.
 *
 * @see Golub & Meurant 2010, "Matrices, Moments and Quadrature with Applications"
 * @see Musco & Musco 2015, "Randomized block Krylov methods for stronger and faster approximate singular value decomposition"
 */
import { dot } from '../eigen/gramSchmidt';
import { topEigenvectors } from '../eigen/symmetricEigenvectors';
import type { MatrixProducts } from '../products/productTypes';
import { lengths } from './leadingSubspace';
import { OrthonormalRows } from './orthonormalRows';
import { addCoefficients, leading } from './projectedOperator';

/** Parts of a block below this share of the operator's norm are what rounding made: the space holds all there is. */
const NEGLIGIBLE_SHARE = 1e-5;

/** Eigenvalues of the projection below this share of the largest take no part in the second quadrature. */
const LEAST_DUAL_SHARE = 1e-10;

export interface KrylovProblem {
  /** Order of A. */
  readonly n: number;
  /** A·x of some vectors, the rows of `x`; single precision will do. */
  readonly apply: (x: Float64Array, count: number) => Promise<Float64Array>;
  readonly products: MatrixProducts;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface KrylovLimits {
  /** Random vectors to start from. */
  block: number;
  /** How often A is applied. */
  steps: number;
}

/** Nodes and weights of a quadrature: Σ weightsⱼ·f(nodesⱼ) stands for the mean of xᵀf(A)x over the start vectors x. */
export interface Quadrature {
  /** Descending. */
  nodes: Float64Array;
  weights: Float64Array;
}

export interface KrylovRun {
  n: number;
  block: number;
  /** How often A was applied: fewer times than asked for where the space was exhausted. */
  steps: number;
  /** Its nodes are the Ritz values: lower bounds of A's largest eigenvalues, one by one. Weights add up to 1. */
  ritz: Quadrature;
  /** ‖A·y − θ·y‖ of each Ritz pair. */
  residuals: Float64Array;
  /** The same sums from the other side: Gauss–Radau with a node at 0, whose f is left out (it is 0). */
  dual: Quadrature;
  /** True if the space is invariant: the Ritz values are eigenvalues. */
  invariant: boolean;
}

/** @throws what `apply` and the products throw */
export async function krylovRun(problem: KrylovProblem, { block, steps }: KrylovLimits): Promise<KrylovRun> {
  const { n, products, apply, random } = problem;
  const width = Math.min(block, n);
  const size = Math.min(n, width * steps);
  const basis = new OrthonormalRows(products, n, size);
  await basis.append(gaussian(width * n, random), width, 0);
  const start = basis.count;
  const projected = new Float64Array(size * size);
  let scale = 0;
  let first = 0;
  let applied = 0;
  for (;;) {
    const added = basis.count - first;
    const image = await apply(basis.vectors.subarray(first * n, basis.count * n), added);
    applied += 1;
    scale = lengths(image, n).reduce((most, length) => Math.max(most, length), scale);
    // Twice: what the first round leaves of the basis is of the size of rounding errors.
    for (const coefficients of [await basis.project(image, added), await basis.project(image, added)]) {
      addCoefficients(projected, size, coefficients, first, basis.count);
    }
    const from = basis.count;
    const negligible = NEGLIGIBLE_SHARE * scale;
    if (applied < steps && from < size) {
      const most = Math.min(added, size - from);
      if ((await basis.append(image.slice(0, most * n), most, negligible)) > 0) {
        first = from;
        continue;
      }
    }
    // What A leads to beyond the space tells how far that is from being invariant.
    const invariant = from === n || lengths(image, n).every((length) => length <= negligible);
    const remainder = invariant ? new Float64Array(added * n) : image;
    return measured(leading(projected, size, from), from, { n, start, first, applied, remainder });
  }
}

interface Frame {
  n: number;
  start: number;
  first: number;
  applied: number;
  remainder: Float64Array;
}

function measured(t: Float64Array, m: number, { n, start, first, applied, remainder }: Frame): KrylovRun {
  const { values, vectors } = topEigenvectors(t.slice(), m, m);
  const b = m - first;
  const gram = rowProducts(remainder, b, n);
  const weights = new Float64Array(m);
  const residuals = new Float64Array(m);
  for (let j = 0; j < m; j++) {
    const y = vectors.subarray(j * m, (j + 1) * m);
    for (let i = 0; i < start; i++) weights[j] = weights[j]! + y[i]! ** 2 / start;
    residuals[j] = Math.sqrt(Math.max(0, quadraticForm(gram, b, y.subarray(first))));
  }
  const ritz = { nodes: values.map((value) => Math.max(0, value)), weights };
  const dual = dualQuadrature(ritz.nodes, vectors, m, start, { gram, first });
  return { n, block: start, steps: applied, ritz, residuals, dual, invariant: gram.every((value) => value === 0) };
}

/**
 * The quadrature of λ·dμ(λ), divided by λ. With A·Q = Q·T + R it is that of T + T^(−½)·RᵀR·T^(−½), seen from T^½·x: the
 * Galerkin approximation of WWᵀ on the space W·Q.
 */
function dualQuadrature(
  ritzValues: Float64Array,
  vectors: Float64Array,
  m: number,
  start: number,
  { gram, first }: { gram: Float64Array; first: number },
): Quadrature {
  const least = LEAST_DUAL_SHARE * (ritzValues[0] ?? 0);
  const count = ritzValues.reduce((kept, value) => kept + (value > least && value > 0 ? 1 : 0), 0);
  const b = m - first;
  const ends = Array.from({ length: count }, (_, j) => {
    const root = Math.sqrt(ritzValues[j]!);
    return vectors.subarray(j * m + first, (j + 1) * m).map((value) => value / root);
  });
  const matrix = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    const image = multiply(gram, b, ends[i]!);
    for (let j = 0; j < count; j++) matrix[i * count + j] = dot(image, ends[j]!) + (i === j ? ritzValues[i]! : 0);
  }
  const { values: nodes, vectors: turned } = topEigenvectors(matrix, count, count);
  const weights = new Float64Array(count);
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < start; i++) {
      let sum = 0;
      for (let j = 0; j < count; j++) {
        sum += turned[k * count + j]! * Math.sqrt(ritzValues[j]!) * vectors[j * m + i]!;
      }
      weights[k] = weights[k]! + sum ** 2 / (start * nodes[k]!);
    }
  }
  return { nodes, weights };
}

/** Standard normal numbers. @see Box & Muller 1958 */
function gaussian(count: number, random: () => number): Float64Array {
  const numbers = new Float64Array(count + (count % 2));
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    numbers[i] = radius * Math.cos(angle);
    numbers[i + 1] = radius * Math.sin(angle);
  }
  return numbers.subarray(0, count);
}

/** R·Rᵀ of the b rows. */
function rowProducts(rows: Float64Array, b: number, n: number): Float64Array {
  const products = new Float64Array(b * b);
  for (let i = 0; i < b; i++) {
    for (let j = 0; j <= i; j++) {
      const value = dot(rows.subarray(i * n, (i + 1) * n), rows.subarray(j * n, (j + 1) * n));
      products[i * b + j] = value;
      products[j * b + i] = value;
    }
  }
  return products;
}

function quadraticForm(matrix: Float64Array, b: number, x: Float64Array): number {
  return dot(multiply(matrix, b, x), x);
}

function multiply(matrix: Float64Array, b: number, x: Float64Array): Float64Array {
  return Float64Array.from({ length: b }, (_, i) => dot(matrix.subarray(i * b, (i + 1) * b), x));
}
