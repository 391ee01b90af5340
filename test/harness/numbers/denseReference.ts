/**
 * Independent references for the linear algebra tests: a seeded generator, products by their definition, cyclic Jacobi,
 * and matrices whose eigenvalues are known in closed form.
 */

import type { SymmetricSlabs } from '../../../extension/linalg/gram/symmetricSlabs';

/** Uniform in [−0.5, 0.5), the same for the same seed. @see Park & Miller 1988 */
export function seededRandom(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  const next = (): number => {
    state = (state * 48271) % 2147483647;
    return (state - 1) / 2147483646 - 0.5;
  };
  next();
  return next;
}

export function randomMatrix(rows: number, cols: number, seed: number): Float64Array {
  return Float64Array.from({ length: rows * cols }, seededRandom(seed));
}

export function fromElements(n: number, element: (i: number, j: number) => number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, p) => element(Math.floor(p / n), p % n));
}

export function randomSymmetric(n: number, seed: number): Float64Array {
  const x = randomMatrix(n, n, seed);
  return fromElements(n, (i, j) => x[Math.max(i, j) * n + Math.min(i, j)]!);
}

/** The n×n matrix that slabs hold the lower half of. */
export function fromSlabs({ n, slabs }: SymmetricSlabs): Float64Array {
  return fromElements(n, (i, j) => {
    const [row, column] = [Math.max(i, j), Math.min(i, j)];
    const { start, width, elements } = slabs.find((slab) => row < slab.width)!;
    return elements[(row - start) * width + column]!;
  });
}

/** H·D·H with the reflector H = I − 2uuᵀ/uᵀu of a random u: a dense matrix with the eigenvalues given. */
export function withSpectrum(eigenvalues: Float64Array, seed: number): Float64Array {
  const n = eigenvalues.length;
  const u = Float64Array.from({ length: n }, seededRandom(seed));
  const square = u.reduce((sum, value) => sum + value * value, 0);
  const weighted = u.reduce((sum, value, i) => sum + value * value * eigenvalues[i]!, 0);
  return fromElements(n, (i, j) => {
    const ui = u[i]!;
    const uj = u[j]!;
    const mixed = (-2 / square) * ui * uj * (eigenvalues[i]! + eigenvalues[j]!);
    return (i === j ? eigenvalues[i]! : 0) + mixed + (4 / square) * (weighted / square) * ui * uj;
  });
}

/** op(A)·op(B) by its definition. */
export function naiveProduct(
  a: Float64Array,
  b: Float64Array,
  m: number,
  n: number,
  k: number,
  transA = false,
  transB = false,
): Float64Array {
  return Float64Array.from({ length: m * n }, (_, at) => {
    const i = Math.floor(at / n);
    const j = at % n;
    let sum = 0;
    for (let p = 0; p < k; p++)
      sum += (transA ? a[p * m + i]! : a[i * k + p]!) * (transB ? b[j * k + p]! : b[p * n + j]!);
    return sum;
  });
}

/** Ascending eigenvalues by cyclic Jacobi rotations. @see Golub & Van Loan, Matrix Computations, 8.5 */
export function jacobiEigenvalues(symmetric: Float64Array, n: number): Float64Array {
  const a = Float64Array.from(symmetric);
  const total = Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
  for (let sweep = 0; sweep < 40; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        off += a[p * n + q]! ** 2;
        rotate(a, n, p, q);
      }
    }
    if (Math.sqrt(off) <= 1e-17 * total) break;
  }
  return Float64Array.from({ length: n }, (_, i) => a[i * n + i]!).sort();
}

function rotate(a: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q]!;
  if (apq === 0) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const x = a[k * n + p]!;
    const y = a[k * n + q]!;
    a[k * n + p] = c * x - s * y;
    a[k * n + q] = s * x + c * y;
  }
  for (let k = 0; k < n; k++) {
    const x = a[p * n + k]!;
    const y = a[q * n + k]!;
    a[p * n + k] = c * x - s * y;
    a[q * n + k] = s * x + c * y;
  }
}

/** Largest |xᵢ − yᵢ|; NaN where any is NaN. */
export function largestDifference(x: Float64Array, y: Float64Array): number {
  if (x.length !== y.length) throw new Error(`${x.length} and ${y.length} elements`);
  return x.reduce((largest, value, i) => {
    const difference = Math.abs(value - y[i]!);
    return difference > largest || Number.isNaN(difference) ? difference : largest;
  }, 0);
}

export function frobenius(x: Float64Array): number {
  return Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
}
