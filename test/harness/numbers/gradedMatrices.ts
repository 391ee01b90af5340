/** Dense matrices whose singular values, known from how they are made, fall by many powers of ten. */
import { naiveProduct, withSpectrum } from './denseReference';

/** σ descending from 1 to 10^−decades, evenly on a logarithmic axis. */
export function gradedValues(n: number, decades: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => 10 ** ((-decades * i) / (n - 1)));
}

/**
 * rows×cols with these singular values (as many as the smaller side has) and dense singular vectors, different ones on
 * both sides.
 */
export function withSingularValues(sigma: Float64Array, rows: number, cols: number): Float64Array {
  const n = sigma.length;
  const core = withSpectrum(sigma, 5);
  const tall = new Float64Array(rows * n);
  tall.set(rows >= cols ? core : naiveProduct(reflection(n, 7), core, n, n, n));
  if (rows >= cols) {
    const turned = naiveProduct(reflection(rows, 9), tall, rows, n, rows);
    return naiveProduct(turned, reflection(n, 11), rows, n, n);
  }
  const wide = new Float64Array(n * cols);
  for (let i = 0; i < n; i++) wide.set(tall.subarray(i * n, (i + 1) * n), i * cols);
  return naiveProduct(wide, reflection(cols, 9), n, cols, cols);
}

/** An orthogonal matrix without zeros: the reflection of two random reflectors. */
function reflection(n: number, seed: number): Float64Array {
  const signs = Float64Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 1 : -1));
  return naiveProduct(withSpectrum(signs, seed), withSpectrum(signs, seed + 1), n, n, n);
}

/** Largest relative error in the upper half of ascending eigenvalues, and largest error of all over λ₁. */
export function policyErrors(eigenvalues: Float64Array, sigma: Float64Array): { upperHalf: number; all: number } {
  const expected = sigma.map((value) => value * value).sort();
  const errors = expected.map((value, i) => Math.abs(eigenvalues[i]! - value));
  const n = expected.length;
  const relative = errors.map((error, i) => error / expected[i]!).subarray(n >> 1);
  const largest = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, value), 0);
  return { upperHalf: largest(relative), all: largest(errors) / expected[n - 1]! };
}
