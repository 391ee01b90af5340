/**
 * Products with a matrix that may be larger than the kernels' memory, and that take longer than a cancel may: it is handed
 * to them in bands across its longer side and in blocks of its shorter one, with a poll after each product.
 */
import type { Kernels, Poll } from '../kernels/kernels';
import { mirrorLower } from '../kernels/mirrorLower';

/** 32 MB of float64. */
const BAND_ELEMENTS = 2 ** 22;

/**
 * Vectors that are multiplied with a band at a time: with the band above, some 5e8 multiply-adds of any order. Another thread
 * is ten times as fast, wakes for a cancel by itself, and is sent the band each time.
 */
const BLOCK = 128;
const HOSTED_BLOCK = 1024;

/** Side of a block of the Gram matrix: its operands are copied, which costs little beside so many multiply-adds of each. */
const GRAM_BLOCK = 512;

export interface LongMatrix {
  /** rows × cols, row-major. */
  readonly w: Float64Array;
  readonly rows: number;
  readonly cols: number;
  readonly kernels: Kernels;
  /** Elements of a band, and sides of blocks of both products; only tests choose other numbers. */
  readonly bandElements?: number;
  readonly block?: number;
}

/** Gram matrix of the smaller side, n × n with n = min(rows, cols): WᵀW where rows ≥ cols, else WWᵀ. */
export function bandedGram(matrix: LongMatrix, poll: Poll): Float64Array {
  const { rows, cols, kernels, block = GRAM_BLOCK } = matrix;
  const tall = rows >= cols;
  const n = Math.min(rows, cols);
  const long = Math.max(rows, cols);
  const sum = new Float64Array(n * n);
  const starts = blockStarts(n, block);
  const products = (starts.length * (starts.length + 1)) / 2;
  forEachBand(matrix, (band, start, length) => {
    const blocks = starts.map((from) => {
      const to = Math.min(n, from + block);
      return tall ? columns(band, length, cols, from, to) : band.subarray(from * length, to * length);
    });
    let done = 0;
    for (const [i, top] of starts.entries()) {
      const height = Math.min(block, n - top);
      for (const [j, left] of starts.slice(0, i + 1).entries()) {
        const width = Math.min(block, n - left);
        const part = kernels.multiply(blocks[i]!, blocks[j]!, height, width, length, tall, !tall);
        for (let r = 0; r < height; r++) {
          const row = (top + r) * n + left;
          for (let c = 0; c < width; c++) sum[row + c] = sum[row + c]! + part[r * width + c]!;
        }
        poll((start + (length * ++done) / products) / long);
      }
    }
  });
  mirrorLower(sum, n);
  return sum;
}

/**
 * W projected on k vectors of its smaller side.
 *
 * @param vectors k × min(rows, cols), one vector a row
 * @returns W·vectorsᵀ (rows × k) where rows ≥ cols, else vectors·W (k × cols)
 */
export function bandedProjection(matrix: LongMatrix, vectors: Float64Array, k: number, poll: Poll): Float64Array {
  const { rows, cols, kernels, block = kernels.host ? HOSTED_BLOCK : BLOCK } = matrix;
  const tall = rows >= cols;
  const [long, short] = tall ? [rows, cols] : [cols, rows];
  const projection = new Float64Array(k * long);
  forEachBand(matrix, (band, start, length) => {
    for (const first of blockStarts(k, block)) {
      const end = Math.min(k, first + block);
      const some = vectors.subarray(first * short, end * short);
      const count = end - first;
      if (tall) {
        const part = kernels.multiply(band, some, length, count, cols, false, true);
        for (let i = 0; i < length; i++) {
          projection.set(part.subarray(i * count, (i + 1) * count), (start + i) * k + first);
        }
      } else {
        const part = kernels.multiply(some, band, count, length, rows, false, false);
        for (let j = 0; j < count; j++) {
          projection.set(part.subarray(j * length, (j + 1) * length), (first + j) * cols + start);
        }
      }
      poll((start + (length * end) / k) / long);
    }
  });
  return projection;
}

/**
 * Vectors of W's longer side taken to its smaller one.
 *
 * @param vectors k × max(rows, cols), one vector a row
 * @returns k × min(rows, cols): vectors·W where rows ≥ cols, else vectors·Wᵀ
 */
export function bandedImage(matrix: LongMatrix, vectors: Float64Array, k: number, poll: Poll): Float64Array {
  const { rows, cols, kernels, block = kernels.host ? HOSTED_BLOCK : BLOCK } = matrix;
  const tall = rows >= cols;
  const [long, short] = tall ? [rows, cols] : [cols, rows];
  const image = new Float64Array(k * short);
  forEachBand(matrix, (band, start, length) => {
    for (const first of blockStarts(k, block)) {
      const end = Math.min(k, first + block);
      const some = columns(vectors.subarray(first * long, end * long), end - first, long, start, start + length);
      const part = kernels.multiply(some, band, end - first, short, length, false, !tall);
      for (let i = 0, at = first * short; i < part.length; i++, at++) image[at] = image[at]! + part[i]!;
      poll((start + (length * end) / k) / long);
    }
  });
  return image;
}

function blockStarts(length: number, block: number): number[] {
  return Array.from({ length: Math.ceil(length / block) }, (_, i) => i * block);
}

/**
 * Whole rows of a tall matrix, as they lie; whole columns of a wide one, copied together.
 *
 * @param use may return memory for the columns to come: new memory costs more than the copying
 */
export function forEachBand(
  { w, rows, cols, bandElements = BAND_ELEMENTS }: LongMatrix,
  use: (band: Float64Array, start: number, length: number) => Float64Array | undefined,
): void {
  const tall = rows >= cols;
  const [long, short] = tall ? [rows, cols] : [cols, rows];
  const step = Math.max(1, Math.floor(bandElements / short));
  let spare: Float64Array | undefined;
  for (let start = 0; start < long; start += step) {
    const end = Math.min(long, start + step);
    if (tall) use(w.subarray(start * cols, end * cols), start, end - start);
    else spare = use(columns(w, rows, cols, start, end, spare), start, end - start);
  }
}

/** @param memory where they are copied to, if there is enough */
function columns(
  w: Float64Array,
  rows: number,
  cols: number,
  start: number,
  end: number,
  memory?: Float64Array,
): Float64Array {
  if (start === 0 && end === cols) return w;
  const band = memory?.subarray(0, rows * (end - start)) ?? new Float64Array(rows * (end - start));
  for (let r = 0; r < rows; r++) band.set(w.subarray(r * cols + start, r * cols + end), r * (end - start));
  return band;
}
