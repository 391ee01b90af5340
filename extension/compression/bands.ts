/**
 * Products with a matrix that may be larger than the kernels' memory: it is handed to them in bands across its longer
 * side, with a poll after each.
 */
import type { Kernels, Poll } from '../linalg/kernels';

/** 128 MB of float64: well within the kernels' 4 GB, and some tenths of a second of work. */
const BAND_ELEMENTS = 2 ** 24;

export interface LongMatrix {
  /** rows × cols, row-major. */
  readonly w: Float64Array;
  readonly rows: number;
  readonly cols: number;
  readonly kernels: Kernels;
  /** Elements of a band; only tests choose another number. */
  readonly bandElements?: number;
}

/** Gram matrix of the smaller side, n × n with n = min(rows, cols): WᵀW where rows ≥ cols, else WWᵀ. */
export function bandedGram(matrix: LongMatrix, poll: Poll): Float64Array {
  const { rows, cols, kernels } = matrix;
  const tall = rows >= cols;
  const n = Math.min(rows, cols);
  const sum = new Float64Array(n * n);
  forEachBand(matrix, poll, (band, _, length) => {
    const part = tall ? kernels.gram(band, length, cols, 'columns') : kernels.gram(band, rows, length, 'rows');
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + part[i]!;
  });
  return sum;
}

/**
 * W projected on k vectors of its smaller side.
 *
 * @param vectors k × min(rows, cols), one vector a row
 * @returns W·vectorsᵀ (rows × k) where rows ≥ cols, else vectors·W (k × cols)
 */
export function bandedProjection(matrix: LongMatrix, vectors: Float64Array, k: number, poll: Poll): Float64Array {
  const { rows, cols, kernels } = matrix;
  const tall = rows >= cols;
  const projection = new Float64Array(k * Math.max(rows, cols));
  forEachBand(matrix, poll, (band, start, length) => {
    if (tall) {
      projection.set(kernels.multiply(band, vectors, length, k, cols, false, true), start * k);
      return;
    }
    const part = kernels.multiply(vectors, band, k, length, rows, false, false);
    for (let j = 0; j < k; j++) projection.set(part.subarray(j * length, (j + 1) * length), j * cols + start);
  });
  return projection;
}

/** Whole rows of a tall matrix, as they lie; whole columns of a wide one, copied together. */
function forEachBand(
  { w, rows, cols, bandElements = BAND_ELEMENTS }: LongMatrix,
  poll: Poll,
  use: (band: Float64Array, start: number, length: number) => void,
): void {
  const tall = rows >= cols;
  const [long, short] = tall ? [rows, cols] : [cols, rows];
  const step = Math.max(1, Math.floor(bandElements / short));
  for (let start = 0; start < long; start += step) {
    const end = Math.min(long, start + step);
    if (tall) use(w.subarray(start * cols, end * cols), start, end - start);
    else use(columns(w, rows, cols, start, end), start, end - start);
    poll(end / long);
  }
}

function columns(w: Float64Array, rows: number, cols: number, start: number, end: number): Float64Array {
  if (start === 0 && end === cols) return w;
  const band = new Float64Array(rows * (end - start));
  for (let r = 0; r < rows; r++) band.set(w.subarray(r * cols + start, r * cols + end), r * (end - start));
  return band;
}
