/**
 * The compute kernels behind every spectrum: reduction to tridiagonal form, Gram products and general
 * products, all float64 and row-major. Two implementations give the same results to rounding: AssemblyScript
 * compiled to WASM with SIMD (`wasmKernels.ts`), and plain TypeScript (`kernelTwin.ts`).
 */

import type { BandMatrix, Interval } from './bandMatrix';

/** Symmetric tridiagonal matrix: `diagonal` has n elements, `offDiagonal` n − 1 (none for n = 0). */
export interface Tridiagonal {
  diagonal: Float64Array;
  offDiagonal: Float64Array;
}

export interface Reduction extends Tridiagonal {
  /**
   * A = Q·T·Qᵀ with Q = H(n−1)·…·H(1), H(i) = I − scales[i]·v·vᵀ. If reflectors were asked for, row i of the n×n matrix
   * that was reduced holds v: its first i elements, the last of them 1.
   */
  scales: Float64Array;
}

/** What one panel of the reduction to band form leaves beside its reflectors. */
export interface BandPanel {
  /** Elements at the pivots. */
  betas: Float64Array;
  scales: Float64Array;
}

/** Called between panels (every tenth of a second at order 4096) with the share of the work done; may throw to stop. */
export type Poll = (fraction: number) => void;

export interface Kernels {
  /** `hosted`: another thread does the large products. */
  readonly kind: 'wasm' | 'typescript' | 'hosted';
  /** The thread that does large products, if there is one. */
  readonly host?: ProductHost;
  /**
   * Householder reduction of the symmetric n×n matrix whose lower triangle `a` holds, elements of magnitude near 1
   * or below (the caller scales). `a` is destroyed; it holds the reflectors afterwards where `keepReflectors` is set.
   *
   * @see LAPACK dsytrd, dlatrd
   */
  tridiagonalise(a: Float64Array, n: number, keepReflectors: boolean, poll?: Poll): Reduction;
  /** Replaces each of the k rows z (n elements) of `vectors` by Q·z, with Q as `tridiagonalise` left it in `a`. */
  applyReflectors(
    a: Float64Array,
    scales: Float64Array,
    n: number,
    vectors: Float64Array,
    k: number,
    poll?: Poll,
  ): void;
  /**
   * Householder reduction of a `count` × `width` block, from its last row upwards, so that row k keeps nothing left of
   * its pivot, column width − count + k (nothing happens in rows whose pivot is below column 1). `rows` is overwritten: left
   * of the pivot the reflector vₖ, whose element at the pivot is 1; behind it what is left of the matrix.
   * The block times H(count−1)·…·H(0), H(k) = I − scales[k]·vₖ·vₖᵀ, is the reduced one.
   */
  reduceBandPanel(rows: Float64Array, count: number, width: number): BandPanel;
  /**
   * Reduction of a symmetric band matrix to tridiagonal form. Row i of `band` (n × (width + 1)) holds elements
   * (i, i − width) … (i, i), of magnitude near 1 or below; those left of the matrix are ignored.
   *
   * @see Lang 1993; Haidar, Ltaief & Dongarra 2011
   */
  tridiagonaliseBand(band: Float64Array, n: number, width: number, poll?: Poll): Tridiagonal;
  /**
   * Factors a symmetric band matrix, laid out as for `tridiagonaliseBand`, without exchanging rows: D of L·D·Lᵀ. `band` is
   * not changed.
   *
   * @param smallest stands for pivots of smaller magnitude
   * @returns how many elements of D are positive
   */
  positivePivots(band: Float64Array, n: number, width: number, smallest: number): number;
  /** Symmetric Gram matrix: XᵀX (cols×cols) for side `columns`, XXᵀ (rows×rows) for side `rows`. */
  gram(x: Float64Array, rows: number, cols: number, side: 'rows' | 'columns'): Float64Array;
  /** C (m×n) = op(A)·op(B), op(A) m×k and op(B) k×n; A is stored k×m where `transA`, B n×k where `transB`. */
  multiply(
    a: Float64Array,
    b: Float64Array,
    m: number,
    n: number,
    k: number,
    transA: boolean,
    transB: boolean,
  ): Float64Array;
}

/**
 * What a thread without onnxruntime asks of the one that has it, and waits for: large products, and the stages of an
 * eigenvalue problem that are nearly all products. It serves one matrix at a time: each call is about the one that was begun
 * last. `engine/worker/` has both sides.
 */
export interface ProductHost {
  readonly multiply: Kernels['multiply'];
  /** Begins a Gram matrix of order n. */
  beginGram(n: number): void;
  /** Adds X·Xᵀ. @param x n × k, handed over @returns x, for its memory */
  addGram(x: Float64Array, k: number): Float64Array;
  /** The Gram matrix in band form, and what leads back to it. @throws RangeError where an element is NaN or infinite */
  reduce(poll: Poll): BandMatrix;
  /** Vectors of an iteration on the band matrix. @see HeldVectors, where each is described */
  hold(x: Float64Array, count: number, damped: Interval): void;
  filter(degree: number, poll: Poll): void;
  overlaps(): Float64Array;
  imageOverlaps(): Float64Array;
  combine(coefficients: Float64Array): void;
  choose(coefficients: Float64Array): void;
  residuals(values: Float64Array): Float64Array;
  /** Q·X, n × k, of the first k vectors that were chosen: those of the Gram matrix, which is forgotten. */
  transform(k: number, poll: Poll): Float64Array;
}
