/**
 * Singular directions from those of nearly the same matrix. Alternating methods take the low rank of a matrix that changed
 * little since the round before: two products then do what its whole spectrum would do, in a tenth of the time.
 *
 * With the row space V of Â and the orthonormal columns U of T·Vᵀ, ‖T − U·Uᵀ·T‖ ≤ ‖T − T·VᵀV‖ ≤ ‖T − Â‖: the error never
 * rises, as with the best approximation. Measured on whole runs of `gear` and `lq-lora`, the error after each round is the
 * one with the best approximations to within a thousandth, on either side.
 *
 * @see GEAR, arXiv 2403.05527, §3, and PowerSGD, arXiv 1905.13727, algorithm 1: power iteration from what was there before
 */
import { bandedImage } from '../../linalg/singular/bands';
import { orthonormalise } from '../../linalg/triangular/choleskyQr';
import { transpose } from '../../linalg/kernels/transpose';
import type { LayerMatrix, MethodTools } from '../methods/method';

/** Smaller matrices, and larger shares of their directions, are solved as fast. */
const LEAST_ORDER = 512;
const LARGEST_SHARE = 1 / 4;

/** A product out × rank · rank × in of one matrix. */
export interface FactorsBefore {
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/**
 * @param matrix T
 * @param before factors of Â ≈ T
 * @returns orthonormal vectors of the smaller side, rank × min(outputs, inputs), as `truncatedSvd` takes them; undefined if
 *   the whole spectrum is as fast, or a direction is zero
 * @throws what `poll` does
 */
export function improvedDirections(
  { w, outputs, inputs }: LayerMatrix,
  before: FactorsBefore,
  rank: number,
  { kernels, poll }: MethodTools,
): Float64Array | undefined {
  const order = Math.min(outputs, inputs);
  if (order < LEAST_ORDER || rank > LARGEST_SHARE * order) return undefined;
  const tall = outputs >= inputs;
  const vectors = tall ? transpose(before.left, outputs, rank) : before.right;
  let image = bandedImage({ w, rows: outputs, cols: inputs, kernels }, vectors, rank, poll);
  // A direction that is zero is not there any more, and would stay away.
  for (let j = 0; j < rank; j++) {
    if (image.subarray(j * order, (j + 1) * order).every((x) => x === 0)) return undefined;
  }
  const directions = {
    overlaps: () => kernels.multiply(image, image, rank, rank, order, false, true),
    combine: (coefficients: Float64Array) => {
      image = kernels.multiply(coefficients, image, rank, order, rank, false, false);
    },
  };
  return orthonormalise(directions, rank, kernels, () => poll(1)) ? image : undefined;
}
