/**
 * First stage of the eigenvalues of a large symmetric matrix: blocked Householder reduction to band form, from the last rows
 * upwards. Nearly all of its 4/3·n³ operations are matrix products.
 *
 * A panel of b rows is reduced by Q = I − V·T·Vᵀ; with Z = V·T, X = A·Z and W = X − ½·V·(Zᵀ·X) the rest of the matrix
 * becomes A − V·Wᵀ − W·Vᵀ.
 *
 * @see Bischof, Lang & Sun 2000, "A framework for symmetric band reduction"; Dongarra, Sorensen & Hammarling 1989 (W)
 */
import type { BandMatrix } from '../kernels/bandMatrix';
import type { Kernels } from '../kernels/kernels';
import type { MatrixProducts } from '../products/productTypes';
import { scaleSlabs } from './scaling';
import type { SymmetricSlabs } from '../gram/symmetricSlabs';

/**
 * Off-diagonals of the band matrix, and rows of a panel; SLAB_ROWS is a multiple of it. Wider panels make longer products, but
 * the bulge chase of the second stage costs n²·width. Measured with 16 … 128.
 */
function bandWidth(n: number): number {
  return n < 1024 ? 32 : 64;
}

/**
 * Panels whose part of the matrix is taken in together: onnxruntime goes over the matrix once more to add to it, at a
 * cost that longer products make up for, while every panel must be given what is pending. Measured with 1 … 4.
 */
const PANELS = 2;

/** Q = I − V·T·Vᵀ of one panel. */
export interface PanelReflectors {
  /** Rows of V: those of the matrix that were left beside the panel. */
  readonly rest: number;
  /** rest × width. */
  readonly v: Float64Array;
  /** width × width, upper triangular. */
  readonly t: Float64Array;
}

export interface ReductionOptions {
  /** Gets the reflectors of each panel, in the order of the reduction; they take half a matrix in all. */
  keep?: PanelReflectors[] | undefined;
  products: MatrixProducts;
  /** This thread's kernels, for the panels. */
  kernels: Kernels;
  signal?: AbortSignal | undefined;
  /** Share of the work done, in [0, 1]. */
  onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * @param matrix destroyed
 * @throws RangeError where an element is NaN or infinite
 * @throws DOMException `AbortError` when the signal fires
 * @throws Error where a product fails
 */
export async function reduceToBandMatrix(matrix: SymmetricSlabs, options: ReductionOptions): Promise<BandMatrix> {
  const { n } = matrix;
  const scale = scaleSlabs(matrix);
  const reduction = new BandReduction(matrix, Math.min(bandWidth(n), Math.max(1, n - 1)), scale, options);
  for (let end = n; end > 0;) {
    options.signal?.throwIfAborted();
    options.onProgress?.(1 - (end / n) ** 3);
    end = await reduction.panel(end);
  }
  return reduction.bandMatrix;
}

class BandReduction {
  readonly bandMatrix: BandMatrix;
  /** b×n: the rows of a panel. */
  private readonly block: Float64Array;
  /** n×b each. */
  private readonly v: Float64Array;
  /** Rows beyond the part of the matrix that is left are zero. */
  private readonly z: Float64Array;
  private readonly x: Float64Array;
  /**
   * What is to be added to the matrix is P·Qᵀ. n × (PANELS·2b) each: for every panel that is not yet taken in V next to
   * W, and −W next to −V; the rest is zero.
   */
  private readonly p: Float64Array;
  private readonly q: Float64Array;
  private pending = 0;

  constructor(
    private readonly matrix: SymmetricSlabs,
    private readonly width: number,
    scale: number,
    private readonly options: ReductionOptions,
  ) {
    const { n } = matrix;
    this.bandMatrix = { n, width, rows: new Float64Array(n * (width + 1)), scale };
    this.block = new Float64Array(n * width);
    this.v = new Float64Array(n * width);
    this.z = new Float64Array(n * width);
    this.x = new Float64Array(n * width);
    this.p = new Float64Array(n * this.depth);
    this.q = new Float64Array(n * this.depth);
  }

  /** Columns of P and Q. */
  private get depth(): number {
    return PANELS * 2 * this.width;
  }

  /** Takes the last rows of the leading end×end part into the band matrix. @returns the order of the part that is left */
  async panel(end: number): Promise<number> {
    const rows = Math.min(this.width, end);
    const rest = end - rows;
    const block = await this.cut(rest, rows);
    if (rest > 0) {
      const { betas, scales } = this.options.kernels.reduceBandPanel(block, rows, rest);
      const v = this.keepReduced(block, betas, rest);
      if (scales.some((scale) => scale !== 0)) await this.reflect(v, scales, rest);
      if (this.pending === PANELS) await this.takeIn(rest);
    }
    return rest;
  }

  /** Copies a panel's diagonal block into the band matrix. @returns rows × rest, what lies left of it */
  private async cut(rest: number, rows: number): Promise<Float64Array> {
    const { matrix, bandMatrix, width, p, q, depth } = this;
    // Slabs end at multiples of SLAB_ROWS from the last row, panels at multiples of the width: no panel spans two slabs.
    const slab = matrix.slabs.findLast(({ start }) => start <= rest)!;
    const first = (rest - slab.start) * slab.width;
    const own = slab.elements.subarray(first, first + rows * slab.width);
    if (this.pending > 0) {
      const [left, right] = [p.subarray(rest * depth, (rest + rows) * depth), q.subarray(0, slab.width * depth)];
      await this.options.products.accumulate(own, left, right, rows, slab.width, depth, false, true);
    }
    const block = this.block.subarray(0, rows * rest);
    for (let k = 0; k < rows; k++) {
      const row = own.subarray(k * slab.width, (k + 1) * slab.width);
      block.set(row.subarray(0, rest), k * rest);
      bandMatrix.rows.set(row.subarray(rest, rest + k + 1), (rest + k) * (width + 1) + width - k);
    }
    return block;
  }

  /**
   * Moves the rest of a reduced panel into the band matrix, and its reflectors into columns, in the order they apply.
   *
   * @returns V, rest × b; its own memory if it is to be kept
   */
  private keepReduced(block: Float64Array, betas: Float64Array, rest: number): Float64Array {
    const { width, bandMatrix } = this;
    const used = rest * width;
    const v = this.options.keep ? new Float64Array(used) : this.v.subarray(0, used).fill(0);
    for (let k = 0; k < width; k++) {
      const pivot = rest - width + k;
      const row = block.subarray(k * rest, (k + 1) * rest);
      const to = (rest + k) * (width + 1) + width - k - rest;
      if (pivot >= 0) bandMatrix.rows[to + pivot] = betas[k]!;
      for (let j = Math.max(0, pivot + 1); j < rest; j++) bandMatrix.rows[to + j] = row[j]!;
      for (let j = 0, at = width - 1 - k; j <= pivot; j++, at += width) v[at] = row[j]!;
    }
    return v;
  }

  /** Adds the panel's reflectors to what is pending. */
  private async reflect(v: Float64Array, scales: Float64Array, rest: number): Promise<void> {
    const { width, z, x, p, q, depth, matrix } = this;
    const { products, signal } = this.options;
    const used = rest * width;
    const overlaps = await products.multiply(v, v, width, width, rest, true, false);
    const t = triangularFactor(overlaps, scales, width);
    this.options.keep?.push({ rest, v, t });
    z.fill(0, 0, used + width * width);
    const zRest = z.subarray(0, used);
    await products.accumulate(zRest, v, t, rest, width, width, false, false);
    x.fill(0, 0, used);
    await matrix.addProduct(products, x, z, width, rest, signal);
    const w = x.subarray(0, used);
    if (this.pending > 0) {
      const right = await products.multiply(q.subarray(0, rest * depth), zRest, depth, width, rest, true, false);
      await products.accumulate(w, p.subarray(0, rest * depth), right, rest, width, depth, false, false);
    }
    const s = await products.multiply(zRest, w, width, width, rest, true, false);
    for (let i = 0; i < s.length; i++) s[i] = -0.5 * s[i]!;
    await products.accumulate(w, v, s, rest, width, width, false, false);
    this.append(v, w, rest);
  }

  /** Puts a panel's V and W into P and Q, whose rows beyond the rest are not used any more. */
  private append(v: Float64Array, w: Float64Array, rest: number): void {
    const { width, p, q, depth } = this;
    for (let i = 0, from = 0, row = this.pending * 2 * width; i < rest; i++, row += depth) {
      for (let j = 0, to = row; j < width; j++, from++, to++) {
        p[to] = v[from]!;
        p[to + width] = w[from]!;
        q[to] = -w[from]!;
        q[to + width] = -v[from]!;
      }
    }
    this.pending++;
  }

  /** Adds the pending updates to the remaining part of the matrix. */
  private async takeIn(rest: number): Promise<void> {
    const { p, q, depth, matrix } = this;
    const { products, signal } = this.options;
    for (const { start, rows, width, elements } of matrix.slabs) {
      if (start >= rest) break;
      signal?.throwIfAborted();
      const active = Math.min(rows, rest - start);
      const own = p.subarray(start * depth, (start + active) * depth);
      const reached = q.subarray(0, width * depth);
      await products.accumulate(elements.subarray(0, active * width), own, reached, active, width, depth, false, true);
    }
    p.fill(0, 0, rest * depth);
    q.fill(0, 0, rest * depth);
    this.pending = 0;
  }
}

/**
 * T of the compact form I − V·T·Vᵀ of a product of reflectors.
 *
 * @param overlaps VᵀV, b×b
 * @param scales τ of the reflectors, the last one (the first to apply) first column of V
 * @see LAPACK dlarft
 */
function triangularFactor(overlaps: Float64Array, scales: Float64Array, b: number): Float64Array {
  const t = new Float64Array(b * b);
  for (let q = 0; q < b; q++) {
    const tau = scales[b - 1 - q]!;
    t[q * b + q] = tau;
    for (let i = 0; i < q; i++) {
      let sum = 0;
      for (let j = i; j < q; j++) sum += t[i * b + j]! * overlaps[j * b + q]!;
      t[i * b + q] = -tau * sum;
    }
  }
  return t;
}
