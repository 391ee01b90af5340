/**
 * Cholesky factors and products with them, by halves: nearly all of the work is products of the kernels, with a poll after
 * each. Triangular matrices are stored in full, row-major; what lies above the diagonal of a lower one is zero.
 *
 * @see Golub & Van Loan, Matrix Computations, 4.2.9 and 3.1; Elmroth, Gustavson, Jonsson & Kågström 2004, "Recursive blocked
 *   algorithms and hybrid data structures for dense matrix library software"
 */
import type { Kernels, Poll } from '../kernels/kernels';

/** Up to this order a triangle is solved element by element. */
const LEAST_ORDER = 32;

/** Sides of a product that is made at once: some 0.1 s at order 4096 by the kernels, or by a thread that is ten times as fast. */
const TILE = 256;
const HOSTED_TILE = 1024;

/** Columns of a Cholesky factor, and of a product with a triangle, that are made together: long products, few with zeros. */
const COLUMNS = 512;

/** A pivot below this many roundings of its diagonal element is one of a singular matrix. */
const PIVOT_ROUNDINGS = 8;

type Range = readonly [from: number, to: number];

/** Rows and columns of a row-major matrix with n columns. */
interface View {
  readonly x: Float64Array;
  readonly n: number;
  readonly rows: Range;
  readonly cols: Range;
}

/** Memory for one operand after the other: new memory costs more than what is copied into it. */
class Scratch {
  private memory = new Float64Array(0);

  take(length: number): Float64Array {
    if (this.memory.length < length) this.memory = new Float64Array(length);
    return this.memory.subarray(0, length);
  }
}

/** Products, and how much of the work they have done. */
class Work {
  private done = 0;
  private readonly left = new Scratch();
  private readonly right = new Scratch();
  readonly tile: number;

  /** @param total multiply-adds of all products */
  constructor(
    private readonly kernels: Kernels,
    private readonly poll: Poll,
    private readonly total: number,
  ) {
    this.tile = kernels.host ? HOSTED_TILE : TILE;
    poll(0);
  }

  /**
   * C −= A·B, or A·Bᵀ where `transB`, in tiles.
   *
   * @param lower only tiles that reach below C's diagonal
   */
  subtract(c: View, a: View, b: View, transB: boolean, lower = false): void {
    const { tile } = this;
    const depth = a.cols[1] - a.cols[0];
    for (let top = c.rows[0]; top < c.rows[1]; top += tile) {
      const bottom = Math.min(c.rows[1], top + tile);
      const from = a.rows[0] + top - c.rows[0];
      const left = cut(a.x, a.n, [from, from + bottom - top], a.cols, this.left);
      for (let start = c.cols[0]; start < (lower ? bottom : c.cols[1]); start += tile) {
        const end = Math.min(c.cols[1], start + tile);
        const [first, last] = transB ? b.rows : b.cols;
        const own: Range = [first + start - c.cols[0], Math.min(last, first + end - c.cols[0])];
        const right = transB ? cut(b.x, b.n, own, b.cols, this.right) : cut(b.x, b.n, b.rows, own, this.right);
        const product = this.kernels.multiply(left, right, bottom - top, end - start, depth, false, transB);
        subtract(c.x, c.n, top, start, product, end - start);
        this.done += (bottom - top) * (end - start) * depth;
        this.poll(Math.min(1, this.done / this.total));
      }
    }
  }
}

/**
 * L of C = L·Lᵀ.
 *
 * @param c n×n, symmetric; only the lower triangle is read; not changed
 * @returns undefined if C is not positive definite to working precision
 */
export function choleskyFactor(c: Float64Array, n: number, kernels: Kernels, poll: Poll): Float64Array | undefined {
  const l = c.slice();
  const least = Float64Array.from({ length: n }, (_, i) => PIVOT_ROUNDINGS * n * Number.EPSILON * c[i * n + i]!);
  const work = new Work(kernels, poll, n ** 3 / 5);
  for (let start = 0; start < n; start += COLUMNS) {
    const end = Math.min(n, start + COLUMNS);
    const own: View = { x: l, n, rows: [start, n], cols: [start, end] };
    if (start > 0)
      work.subtract(own, { ...own, cols: [0, start] }, { ...own, rows: [start, end], cols: [0, start] }, true);
    if (!factorRange(l, n, start, end, least, work)) return undefined;
    solveTransposed(l, n, { ...own, rows: [end, n] }, work);
  }
  for (let i = 0; i < n; i++) l.fill(0, i * n + i + 1, (i + 1) * n);
  return l;
}

/** Factors the diagonal block from `start` to `end`. @returns false at a pivot that is not positive */
function factorRange(l: Float64Array, n: number, start: number, end: number, least: Float64Array, work: Work): boolean {
  if (end - start <= LEAST_ORDER) return factorBlock(l, n, start, end, least);
  const middle = half(start, end);
  if (!factorRange(l, n, start, middle, least, work)) return false;
  const below: View = { x: l, n, rows: [middle, end], cols: [start, middle] };
  solveTransposed(l, n, below, work);
  work.subtract({ ...below, cols: [middle, end] }, below, below, true, true);
  return factorRange(l, n, middle, end, least, work);
}

/** X ← X·L⁻ᵀ for columns of l itself: those of X are those of the triangle. */
function solveTransposed(l: Float64Array, n: number, x: View, work: Work): void {
  const [start, end] = x.cols;
  if (end - start <= LEAST_ORDER) {
    solveRows(l, n, x);
    return;
  }
  const middle = half(start, end);
  const [left, right] = halves(x, middle);
  solveTransposed(l, n, left, work);
  work.subtract(right, left, { x: l, n, rows: [middle, end], cols: [start, middle] }, true);
  solveTransposed(l, n, right, work);
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
  const tile = kernels.host ? HOSTED_TILE : TILE;
  const width = Math.min(tile, COLUMNS);
  const [ownMemory, tableMemory] = [new Scratch(), new Scratch()];
  for (let left = 0; left < n; left += width) {
    const right = Math.min(n, left + width);
    const columns = cut(l, n, [left, n], [left, right], tableMemory);
    for (let top = 0; top < rows; top += tile) {
      const bottom = Math.min(rows, top + tile);
      const own = cut(x, n, [top, bottom], [left, n], ownMemory);
      const product = kernels.multiply(own, columns, bottom - top, right - left, n - left, false, false);
      paste(result, n, top, left, product, right - left);
      poll(Math.min(1, (left + (width * bottom) / rows) / n));
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
  const work = new Work(kernels, poll, (rows * n ** 2) / 2);
  solveColumns(l, n, { x: result, n, rows: [0, rows], cols: [0, n] }, work);
  return result;
}

function solveColumns(l: Float64Array, n: number, x: View, work: Work): void {
  const [start, end] = x.cols;
  if (end - start <= LEAST_ORDER) {
    for (let row = x.rows[0] * n; row < x.rows[1] * n; row += n) {
      for (let j = end - 1; j >= start; j--) {
        const value = x.x[row + j]! / l[j * n + j]!;
        x.x[row + j] = value;
        for (let i = start; i < j; i++) x.x[row + i] = x.x[row + i]! - value * l[j * n + i]!;
      }
    }
    return;
  }
  const middle = half(start, end);
  const [left, right] = halves(x, middle);
  solveColumns(l, n, right, work);
  work.subtract(left, right, { x: l, n, rows: [middle, end], cols: [start, middle] }, false);
  solveColumns(l, n, left, work);
}

/** A multiple of the least order near the middle. */
function half(start: number, end: number): number {
  return start + LEAST_ORDER * Math.ceil((end - start) / (2 * LEAST_ORDER));
}

/** The columns before `middle`, and the others. */
function halves(x: View, middle: number): [View, View] {
  const [start, end] = x.cols;
  return [
    { ...x, cols: [start, middle] },
    { ...x, cols: [middle, end] },
  ];
}

/** L⁻¹, n×n, lower triangular. */
export function inverseLower(l: Float64Array, n: number, kernels: Kernels, poll: Poll): Float64Array {
  const inverse = new Float64Array(n * n);
  invertRange(l, inverse, n, [0, n], new Work(kernels, poll, n ** 3 / 4));
  return inverse;
}

/** The inverse of a diagonal block: the identity times it, but for the products with what is zero. */
function invertRange(l: Float64Array, inverse: Float64Array, n: number, [start, end]: Range, work: Work): void {
  if (end - start <= LEAST_ORDER) {
    for (let i = start; i < end; i++) inverse[i * n + i] = 1;
    solveColumns(l, n, { x: inverse, n, rows: [start, end], cols: [start, end] }, work);
    return;
  }
  const middle = half(start, end);
  const below: View = { x: inverse, n, rows: [middle, end], cols: [start, middle] };
  invertRange(l, inverse, n, [start, middle], work);
  invertRange(l, inverse, n, [middle, end], work);
  work.subtract(below, { ...below, cols: [middle, end] }, { ...below, x: l }, false);
  solveColumns(l, n, below, work);
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

/** Rows of X times the inverse of a small triangle transposed. */
function solveRows(l: Float64Array, n: number, { x, rows: [top, bottom], cols: [start, end] }: View): void {
  for (let row = top * n; row < bottom * n; row += n) {
    for (let j = start; j < end; j++) {
      let sum = x[row + j]!;
      const own = j * n;
      for (let k = start; k < j; k++) sum -= x[row + k]! * l[own + k]!;
      x[row + j] = sum / l[own + j]!;
    }
  }
}

/** Rows [top, bottom) and columns [left, right) of a matrix with n columns. */
export function cut(
  x: Float64Array,
  n: number,
  [top, bottom]: readonly [number, number],
  [left, right]: readonly [number, number],
  scratch = new Scratch(),
): Float64Array {
  if (left === 0 && right === n) return x.subarray(top * n, bottom * n);
  const width = right - left;
  const block = scratch.take((bottom - top) * width);
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
