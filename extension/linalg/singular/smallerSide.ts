/**
 * Eigenvalues and leading eigenvectors of the Gram matrix of a matrix's smaller side: by the products of another thread if
 * there is one and the matrix is large, else by this thread's kernels.
 */
import { pollFor, symmetricEigenvalues, type EigenOptions } from '../eigen/symmetricEigenvalues';
import { topEigenvectors } from '../eigen/symmetricEigenvectors';
import { bandEigenvalues } from '../eigen/bandEigenvalues';
import type { BandMatrix } from '../kernels/bandMatrix';
import { leadingBandVectors, subspaceSize } from '../eigen/bandSubspace';
import type { Poll } from '../kernels/kernels';
import type { ProductHost } from '../kernels/kernels';
import { bandedGram, forEachBand, type LongMatrix } from './bands';
import { transpose } from '../kernels/transpose';

/** Smaller Gram matrices are solved in one stage, as fast. */
const LEAST_HOSTED_ORDER = 512;
/** A subspace of more of the order gains nothing over all of it. */
const LARGEST_SUBSPACE = 1 / 2;

/** Rough shares of the time. */
const GRAM_SHARE = 0.3;
const BAND_SHARE = 0.65;
const SUBSPACE_SHARE = 0.93;

/**
 * Orthonormal singular vectors of the smaller side, rank × min(rows, cols), largest σ first.
 *
 * @param rank 1 ≤ rank ≤ min(rows, cols)
 * @throws RangeError where an element is not finite; what `poll` does
 */
export function smallerSideVectors(matrix: LongMatrix, rank: number, options: EigenOptions): Float64Array {
  const { kernels } = matrix;
  const order = Math.min(matrix.rows, matrix.cols);
  const { host } = kernels;
  const found =
    host && order >= LEAST_HOSTED_ORDER && subspaceSize(order, rank) <= LARGEST_SUBSPACE * order
      ? hostedVectors(matrix, host, rank, options)
      : undefined;
  if (found) return found;
  const gram = bandedGram(matrix, pollFor(options, 0, GRAM_SHARE));
  const onProgress: Poll = (fraction) => options.onProgress?.(GRAM_SHARE + (1 - GRAM_SHARE) * fraction);
  return topEigenvectors(gram, order, rank, { ...options, kernels, onProgress }).vectors;
}

/** Ascending eigenvalues of the Gram matrix; those that are zero may come out slightly negative. */
export function smallerSideEigenvalues(matrix: LongMatrix, options: EigenOptions): Float64Array {
  const { kernels } = matrix;
  const order = Math.min(matrix.rows, matrix.cols);
  const rest = {
    ...options,
    kernels,
    onProgress: (fraction: number) => options.onProgress?.(BAND_SHARE + (1 - BAND_SHARE) * fraction),
  };
  if (kernels.host && order >= LEAST_HOSTED_ORDER)
    return bandEigenvalues(hostedBand(matrix, kernels.host, options), rest);
  return symmetricEigenvalues(bandedGram(matrix, pollFor(options, 0, GRAM_SHARE)), order, rest);
}

/** @returns undefined if the spectrum does not suit the iteration */
function hostedVectors(
  matrix: LongMatrix,
  host: ProductHost,
  rank: number,
  options: EigenOptions,
): Float64Array | undefined {
  const band = hostedBand(matrix, host, options);
  const poll = pollFor(options, BAND_SHARE, SUBSPACE_SHARE);
  if (!leadingBandVectors(band, rank, { subspace: host, kernels: matrix.kernels, poll })) return undefined;
  const vectors = host.transform(rank, pollFor(options, SUBSPACE_SHARE, 1));
  return transpose(vectors, band.n, rank);
}

function hostedBand(matrix: LongMatrix, host: ProductHost, options: EigenOptions): BandMatrix {
  const { w, rows, cols } = matrix;
  const tall = rows >= cols;
  const order = Math.min(rows, cols);
  const poll = pollFor(options, 0, GRAM_SHARE);
  host.beginGram(order);
  let spare: Float64Array | undefined;
  forEachBand(matrix, (band, start, length) => {
    poll(start / Math.max(rows, cols));
    const memory = spare?.subarray(0, length * order);
    spare = host.addGram(tall ? transpose(band, length, cols, memory) : band === w ? band.slice() : band, length);
    return spare;
  });
  return host.reduce(pollFor(options, GRAM_SHARE, BAND_SHARE));
}
