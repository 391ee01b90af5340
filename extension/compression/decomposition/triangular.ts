/**
 * Cholesky factors and products with them, in blocks: nearly all of the work is products of the kernels, with a poll after
 * each. Triangular matrices are stored in full, row-major; what lies above the diagonal of a lower one is zero.
 *
 * @see Golub & Van Loan, Matrix Computations, 4.2.9 and 3.1
 */
import type { Kernels, Poll } from '../../linalg/kernels/kernels';

const BLOCK = 256;

/** Rows of a matrix that are multiplied at once: some 0.1 s at order 4096. */
const ROWS = 256;

/** A pivot below this many roundings of its diagonal element is one of a singular matrix. */
const PIVOT_ROUNDINGS = 8;

/**
 * L of C = L·Lᵀ.
 *
 * @param c n×n, symmetric; only the lower triangle is read; not changed
 * @returns undefined if C is not positive definite to working precision
 */
export function choleskyFactor(c: Float64Array, n: number, kernels: Kernels, poll: Poll): Float64Array | undefined {
  const l = c.slice();
  const least = Float64Array.from({ length: n }, (_, i) => PIVOT_ROUNDINGS * n * Number.EPSILON * c[i * n + i]!);
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(n, start + BLOCK);
    if (!factorBlock(l, n, start, end, least)) return undefined;
    solveBelow(l, n, start, end);
    // What is left of the matrix loses the product of the new columns.
    for (let top = end; top < n; top += BLOCK) {
      const bottom = Math.min(n, top + BLOCK);
      const rows = cut(l, n, [top, bottom], [start, end]);
      for (let left = end; left <= top; left += BLOCK) {
        const right = Math.min(n, left + BLOCK);
        const columns = left === top ? rows : cut(l, n, [left, right], [start, end]);
        const product = kernels.multiply(rows, columns, bottom - top, right - left, end - start, false, true);
        subtract(l, n, top, left, product, right - left);
      }
      poll((1 - ((n - end) / n) ** 3) * (bottom / n));
    }
  }
  for (let i = 0; i < n; i++) l.fill(0, i * n + i + 1, (i + 1) * n);
  return l;
}

/** X·L, rows×n. */
export function timesLower(
  x: Float64Array,
  rows: number,
  l: Float64Array,
  n: number,
  kernels: Kernels,
  poll: Poll,
): Float64Array {
  const result = new Float64Array(rows * n);
  for (let left = 0; left < n; left += BLOCK) {
    const right = Math.min(n, left + BLOCK);
    const columns = cut(l, n, [left, n], [left, right]);
    for (let top = 0; top < rows; top += ROWS) {
      const bottom = Math.min(rows, top + ROWS);
      const own = cut(x, n, [top, bottom], [left, n]);
      const product = kernels.multiply(own, columns, bottom - top, right - left, n - left, false, false);
      paste(result, n, top, left, product, right - left);
      poll(Math.min(1, (left + (BLOCK * bottom) / rows) / n));
    }
  }
  return result;
}

/** X·L⁻¹, rows×n. */
export function timesInverseLower(
  x: Float64Array,
  rows: number,
  l: Float64Array,
  n: number,
  kernels: Kernels,
  poll: Poll,
): Float64Array {
  const result = x.slice();
  const starts = Array.from({ length: Math.ceil(n / BLOCK) }, (_, i) => i * BLOCK);
  for (const left of starts.toReversed()) {
    const right = Math.min(n, left + BLOCK);
    if (right < n) {
      const below = cut(l, n, [right, n], [left, right]);
      for (let top = 0; top < rows; top += ROWS) {
        const bottom = Math.min(rows, top + ROWS);
        const solved = cut(result, n, [top, bottom], [right, n]);
        subtract(
          result,
          n,
          top,
          left,
          kernels.multiply(solved, below, bottom - top, right - left, n - right, false, false),
          right - left,
        );
        poll(1 - right / n);
      }
    }
    for (let row = 0; row < rows; row++) {
      for (let j = right - 1; j >= left; j--) {
        const value = result[row * n + j]! / l[j * n + j]!;
        result[row * n + j] = value;
        for (let i = left; i < j; i++) result[row * n + i] = result[row * n + i]! - value * l[j * n + i]!;
      }
    }
  }
  return result;
}

/** L⁻¹, n×n, lower triangular. */
export function inverseLower(l: Float64Array, n: number, kernels: Kernels, poll: Poll): Float64Array {
  const identity = new Float64Array(n * n);
  for (let i = 0; i < n; i++) identity[i * n + i] = 1;
  return timesInverseLower(identity, n, l, n, kernels, poll);
}

/** Factors the diagonal block. @returns false at a pivot that is not positive */
function factorBlock(l: Float64Array, n: number, start: number, end: number, least: Float64Array): boolean {
  for (let j = start; j < end; j++) {
    for (let k = start; k < j; k++) {
      const factor = l[j * n + k]!;
      if (factor === 0) continue;
      for (let i = j; i < end; i++) l[i * n + j] = l[i * n + j]! - factor * l[i * n + k]!;
    }
    const pivot = l[j * n + j]!;
    if (!(pivot > least[j]!)) return false;
    const root = Math.sqrt(pivot);
    for (let i = j; i < end; i++) l[i * n + j] = l[i * n + j]! / root;
  }
  return true;
}

/** Rows below the diagonal block, times its inverse transposed. */
function solveBelow(l: Float64Array, n: number, start: number, end: number): void {
  for (let row = end * n; row < n * n; row += n) {
    for (let j = start; j < end; j++) {
      let sum = l[row + j]!;
      const own = j * n;
      for (let k = start; k < j; k++) sum -= l[row + k]! * l[own + k]!;
      l[row + j] = sum / l[own + j]!;
    }
  }
}

/** Rows [top, bottom) and columns [left, right) of a matrix with n columns. */
export function cut(
  x: Float64Array,
  n: number,
  [top, bottom]: readonly [number, number],
  [left, right]: readonly [number, number],
): Float64Array {
  if (left === 0 && right === n) return x.subarray(top * n, bottom * n);
  const width = right - left;
  const block = new Float64Array((bottom - top) * width);
  for (let i = top; i < bottom; i++) block.set(x.subarray(i * n + left, i * n + right), (i - top) * width);
  return block;
}

function paste(to: Float64Array, n: number, top: number, left: number, block: Float64Array, width: number): void {
  for (let from = 0, at = top * n + left; from < block.length; from += width, at += n) {
    to.set(block.subarray(from, from + width), at);
  }
}

function subtract(from: Float64Array, n: number, top: number, left: number, block: Float64Array, width: number): void {
  for (let start = 0, at = top * n + left; start < block.length; start += width, at += n) {
    for (let j = 0; j < width; j++) from[at + j] = from[at + j]! - block[start + j]!;
  }
}
