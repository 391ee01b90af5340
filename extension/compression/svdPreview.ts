/** What a compression would cost and save, from the spectrum alone: nothing is factored, nothing is written. */
import type { CompressionPreview, RankRequest } from '../shared/compressions';
import { FactorPair } from '../shared/ranks/factorPair';
import { RankCurve } from '../shared/ranks/rankCurve';
import { whyNoSaving } from '../shared/ranks/worthFactoring';
import type { CompressionMatrix } from './compressionMatrix';
import { CompressionError } from './compressionError';
import { resolveRank } from './rankRequest';
import { l10n } from '../shared/language/l10n';

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
 * @throws CompressionError `invalid-rank`; `not-finite` where the spectrum holds NaN or Inf
 */
export function previewSvd(input: PreviewInput, request: RankRequest): CompressionPreview {
  const { rows, cols } = input.matrix;
  const { eigenvalues, elementBytes } = input;
  const fullRank = Math.min(rows, cols);
  if (eigenvalues.length !== fullRank) {
    throw new RangeError(`${eigenvalues.length} eigenvalues given for a ${rows} × ${cols} matrix`);
  }
  if (!eigenvalues.every(Number.isFinite)) {
    throw new CompressionError('not-finite', 'its spectrum is not finite, so nothing can be kept of it', {
      layer: input.layer,
    });
  }
  const rank = resolveRank(request, eigenvalues, { layer: input.layer, rows, cols });
  const pair = new FactorPair(rows, cols);
  const curve = new RankCurve(eigenvalues, pair, elementBytes);
  const { singularValues } = curve;
  const parameters = { before: pair.replaced, after: pair.parameters(rank) };
  const notWorthFactoring = whyNotFactor(input);
  return {
    layer: input.layer,
    method: 'svd',
    rank,
    fullRank,
    breakEven: pair.breakEven,
    ...(notWorthFactoring !== undefined && { notWorthFactoring }),
    relative_error: curve.error(rank),
    sigma_ratio: singularValues[0] === 0 ? 0 : (singularValues[rank] ?? 0) / singularValues[0]!,
    parameters,
    bytes: {
      before: input.storedBytes ?? parameters.before * elementBytes,
      after: curve.bytes(rank),
    },
    // Every parameter of a matrix or kernel is used once per token or output position.
    multiply_adds: { ...parameters },
    singularValues,
    notes: [...(notWorthFactoring === undefined ? [] : [notWorthFactoring]), ...notes(input, pair, rank)],
  };
}

/** Undefined for an expert, too, which is saved as its product only. */
function whyNotFactor({ matrix, eigenvalues, elementBytes, storedBytes }: PreviewInput): string | undefined {
  const { kind, rows, cols } = matrix;
  if (kind === 'expert' || !eigenvalues.some((value) => value > 0)) return undefined;
  // Against the bytes as they are stored: of a quantised weight few are left to save.
  const replaced = storedBytes === undefined ? undefined : storedBytes / elementBytes;
  return new RankCurve(eigenvalues, new FactorPair(rows, cols, replaced), elementBytes).proposal().reason;
}

function notes(input: PreviewInput, pair: FactorPair, rank: number): string[] {
  const { kind, rows, cols, positions } = input.matrix;
  const { breakEven } = pair;
  const list: string[] = [];
  if (rank > breakEven) {
    list.push(
      breakEven < 1
        ? l10n.english('No factor pair of this {0} × {1} matrix is smaller than the matrix itself.', rows, cols)
        : l10n.english('Above rank {0} (break-even) the two factors are larger than the matrix itself.', breakEven),
    );
  } else {
    const why = kind === 'expert' ? undefined : whyNoSaving(pair.ratio(rank));
    if (why !== undefined) list.push(`${why[0]!.toUpperCase()}${why.slice(1)}.`);
  }
  if (kind === 'conv') {
    list.push(
      l10n.english(
        'The kernel is factored as one {0} × {1} matrix: a convolution to {2} channels, then a 1 × 1 convolution. Its singular values are not those of the ESD, which pools {3} kernel positions.',
        ...([rows, cols, rank, positions] as const),
      ),
      l10n.english(
        'In a grouped or transposed convolution the factors cannot stand in for the kernel; save the reconstructed one.',
      ),
    );
  }
  if (kind === 'expert') {
    list.push(
      l10n.english('Only this expert is compressed. Its factors cannot be stored in the stack; the product can.'),
    );
  }
  return list;
}
