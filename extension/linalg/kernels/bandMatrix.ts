/** Symmetric band matrices as the stages of an eigenvalue problem hand them on. */

/** Symmetric band matrix: row i of `rows` (n × (width + 1)) holds elements (i, i − width) … (i, i), 0 left of column 0. */
export interface BandMatrix {
  n: number;
  width: number;
  rows: Float64Array;
  /** What its eigenvalues are to be multiplied by (`unscale`). */
  scale: number;
}

/** Eigenvalues of the band matrix as it is, before `unscale`. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}
