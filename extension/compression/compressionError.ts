/** What is wrong with a compression or a save: code for programs, sentence for people, file and layer. */
import type { Problem } from '../shared/tensors';

export type CompressionErrorCode =
  /** The requested rank, energy or budget is not one this matrix can have. */
  | 'invalid-rank'
  /** No method of that name. */
  | 'unknown-method'
  /** The method has no such option, or not with this value. */
  | 'invalid-option'
  /** No such layer, or one without a matrix. */
  | 'unknown-layer'
  /** The tensor, or this output for it, cannot be compressed or stored. */
  | 'unsupported'
  /** The method needs statistics of the layer that are not there. */
  | 'missing-statistics'
  /** Statistics of the wrong shape, not finite, not symmetric or indefinite. */
  | 'invalid-statistics'
  /** The plan is for another model, or says what cannot be. */
  | 'invalid-plan'
  /** NaN or Inf in the weights. */
  | 'not-finite'
  /** A new tensor would take a name the checkpoint already uses. */
  | 'name-collision'
  /** Some of the source's tensors cannot be read, so a copy would lack them. */
  | 'incomplete-source'
  /** The target is one of the source's own files. */
  | 'target-is-source'
  /** The target exists and may not be replaced without asking. */
  | 'target-exists'
  /** The target names a folder, or something else that is not a regular file. */
  | 'not-a-file'
  | 'no-folder'
  | 'read-only'
  | 'no-space'
  /** What was written is not what was meant to be written. */
  | 'verification'
  /** Writing failed in another way; the cause says how. */
  | 'io';

export class CompressionError extends Error {
  override readonly name = 'CompressionError';

  /**
   * @param code one of the codes above
   * @param reason what is wrong and what to do, without file or layer (they are put in front)
   */
  constructor(
    readonly code: CompressionErrorCode,
    readonly reason: string,
    readonly where: { file?: string; layer?: string; cause?: unknown } = {},
  ) {
    const prefix = [where.file, where.layer && `layer ${where.layer}`].filter(Boolean).join(', ');
    super(prefix ? `${prefix}: ${reason}` : reason, { cause: where.cause });
  }

  toProblem(): Problem {
    const { file, layer } = this.where;
    return {
      code: this.code,
      message: this.message,
      ...(file !== undefined && { file }),
      ...(layer !== undefined && { tensor: layer }),
    };
  }
}
