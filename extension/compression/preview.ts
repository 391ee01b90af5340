/** What a compression would cost and save, from the spectrum alone: nothing is factored, nothing is written. */
import type { CompressionPreview, RankRequest } from '../shared/compressions';
import { breakEvenRank } from '../spectral/ranks/ranks';
import { PROPOSED_ENERGIES, proposedRank, whyNoSaving, type RankOffer } from '../shared/worthFactoring';
import type { CompressionMatrix } from './compressionMatrix';
import { CompressionError } from './compressionError';
import { descendingEigenvalues, resolveRank } from './rankRequest';
import { compressionMethod } from './registry';

export interface PreviewInput {
  layer: string;
  /** The matrix that is factored, from `compressionMatrix`. */
  matrix: Pick<CompressionMatrix, 'kind' | 'rows' | 'cols' | 'positions'>;
  /**
   * λ = σ² of that very matrix, all min(rows, cols) of them, in any order. For a convolution they are those of the
   * whole kernel as one matrix, not the pooled ones of its ESD.
   */
  eigenvalues: Float64Array;
  /** Bytes of one stored element. */
  elementBytes: number;
  /** Bytes of the matrix as it is stored, where it is stored encoded. */
  storedBytes?: number;
}

/**
 * Error, size and cost of compressing one matrix. The error is exact: ‖W − W_k‖_F² = Σ_{i>k} λᵢ (Eckart–Young), before
 * rounding to the stored dtype. Sizes and multiply-adds are those of the factor pair.
 *
 * @throws CompressionError `unknown-method`, `invalid-rank`; `not-finite` where the spectrum holds NaN or Inf
 */
export function previewCompression(input: PreviewInput, method: string, request: RankRequest): CompressionPreview {
  const { rows, cols } = input.matrix;
  const { name } = compressionMethod(method);
  const descending = descendingEigenvalues(input.eigenvalues);
  const fullRank = Math.min(rows, cols);
  if (descending.length !== fullRank) {
    throw new RangeError(`${descending.length} eigenvalues given for a ${rows} × ${cols} matrix`);
  }
  if (!descending.every(Number.isFinite)) {
    throw new CompressionError('not-finite', 'its spectrum is not finite, so nothing can be kept of it', {
      layer: input.layer,
    });
  }
  const rank = resolveRank(request, descending, { layer: input.layer, rows, cols });
  const singularValues = descending.map(Math.sqrt);
  const parameters = { before: rows * cols, after: rank * (rows + cols) };
  const notWorthFactoring = whyNotFactor(input, descending);
  return {
    layer: input.layer,
    method: name,
    rank,
    fullRank,
    breakEven: breakEvenRank(rows, cols),
    ...(notWorthFactoring !== undefined && { notWorthFactoring }),
    relative_error: relativeError(descending, rank),
    sigma_ratio: singularValues[0] === 0 ? 0 : (singularValues[rank] ?? 0) / singularValues[0]!,
    parameters,
    bytes: {
      before: input.storedBytes ?? parameters.before * input.elementBytes,
      after: parameters.after * input.elementBytes,
    },
    // Every parameter of a matrix or kernel is used once per token or output position.
    multiply_adds: { ...parameters },
    singularValues,
    notes: [...(notWorthFactoring === undefined ? [] : [notWorthFactoring]), ...notes(input, rank)],
  };
}

/**
 * ‖W − W_k‖_F/‖W‖_F of keeping the k largest; 0 for a zero matrix.
 *
 * @param descending λ = σ², largest first
 */
export function relativeError(descending: Float64Array, rank: number): number {
  // Smallest first, so that the small ones are not lost in the large.
  const discarded = descending.subarray(rank).reduceRight((sum, value) => sum + value, 0);
  const total = descending.subarray(0, rank).reduceRight((sum, value) => sum + value, discarded);
  return total === 0 ? 0 : Math.sqrt(discarded / total);
}

/** Undefined for an expert, too, which is saved as its product only. */
function whyNotFactor(
  { layer, matrix, elementBytes, storedBytes }: PreviewInput,
  descending: Float64Array,
): string | undefined {
  const { kind, rows, cols } = matrix;
  if (kind === 'expert' || !(descending[0]! > 0)) return undefined;
  // Against the bytes as they are stored: of a quantised weight few are left to save.
  const size = storedBytes === undefined ? rows * cols : storedBytes / elementBytes;
  const offer = (rank: number): RankOffer => ({
    rank,
    error: relativeError(descending, rank),
    ratio: (rank * (rows + cols)) / size,
  });
  const offers = PROPOSED_ENERGIES.map((energy) => {
    const request = { kind: 'energy', energy } as const;
    return { ...offer(resolveRank(request, descending, { layer, rows, cols })), energy };
  });
  return proposedRank(offers, offer(Math.max(1, Math.floor(size / 2 / (rows + cols))))).reason;
}

function notes(input: PreviewInput, rank: number): string[] {
  const { kind, rows, cols, positions } = input.matrix;
  const breakEven = breakEvenRank(rows, cols);
  const list: string[] = [];
  if (rank > breakEven) {
    list.push(
      breakEven < 1
        ? `No factor pair of this ${rows} × ${cols} matrix is smaller than the matrix itself.`
        : `Above rank ${breakEven} (break-even) the two factors are larger than the matrix itself.`,
    );
  } else {
    const why = kind === 'expert' ? undefined : whyNoSaving((rank * (rows + cols)) / (rows * cols));
    if (why !== undefined) list.push(`${why[0]!.toUpperCase()}${why.slice(1)}.`);
  }
  if (kind === 'conv') {
    list.push(
      `The kernel is factored as one ${rows} × ${cols} matrix: a convolution to ${rank} channels, then a 1 × 1 ` +
        `convolution. Its singular values are not those of the ESD, which pools ${positions} kernel positions.`,
      'In a grouped or transposed convolution the factors cannot stand in for the kernel; save the reconstructed one.',
    );
  }
  if (kind === 'expert') {
    list.push('Only this expert is compressed. Its factors cannot be stored in the stack; the product can.');
  }
  return list;
}
